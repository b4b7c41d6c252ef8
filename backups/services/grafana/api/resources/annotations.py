"""Reads the annotations that people made, and makes those that are missing."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import DERIVED, NUMBER, SAVED, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import canonical
from backups.services.grafana.client import Client, as_list

_FIRST, _LAST = 1, 253_402_300_799_000
"""Milliseconds: just after 1970 began, and the end of the year 9999. Without both, the API ignores the time."""
_PAGE = 1000


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """They have no names, so the hash of their content is one."""
    for one in every_annotation(client):
        body = without(one, ANNOTATIONS.not_kept)
        name = hashlib.sha256(canonical(body).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        objects.bodies[objects.free(Key(organisation, kinds.ANNOTATION, name))] = body


def every_annotation(client: Client, most: int = _PAGE) -> Iterator[Mapping[str, Any]]:
    """All of them, newest first. The API has no pages: each call asks for what had ended when the last one that was read did.

    Where more than one answer holds ended at the same time, the next call asks for a longer answer.
    """
    known: set[Any] = set()
    until = _LAST
    for _ in client.numbers("api", "annotations"):
        found = as_list(client.get("api", "annotations", type="annotation", limit=most, to=until, **{"from": _FIRST}))
        new = [one for one in found if one.get("id") not in known]
        known |= {one.get("id") for one in new}
        yield from new
        if len(found) < most:
            return
        if new:
            until = min(int(one.get("timeEnd") or one.get("time") or 0) for one in found)
        else:
            most *= 2


def _put(target: Target, organisation: int) -> None:
    """The oldest first, as they were written."""
    client = target.within(organisation)
    found = target.each(organisation, kinds.ANNOTATION)
    for key, body, had in sorted(found, key=lambda one: (int(one[1].get("time") or 0), one[0].name)):
        if had is None:
            with target.putting(key):
                client.send("POST", "api", "annotations", body=body)


ANNOTATIONS = Resource(
    kind=kinds.ANNOTATION,
    read=_read,
    put=_put,
    not_kept={
        **dict.fromkeys(("id", "dashboardId", "userId", "userUID"), NUMBER),
        **dict.fromkeys(("login", "email", "created", "updated"), SAVED),
        "avatarUrl": DERIVED,
        **dict.fromkeys(("alertId", "alertName", "newState", "prevState"), "an alert's"),
    },
    counted=True,
    content=True,
)
