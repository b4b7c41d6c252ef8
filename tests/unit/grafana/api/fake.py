"""Stands for a Grafana inside a test: each call is answered as the test says, and noted; no socket, no waiting."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from backups.services.grafana import client as module
from backups.services.grafana.client import Client
from backups.services.http.answer import Answer
from tests.conftest import FIELD_DATA

RECORDED = FIELD_DATA / "grafana" / "recorded" / "real-12.4.3"

Said = tuple[int, Any] | Exception
"""A status with its JSON, or what goes wrong on the way."""


@dataclass(frozen=True)
class Call:
    """One request. organisation: the header's, "" for none; provenance: whether what is written is the API's own."""

    method: str
    path: str
    organisation: str
    body: Any
    provenance: bool


@dataclass
class Fake:
    """Answers `GET /api/orgs` and the like by the table, and by `rest` what is not in it.

    answers: each a `Said`, a list of them for one call after the other (the last one for ever), or a function of the call
    """

    answers: dict[str, Any]
    rest: Callable[[Call], Said] = lambda _: (404, {"message": "Not found"})
    calls: list[Call] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)
    last: str = "nothing"
    received: int = 0

    def ask(self, method: str, path: str, _: object, *, headers: Mapping[str, str], body: Any = None, **__: Any) -> Answer:
        """See `Line`."""
        path = unquote(path)
        call = Call(method, path, headers.get("X-Grafana-Org-Id", ""), body, "X-Disable-Provenance" not in headers)
        self.calls.append(call)
        self.last = f"{method} {path}"
        said = self.answers.get(self.last, self.rest)
        if isinstance(said, list):
            said = said.pop(0) if len(said) > 1 else said[0]
        if callable(said):
            said = said(call)
        if isinstance(said, Exception):
            raise said
        status, content = said
        return Answer(self.last, status, "", {}, json.dumps(content).encode())

    def close(self) -> None:
        """See `Line`."""

    @property
    def writes(self) -> list[Call]:
        """What was written."""
        return [call for call in self.calls if call.method != "GET"]


@contextmanager
def faked(fake: Fake, login: str | None = "root") -> Iterator[Client]:
    """A client of the fake."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Line", lambda *_, **__: fake)
        yield Client("http://fake.invalid", "Bearer x", login=login, pause=fake.paused.append)


def recorded(name: str) -> dict[str, Any]:
    """One recorded answer of a real 12.4.3, by the number and the beginning of its file's name: `extra/012`."""
    (path,) = Path(RECORDED).glob(f"{name}*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def route(name: str) -> str:
    """The method and path of a recorded answer."""
    one = recorded(name)
    return f"{one['method']} {one['route'].partition('?')[0]}"


def said(name: str) -> Said:
    """What a recorded answer said."""
    one = recorded(name)
    return one["status"], one["body"]
