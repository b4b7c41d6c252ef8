"""Says what an answer said that is not what was asked for: Grafana's own words, or that it is not Grafana's at all."""

from collections.abc import Mapping

from backups.errors import LifeboatError, Transient
from backups.services.http.answer import Answer, Foreign

_BUSY = frozenset({429, 502, 503, 504})


def message(answer: Answer) -> str:
    """The server's own words, no longer than a line."""
    try:
        said = answer.json()
    except Foreign:
        said = None
    words = said.get("message") if isinstance(said, Mapping) else None
    return " ".join(str(words or answer.reason).split())[:300]


def not_grafana(answer: Answer, how: str) -> LifeboatError:
    """The error for an answer of something else, or of what stands before it."""
    kind = Transient if answer.status in _BUSY else Foreign
    return kind(f"{answer.what} answers {answer.status}, and {how}", hint=_whose(answer.status))


def _whose(status: int) -> str:
    if status in (502, 503, 504):
        return "a proxy before it answers in its place: look there, or set url to Grafana's own address"
    return "is the url a Grafana's, with its sub-path? what stands before it may answer in its place"
