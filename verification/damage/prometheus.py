"""Damages the blocks and the configuration of a Prometheus backup."""

import mmap
import random
import re
import shutil
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from backups.services.prometheus.details import BLOCKS, CONFIG, PrometheusDetails
from verification.damage.anywhere import flip, mapped, of_backup
from verification.damage.checksums import crc32c
from verification.damage.kind import MOST, Injected, Kind, NotInjected, Stand, Target

TYPES = frozenset({"prometheus"})
_HEADER = 8
_XOR = 1
"""The encoding of a chunk of plain numbers."""
_TOMBSTONES = struct.pack(">IB", 0x0130BA30, 1)
"""What the file begins with: https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/tombstones.md"""


def _files(stand: Stand, pattern: str) -> list[Target]:
    """Name the files of the last backup's blocks, by the backup that holds them, block and path."""
    if not stand.chain:
        return []
    last = stand.manifests[-1]
    found = (
        (file.backup or last.id, block.ulid, file.path)
        for block in PrometheusDetails.of(last).blocks
        for file in block.files
        if re.fullmatch(pattern, file.path) and file.size
    )
    return list(islice(found, MOST))


def _path(stand: Stand, target: Target) -> Path:
    backup, ulid, path = target
    return of_backup(stand, backup).data / BLOCKS / ulid / path


def _block(target: Target) -> tuple[str, ...]:
    return (f"block {target[1]}", f"{BLOCKS}/{target[1]}/{target[2]}")


def _flip(stand: Stand, target: Target, chance: random.Random) -> Injected:
    path = _path(stand, target)
    at = chance.randrange(path.stat().st_size)
    flip(path, at, chance.randrange(8))
    return Injected(f"one bit of byte {at} of {target[2]} of block {target[1]} flipped", _block(target))


def _chunks(content: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield where the checked bytes of each chunk of a file begin and end: its encoding, and its data."""
    at = _HEADER
    while at < len(content):
        length, at = _varint(content, at)
        yield at, at + 1 + length
        at += 1 + length + 4


def _varint(content: mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, at


def _change_sample(stand: Stand, target: Target, chance: random.Random) -> Injected:
    """Flip the lowest bit of the first value of a chunk, and give the chunk the checksum of what it holds now."""
    path = _path(stand, target)
    with mapped(path) as content:
        plain = [(begin, end) for begin, end in islice(_chunks(content), MOST) if content[begin] == _XOR]
        if not plain:
            raise NotInjected(f"{target[2]} of block {target[1]} holds no chunk of plain numbers")
        begin, end = chance.choice(plain)
        # Behind the number of samples, two bytes, comes the first time.
        _, value = _varint(content, begin + 3)
        content[value + 7] ^= 1
        struct.pack_into(">I", content, end, crc32c(content[begin:end]))
    return Injected(f"a sample's value changed in {target[2]} of block {target[1]}, with the right checksum", _block(target))


def _change_meta(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    """Change the last digit of how many samples a block says that it has."""
    path = _path(stand, target)
    text = path.read_text(encoding="utf-8")
    changed = re.sub(r'("numSamples": *\d*)(\d)', lambda found: f"{found[1]}{(int(found[2]) + 1) % 10}", text, count=1)
    if changed == text:
        raise NotInjected(f"block {target[1]} does not say how many samples it has")
    path.write_text(changed, encoding="utf-8")
    return Injected(f"the number of samples changed in meta.json of block {target[1]}", _block(target))


def _bury(stand: Stand, target: Target, chance: random.Random) -> Injected:
    """Mark a series as deleted for all times."""
    path = _path(stand, target)
    entry = bytes([chance.randrange(1, 128)]) + b"\0" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    path.write_bytes(_TOMBSTONES + entry + struct.pack(">I", crc32c(entry)))
    return Injected(f"a tombstone added to block {target[1]}", _block(target))


def _lose(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    """Remove all files of a block, from every backup that holds some."""
    for fetched in stand.chain:
        shutil.rmtree(fetched.data / BLOCKS / target[1], ignore_errors=True)
    files = [path for _, ulid, path in _files(stand, ".*") if ulid == target[1]]
    return Injected(f"block {target[1]} is gone", (f"block {target[1]}", *(f"{BLOCKS}/{target[1]}/{path}" for path in files)))


def _configuration(stand: Stand) -> list[Target]:
    if not stand.chain:
        return []
    last = stand.manifests[-1]
    found = ((last.id, entry.path) for entry in last.files if entry.path.startswith(f"{CONFIG}/") and entry.size)
    return list(islice(found, MOST))


def _flip_configuration(stand: Stand, target: Target, chance: random.Random) -> Injected:
    path = of_backup(stand, target[0]).data / target[1]
    at = chance.randrange(path.stat().st_size)
    flip(path, at)
    return Injected(f"one bit of {target[1]} flipped", (f"configuration {target[1].removeprefix(f'{CONFIG}/')}",))


KINDS: Sequence[Kind] = (
    Kind("bit of a chunk flipped", TYPES, "fetched", lambda stand: _files(stand, "chunks/.*"), _flip),
    Kind("bit of an index flipped", TYPES, "fetched", lambda stand: _files(stand, "index"), _flip),
    Kind("value of a sample changed", TYPES, "fetched", lambda stand: _files(stand, "chunks/.*"), _change_sample),
    Kind("number in meta.json changed", TYPES, "fetched", lambda stand: _files(stand, "meta.json"), _change_meta),
    Kind("tombstone added", TYPES, "fetched", lambda stand: _files(stand, "tombstones"), _bury),
    Kind("block gone", TYPES, "fetched", lambda stand: _files(stand, "meta.json"), _lose),
    Kind("bit of a Prometheus configuration flipped", TYPES, "fetched", _configuration, _flip_configuration),
)
