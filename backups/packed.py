"""Measures how well a backup's files compress, by a sample of their blocks: what is encrypted does not.

restic 0.14 does not say how much of what it stored was compressible, and what is saved ahead is in no summary of the backup. So a
sample is compressed here, before anything is saved; it is the same for every restic.
"""

import random
import zlib
from bisect import bisect_right
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from backups.manifest import FileEntry
from backups.past import EDGES, Packed

_BLOCK = 16 << 10
"""Bytes: a page of InnoDB."""
_MOST = 1000
"""Blocks that are read: some 0.3 s of processor time."""
_EMPTY = 5
"""Percent of its size: what is left of a block that holds nothing."""


def measure(directory: Path, files: tuple[FileEntry, ...], seed: str) -> Packed:
    """Compress a sample of the blocks of `files` below `directory`, which `seed` chooses; of small ones all."""
    starts = [0]
    for entry in files:
        starts.append(starts[-1] + -(-entry.size // _BLOCK))
    chance = random.Random(seed)  # noqa: S311 - a choice of blocks, no secret
    wanted = sorted(chance.sample(range(starts[-1]), min(_MOST, starts[-1])))
    left: list[float] = []
    for at, blocks in groupby(wanted, key=lambda block: bisect_right(starts, block) - 1):
        # A file that cannot be read is restic's to complain of.
        with suppress(OSError), (directory / files[at].path).open("rb") as file:
            for block in blocks:
                file.seek((block - starts[at]) * _BLOCK)
                left += _left(file.read(_BLOCK))
    return Packed(blocks=len(left), hard=tuple(sum(each >= edge for each in left) for edge in EDGES))


def _left(block: bytes) -> list[float]:
    """Return what compression leaves of a block, in percent; nothing of one that holds nothing, or is too short to tell."""
    if len(block) < _BLOCK // 16:
        return []
    percent = 100 * len(zlib.compress(block, 1)) / len(block)
    return [] if percent < _EMPTY else [percent]
