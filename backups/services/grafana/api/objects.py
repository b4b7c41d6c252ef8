"""Keeps the objects of a server in memory and in files: a file for each, so that restic stores only what changed."""

import hashlib
import json
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from backups.errors import Damaged
from backups.machine import disk
from backups.services.grafana.api import kinds
from backups.services.grafana.api.bodies import Bodies
from backups.services.grafana.canonical import canonical

DIRECTORY = "objects"
_LONGEST = 150


class Key(NamedTuple):
    """An object's name: the organisation's number (0 for the server's own), the kind, and its uid or name there."""

    organisation: int
    kind: str
    name: str

    def __str__(self) -> str:
        whose = f"org {self.organisation}" if self.organisation else "grafana"
        return f"{whose} {self.kind} {self.name}".rstrip()


@dataclass
class Objects:
    """The objects of a server.

    bodies: each as its `Resource` keeps it. numbers: what the server itself calls an object (not stored)
    closed: kinds of an organisation that could not be read, with the reason: `bodies` has none of them
    denied: those of them that the server has and the caller may not read
    limits: what the API does not return, or not accept again, a sentence each: shown at every backup
    plugins: id and version of each. licensed: whether the server is of an edition that has more than is read
    """

    bodies: MutableMapping[Key, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[Key, Any] = field(default_factory=dict)
    closed: dict[tuple[int, str], str] = field(default_factory=dict)
    denied: set[tuple[int, str]] = field(default_factory=set)
    limits: list[str] = field(default_factory=list)
    plugins: list[dict[str, Any]] = field(default_factory=list)
    licensed: bool = False

    def __post_init__(self) -> None:
        self.bodies = Bodies(self.bodies)

    @property
    def packed(self) -> Bodies[Key]:
        """The bodies, as what they are."""
        return cast("Bodies[Key]", self.bodies)

    @property
    def organisations(self) -> dict[int, str]:
        """Names by number."""
        return {key.organisation: key.name for key in self.bodies if key.kind == kinds.ORGANISATION}

    def of(self, organisation: int, kind: str) -> Mapping[str, dict[str, Any]]:
        """The objects of one kind by name."""
        found = (key for key in self.bodies if key.organisation == organisation and key.kind == kind)
        return self.packed.renamed((key, key.name) for key in found)

    def number(self, organisation: int, kind: str, name: str) -> Any:
        """What the server calls it; None when it is not there."""
        return self.numbers.get(Key(organisation, kind, name))

    def free(self, key: Key) -> Key:
        """The key, or with a number where there is one already."""
        number, found = 1, key
        while found in self.bodies:
            number += 1
            found = key._replace(name=f"{key.name} #{number}")
        return found

    def different(self, other: "Objects") -> list[Key]:
        """What is not the same in both, by name."""
        every = self.bodies.keys() | other.bodies.keys()
        return sorted(key for key in every if not self.packed.same(key, other.packed))


def write(objects: Objects, directory: Path) -> None:
    """Write every object as canonical JSON below `directory`. Raises LifeboatError when there is no room."""
    directory.mkdir(parents=True, exist_ok=True)
    # Text that JSON compresses well is a tenth of itself in memory.
    disk.require(directory, 10 * objects.packed.size, "what was read over the API")
    for key, body in objects.bodies.items():
        text = canonical({"organisation": key.organisation, "kind": key.kind, "name": key.name, "body": body})
        file = directory / DIRECTORY / _path(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        # There may be secrets in it.
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8", errors="surrogatepass")


def load(directory: Path, backup: str) -> Objects:
    """Read what `write` wrote. Raises Damaged, naming the file, for what is not that."""
    found = Objects()
    for path in _files(directory / DIRECTORY):
        try:
            one = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
            key, body = Key(int(one["organisation"]), str(one["kind"]), str(one["name"])), one["body"]
            if not isinstance(body, Mapping):
                raise TypeError("its body is no object")  # noqa: TRY301 - reported with the others
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise Damaged(
                f"{path.relative_to(directory)} of backup {backup} cannot be read: {error}",
                hint="verify another backup, and take a full",
            ) from error
        found.bodies[key] = dict(body)
    if not found.organisations:
        raise Damaged(f"backup {backup} holds no organisation", hint="verify another backup, and take a full")
    return found


def shortened(names: Sequence[str], most: int = 10) -> str:
    """Some names in a line."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*.json")) if path.is_file())


def _path(key: Key) -> str:
    name = quote(key.name, safe="", errors="surrogatepass")
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(key.name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    return f"org-{key.organisation}/{key.kind.replace(' ', '-')}/{name or '_'}.json"
