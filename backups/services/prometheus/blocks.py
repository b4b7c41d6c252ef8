"""Reads and compares blocks on disk: directories named by a ULID, with `meta.json`, `index`, `tombstones` and `chunks/`."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from backups.errors import LifeboatError
from backups.machine import below
from backups.manifest import Manifest
from backups.services.prometheus.details import Block, BlockFile
from backups.witness import Fact

META = "meta.json"
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_MAY_CHANGE = frozenset({META, "tombstones"})
"""Files of a block that Prometheus may rewrite; all others are written once, under a ULID that is never used again."""
_PIECE = 1 << 20
Known = dict[tuple[str, str, int], BlockFile]


def is_ulid(name: str) -> bool:
    """Return whether a directory's name is a block's."""
    return _ULID.fullmatch(name) is not None


@dataclass(frozen=True)
class Meta:
    """The content of a block's meta.json. Times in milliseconds since 1970, the second one exclusive."""

    ulid: str
    min_time: int
    max_time: int
    samples: int
    series: int
    chunks: int

    @classmethod
    def read(cls, text: bytes, origin: str) -> "Meta":
        """Read a meta.json; raises LifeboatError, naming `origin`, when it is not one."""
        try:
            content: dict[str, Any] = json.loads(text)
            stats = content["stats"]
            return cls(
                ulid=str(content["ulid"]),
                min_time=int(content["minTime"]),
                max_time=int(content["maxTime"]),
                samples=int(stats.get("numSamples", 0)),
                series=int(stats.get("numSeries", 0)),
                chunks=int(stats.get("numChunks", 0)),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LifeboatError(
                f"{origin} is not a valid meta.json of a block: {error}",
                hint="is the disk of that Prometheus healthy? promtool tsdb list reads every block",
            ) from error


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: BinaryIO) -> str:
    total = hashlib.sha256()
    while piece := file.read(_PIECE):
        total.update(piece)
    return total.hexdigest()


def known(chain: Sequence[Manifest], blocks: Sequence[Block]) -> Known:
    """Return the files of `blocks` (those of the chain's last backup) by block, path and size, each with its backup."""
    return {
        (block.ulid, file.path, file.size): file.model_copy(update={"backup": file.backup or chain[-1].id})
        for block in blocks
        for file in block.files
    }


def must_be_copied(ulid: str, path: str, size: int, have: Known) -> bool:
    """Return whether a file of the snapshot has to be fetched; the small ones that may change always are."""
    return path in _MAY_CHANGE or (ulid, path, size) not in have


def facts(directory: Path) -> Iterator[Fact]:
    """Yield facts about the blocks below a data directory of a server: the numbers of each meta.json, the sha256 of each file.

    A block whose meta.json cannot be read has no numbers: compared with its witness, that fails.
    """
    there = sorted(below.walk(directory))
    found = [path.name for path, entry in there if len(path.parts) == 1 and stat.S_ISDIR(entry.st_mode) and is_ulid(path.name)]
    yield total(len(found))
    for ulid in found:
        try:
            with below.opened(directory, PurePath(ulid, META)) as file:
                meta = Meta.read(file.read(), f"block {ulid}")
        except (OSError, LifeboatError):
            pass
        else:
            yield from numbers(meta, ulid)
        for path, entry in there:
            if path.parts[0] != ulid or not stat.S_ISREG(entry.st_mode):
                continue
            # What is gone or something else by now has no fact either.
            with suppress(OSError), below.opened(directory, path) as file:
                yield file_fact(ulid, path.relative_to(ulid).as_posix(), _digest(file))


def total(count: int) -> Fact:
    """Return the fact of how many blocks there are."""
    return Fact("data directory", "blocks", count)


def numbers(meta: Meta, ulid: str) -> Iterator[Fact]:
    """Yield the facts of a block's meta.json."""
    subject = f"block {ulid}"
    yield Fact(subject, "min time", meta.min_time)
    yield Fact(subject, "max time", meta.max_time)
    yield Fact(subject, "samples", meta.samples)
    yield Fact(subject, "series", meta.series)
    yield Fact(subject, "chunks", meta.chunks)


def file_fact(ulid: str, path: str, sha256: str) -> Fact:
    """Return the fact of one file of a block."""
    return Fact(f"block {ulid}", f"sha256 of {path}", sha256)


def damages(directory: Path, blocks: Sequence[Block]) -> list[str]:
    """Return which files below a data directory are not what was captured, one line each; none when all are."""
    found = []
    for block in blocks:
        for file in block.files:
            try:
                with below.opened(directory, PurePath(block.ulid, file.path)) as opened:
                    size, now = os.fstat(opened.fileno()).st_size, _digest(opened)
            except OSError:
                found.append(f"block {block.ulid}: {file.path} is missing")
                continue
            if size != file.size:
                found.append(f"block {block.ulid}: {file.path} has {size} bytes, {file.size} were captured")
            elif now != file.sha256:
                found.append(f"block {block.ulid}: {file.path} has sha256 {now[:12]}…, {file.sha256[:12]}… was captured")
    return found
