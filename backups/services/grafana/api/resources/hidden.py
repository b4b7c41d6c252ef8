"""Finds the secrets in a contact point's settings, which the server hides: fills them in, leaves them out, has stand-ins."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

REDACTED: Final = "[REDACTED]"
"""What the server writes in place of a secret."""

_NO_SECRET, _NO_URL = "set-after-the-restore", "https://set-after-the-restore.invalid/"
"""What stands in for a secret, which is not in a backup: without one, some types are refused, and with them the policies and
rules that name them. The name `.invalid` leads nowhere (RFC 2606)."""

_TELLING, _GUESSED = 8, 4
"""Characters: so many of a secret are a part of it, not a word that is like it; what has fewer than the other number is none."""

Path = tuple[str | int, ...]


def redacted(value: Any) -> list[str]:
    """Where in a value secrets were left out: `password`, `http_config.oauth2.client_secret`."""
    return [named(path) for path in _hidden(value, ())]


def named(path: Path) -> str:
    """A place in a value, as a person reads it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def filled_in(value: Any, whole: Any) -> tuple[Any, list[str]]:
    """A value with those secrets that `whole` has at the same place, and which those are."""
    found: list[str] = []

    def fill(inner: Any, other: Any, path: Path) -> Any:
        if inner == REDACTED:
            if isinstance(other, str) and other and other != REDACTED:
                found.append(named(path))
                return other
            return inner
        if isinstance(inner, Mapping):
            there = other if isinstance(other, Mapping) else {}
            return {name: fill(member, there.get(name), (*path, str(name))) for name, member in inner.items()}
        if isinstance(inner, list):
            others = other if isinstance(other, list) and len(other) == len(inner) else [None] * len(inner)
            return [fill(member, others[number], (*path, number)) for number, member in enumerate(inner)]
        return inner

    made = fill(value, whole, ())
    return made, sorted(found)


def hidden_again(value: Any, secrets: list[str], path: Path = ()) -> Any:
    """A value as the server shows it to whoever may not read secrets. secrets: where they are."""
    if named(path) in secrets and path:
        return REDACTED
    if isinstance(value, Mapping):
        return {name: hidden_again(member, secrets, (*path, str(name))) for name, member in value.items()}
    if isinstance(value, list):
        return [hidden_again(member, secrets, (*path, number)) for number, member in enumerate(value)]
    return value


def without_hidden(value: Any) -> Any:
    """A value without the members whose secret the server keeps to itself."""
    if isinstance(value, Mapping):
        return {name: without_hidden(inner) for name, inner in value.items() if inner != REDACTED}
    if isinstance(value, list):
        return [without_hidden(inner) for inner in value]
    return value


def at(value: Any, where: str) -> Any:
    """The secret at a place, None where there is none."""
    found = [inner for path, inner in _leaves(value, ()) if named(path) == where]
    return found[0] if found else None


def unsaid(text: str, value: Any, secrets: Iterable[str]) -> str:
    """A server's words about settings that it was sent, up to where they repeat a secret. secrets: where they are.

    It may quote one in another form, or be cut short in the middle of it: a part is enough.
    """
    said = [found for where in secrets if isinstance(found := at(value, where), str)]
    parts = {one[start : start + _TELLING] for one in said for start in range(max(len(one) - _TELLING, 0) + 1)}
    found = [place for part in parts if len(part) >= _GUESSED and (place := text.find(part)) >= 0]
    return f"{text[: min(found)]}{REDACTED}" if found else text


def with_stand_ins(value: Any, name: str = "") -> Any:
    """Settings in which every secret that was left out has a value that is none, yet of the right shape."""
    if value == REDACTED:
        return _NO_URL if name.lower().endswith("url") else _NO_SECRET
    if isinstance(value, Mapping):
        return {inner: with_stand_ins(member, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [with_stand_ins(member, name) for member in value]
    return value


def _hidden(value: Any, path: Path) -> Iterator[Path]:
    yield from sorted((at for at, inner in _leaves(value, path) if inner == REDACTED), key=named)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*path, number))
    else:
        yield path, value
