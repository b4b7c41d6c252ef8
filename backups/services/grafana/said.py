"""Reads what an answer says: its JSON, Grafana's own words for a refusal, or that it is not Grafana's at all."""

from collections.abc import Mapping
from typing import Any

from backups.errors import LifeboatError, Transient
from backups.services.http.answer import Answer, Foreign, TooDeep

_BUSY = frozenset({429, 502, 503, 504})


def message(answer: Answer) -> str:
    """The server's own words, no longer than a line."""
    try:
        said = answer.json()
    except Foreign:
        said = None
    words = said.get("message") if isinstance(said, Mapping) else None
    return " ".join(str(words or answer.reason).split())[:300]


def content(answer: Answer) -> Any:
    """Its JSON, None for nothing. Raises TooDeep, and another Foreign or Transient for what is no JSON."""
    try:
        return answer.json() if answer.body else None
    except TooDeep:
        raise
    except Foreign:
        raise not_grafana(answer, "not with JSON") from None


def not_grafana(answer: Answer, how: str) -> LifeboatError:
    """The error for an answer of something else, or of what stands before it."""
    kind = Transient if answer.status in _BUSY else Foreign
    return kind(f"{answer.what} answers {answer.status}, and {how}", hint=_whose(answer.status))


def _whose(status: int) -> str:
    if status in (502, 503, 504):
        return "a proxy before it answers in its place: look there, or set url to Grafana's own address"
    return "is the url a Grafana's, with its sub-path? what stands before it may answer in its place"
