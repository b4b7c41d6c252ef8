"""Silences, as the Alertmanager lists what `kv_store` has of them: base64 of one protobuf message after another."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from deployments.grafana_standin.server.request import RefusedError, Request

Json = dict[str, Any]
_MATCHERS = {0: (True, False), 1: (True, True), 2: (False, False), 3: (False, True)}
"""A matcher's type: whether it is met by equality, and whether its value is a regular expression."""


def silences(request: Request) -> list[Json]:
    """All of the organisation, those that have ended among them. An Alertmanager that cannot read them does not start: 409."""
    rows = request.rows(
        "SELECT value FROM kv_store WHERE org_id = ? AND namespace = 'alertmanager' AND key = 'silences'", request.org_id
    )
    try:
        records = b"".join(base64.b64decode(row["value"] or "") for row in rows)
        return [_silence(dict(_fields(record))[1], request.now) for record in _pieces(records)]
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise RefusedError(409, f"alertmanager is not ready: its silences cannot be read: {error!r}") from None


def _silence(message: bytes, now: datetime) -> Json:
    parts = list(_fields(message))
    one = dict(parts)
    starts, ends = _moment(one.get(3, b"")), _moment(one.get(4, b""))
    state = "expired" if ends <= now else "pending" if starts > now else "active"
    return {
        "id": one[1].decode(), "status": {"state": state}, "updatedAt": _written(_moment(one.get(5, b""))), "startsAt": _written(starts),
        "endsAt": _written(ends), "createdBy": one.get(8, b"").decode(), "comment": one.get(9, b"").decode(),
        "matchers": [_matcher(dict(_fields(content))) for number, content in parts if number == 2],
    }  # fmt: skip


def _matcher(parts: dict[int, Any]) -> Json:
    equal, regex = _MATCHERS[parts.get(1, 0)]
    return {"name": parts.get(2, b"").decode(), "value": parts.get(3, b"").decode(), "isEqual": equal, "isRegex": regex}


def _moment(message: bytes) -> datetime:
    return datetime.fromtimestamp(dict(_fields(message)).get(1, 0), UTC)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _pieces(data: bytes) -> Iterator[bytes]:
    """Messages that each have their length before them."""
    at = 0
    while at < len(data):
        length, at = _varint(data, at)
        yield data[at : at + length]
        at += length


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Each field's number, with its bytes or its number."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + value]
            at += value
        else:
            yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
