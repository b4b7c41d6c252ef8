"""Damages what every backup has, whatever its service: its files, the numbers in its manifest, the repository that holds it."""

import mmap
import random
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from backups.manifest import FileEntry, Manifest
from backups.services.base import Fetched
from backups.witness import Fact
from verification.damage.kind import MOST, Injected, Kind, NotInjected, Stand, Target

_EVERY: frozenset[str] = frozenset()


def flip(path: Path, offset: int, bit: int = 0) -> None:
    """Flip one bit of a file, whose size stays."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ (1 << bit)]))


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Open a file to be changed in its place, its size as it is: a log or a chunk file is larger than memory should be."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        yield content


def _files(stand: Stand, least: int) -> Iterator[Target]:
    """Yield the files of the chain that were fetched, by backup and path; `least`: bytes."""
    found = (
        (fetched.manifest.id, entry.path)
        for fetched in stand.chain
        for entry in fetched.manifest.files
        if entry.size >= least and (fetched.data / entry.path).is_file()
    )
    return islice(found, MOST)


def of_backup(stand: Stand, backup: str) -> Fetched:
    """Return a backup of the chain; raises NotInjected where it is not in it."""
    found = next((fetched for fetched in stand.chain if fetched.manifest.id == backup), None)
    if found is None:
        raise NotInjected(f"the chain does not hold {backup}")
    return found


def _lose(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    backup, path = target
    (of_backup(stand, backup).data / path).unlink()
    return Injected(f"{path} of {backup} is gone", (path,))


def _cut(stand: Stand, target: Target, chance: random.Random) -> Injected:
    backup, path = target
    file = of_backup(stand, backup).data / path
    size = file.stat().st_size
    left = chance.randrange(size)
    with file.open("r+b") as opened:
        opened.truncate(left)
    return Injected(f"{path} of {backup} ends after {left} of its {size} bytes", (path,))


def _numbers(stand: Stand) -> Iterable[Target]:
    """Name the facts of the last backup's witness whose value is a whole number."""
    facts = stand.manifests[-1].witness if stand.chain else ()
    whole = ((fact.subject, fact.metric) for fact in facts if isinstance(fact.value, int) and not isinstance(fact.value, bool))
    return islice(whole, MOST)


def _sizes(stand: Stand) -> Iterable[Target]:
    return _files(stand, 0)


Alter = Callable[[Manifest, Target, random.Random, str], tuple[Manifest, Injected | None]]
"""Changes a manifest of a chain whose last backup is named, and says what it did; None: the fault is in another one."""


def _alter_number(manifest: Manifest, target: Target, chance: random.Random, last: str) -> tuple[Manifest, Injected | None]:
    if manifest.id != last:
        return manifest, None
    subject, metric = target
    by = chance.choice((-1, 1))
    facts = tuple(
        Fact(fact.subject, fact.metric, fact.value + by)
        if (fact.subject, fact.metric) == target and isinstance(fact.value, int)
        else fact
        for fact in manifest.witness
    )
    words = f"the manifest of {manifest.id} says of {subject} {metric} {'one more' if by > 0 else 'one less'}"
    return manifest.model_copy(update={"witness": facts}), Injected(words, (subject,))


def _alter_size(manifest: Manifest, target: Target, chance: random.Random, last: str) -> tuple[Manifest, Injected | None]:  # noqa: ARG001
    backup, path = target
    if manifest.id != backup:
        return manifest, None
    files = tuple(FileEntry(path=each.path, size=each.size + (each.path == path)) for each in manifest.files)
    words = f"the manifest of {backup} gives {path} one byte more than it has"
    return manifest.model_copy(update={"files": files}), Injected(words, (path,))


ALTERED: Mapping[str, Alter] = {"number in a manifest's witness": _alter_number, "size of a file in a manifest": _alter_size}
"""By the name of its kind, how a manifest is changed as it is read."""


def _only_through(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    raise NotInjected("this kind of fault is put in before anything is fetched")


def _once(stand: Stand) -> Iterable[Target]:
    return [("pack",)] if any(_files(stand, 1)) else []


def damage_pack(repository: Path, chance: random.Random) -> Injected:
    """Flip one bit of what one pack of a repository holds; not of its header, which no restore reads."""
    # Their names are drawn anew for each repository, as is what it encrypts by.
    packs = sorted((path for path in (repository / "data").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    pack = chance.choice(packs)
    size = pack.stat().st_size
    with pack.open("rb") as file:
        file.seek(size - 4)
        (header,) = struct.unpack("<I", file.read(4))
    pack.chmod(0o600)
    at = chance.randrange(size - 4 - header)
    flip(pack, at, chance.randrange(8))
    return Injected(f"one bit of byte {at} of pack {pack.name[:8]} is another", (str(repository),))


KINDS: Sequence[Kind] = (
    Kind("file gone", _EVERY, "fetched", lambda stand: _files(stand, 0), _lose),
    Kind("file cut short", _EVERY, "fetched", lambda stand: _files(stand, 1), _cut),
    Kind("number in a manifest's witness", _EVERY, "manifest", _numbers, _only_through),
    Kind("size of a file in a manifest", _EVERY, "manifest", _sizes, _only_through),
    Kind("bit of a pack of the repository", _EVERY, "repository", _once, _only_through),
)
