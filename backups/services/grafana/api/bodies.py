"""Keeps thousands of objects in little memory: a large one as compressed JSON, which is read again each time it is asked for."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Other = TypeVar("Other")
Body = dict[str, Any]

_LARGE = 1500
"""Characters of JSON. A dashboard as Python's objects takes some ten times its text, and compressed a fifth of it."""


class Bodies(MutableMapping[Key, Body], Generic[Key]):
    """JSON objects by key, as a dictionary has them, except that what is taken out is a copy where it is large.

    kept: each as it is, or compressed
    """

    def __init__(self, bodies: Mapping[Key, Body] | Iterable[tuple[Key, Body]] = ()) -> None:
        self.kept: dict[Key, Body | bytes] = {}
        if isinstance(bodies, Bodies):
            self.kept = dict(bodies.kept)
        else:
            self.update(bodies)

    def __getitem__(self, key: Key) -> Body:
        return _unpacked(self.kept[key])

    def __setitem__(self, key: Key, body: Body) -> None:
        text = json.dumps(body)
        self.kept[key] = zlib.compress(text.encode(), 1) if len(text) > _LARGE else body

    def __delitem__(self, key: Key) -> None:
        del self.kept[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    def __contains__(self, key: object) -> bool:
        return key in self.kept

    def subset(self, keys: Iterable[Key]) -> "Bodies[Key]":
        """Some of them, without reading any."""
        return self.renamed((key, key) for key in keys)

    def renamed(self, keys: Iterable[tuple[Key, Other]]) -> "Bodies[Other]":
        """Some of them by other keys, without reading any."""
        found: Bodies[Other] = Bodies()
        found.kept = {there: self.kept[here] for here, there in keys}
        return found

    @property
    def size(self) -> int:
        """The bytes that they take here."""
        return sum(len(kept) if isinstance(kept, bytes) else _LARGE for kept in self.kept.values())

    def same(self, key: Key, other: "Bodies[Key]") -> bool:
        """Whether both have it, and equal."""
        mine, theirs = self.kept.get(key), other.kept.get(key)
        if mine is None or theirs is None:
            return mine is theirs
        return mine == theirs or _unpacked(mine) == _unpacked(theirs)


def _unpacked(kept: Body | bytes) -> Body:
    if isinstance(kept, bytes):
        body: Body = json.loads(zlib.decompress(kept))
        return body
    return kept
