"""A server that answers as a real Grafana 12.4.3 was recorded to, and has a stand-in answer what was not recorded."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.integration.grafana.standin.recorded import answers
from tests.servers.http import answering

Question = tuple[str, str, tuple[tuple[str, str], ...]]
"""An organisation, a path, and its parameters, sorted."""


def question(organisation: str | None, target: str) -> Question:
    """What is asked, however it is written."""
    parts = urlsplit(target)
    return organisation or "1", parts.path, tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))


@contextmanager
def replaying(standin: str, unrecorded: set[Question], changed: Mapping[Question, Any]) -> Iterator[str]:
    """Yields the url. `unrecorded` is filled with what the stand-in at this url was asked; `changed` answers otherwise than recorded."""
    known = {question(one.organisation, one.route): (one.status, one.body) for one in answers() if one.session == "recadm"}

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        asked = question(request.headers.get("X-Grafana-Org-Id"), request.path)
        if asked in known:
            status, body = (200, changed[asked]) if asked in changed else known[asked]
            return status, {"Content-Type": "application/json"}, json.dumps(body).encode()
        unrecorded.add(asked)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in {"host", "connection"}}
        given = requests.get(standin + request.path, headers=headers, timeout=60)
        return given.status_code, {"Content-Type": "application/json"}, given.content

    with answering(answer) as url:
        yield url
