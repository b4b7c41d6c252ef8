"""Reads what a server has answered: JSON of bounded depth and size, and of the shape that the service gives it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from backups.errors import LifeboatError

DEEPEST = 200
"""Levels of JSON: what works on it calls itself once a level or more often, and Python ends at 1000 calls."""
_MOST_VALUES = 10_000_000
"""Values of one JSON text, some 100 bytes of memory each."""
_NESTED = (dict, list)
_OF_ANOTHER_SHAPE = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)


class Foreign(LifeboatError):
    """An answer that is not of the service, or not of the shape that the service gives it."""


class TooMuch(Foreign):
    """An answer that is larger than what is read of one."""


class TooDeep(Foreign):
    """JSON that is nested deeper than DEEPEST levels."""


@dataclass(frozen=True)
class Answer:
    """What came back. what: the call, for messages: `GET https://…/api/health`; headers: by lower-case name."""

    what: str
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's JSON. Raises Foreign when it is none, TooDeep when it is nested too deep."""
        return parsed(self.body, self.what)


def parsed(body: bytes | str, what: str) -> Any:
    """Read JSON from outside; see `Answer.json`."""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise TooMuch(f"{what} answers with more than {_MOST_VALUES:,} values", hint="is its url right, and is it healthy?")
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep(what) from None
    except ValueError as error:
        raise Foreign(f"{what} answers with something that is no JSON", hint="is the url right?") from error
    if deeper_than(DEEPEST, value):
        raise _too_deep(what)
    return value


def deeper_than(levels: int, value: Any) -> bool:
    """Whether objects and lists are nested deeper than that; looks level by level, so that depth itself does no harm."""
    level = [value]
    for _ in range(levels):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += [member for member in one.values() if isinstance(member, _NESTED)]
            elif isinstance(one, list):
                inner += [member for member in one if isinstance(member, _NESTED)]
        if not inner:
            return False
        level = inner
    return True


@contextmanager
def understood(what: str | Callable[[], str], service: str) -> Iterator[None]:
    """Turn what an answer of an unexpected shape leads to into an error that names the call: `what`, or what that says then."""
    try:
        yield
    except _OF_ANOTHER_SHAPE as error:
        call = what if isinstance(what, str) else what()
        raise Foreign(
            f"{call} answers, and not as {service} does: {type(error).__name__}: {_line(error)}",
            hint=f"is the url {service}'s, and of a version that Lifeboat knows?",
        ) from error


def _too_deep(what: str) -> TooDeep:
    return TooDeep(f"{what} answers with JSON that is nested deeper than {DEEPEST} levels", hint="look at what is stored there")


def _no_constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are no JSON, and equal to nothing


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
