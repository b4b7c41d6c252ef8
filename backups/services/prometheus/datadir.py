"""Checks that a place is the data directory of the source, and finds the times over which it holds data."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backups.errors import ConfigError, LifeboatError
from backups.places.base import Place
from backups.services.prometheus.api import Api
from backups.services.prometheus.blocks import META, Meta, is_ulid
from backups.services.prometheus.questions import Span

_ATTEMPTS = 3
_PAUSE = 1.0
"""Seconds between two looks at a directory that a compaction may be changing."""


def check_identity(api: Api, place: Place) -> None:
    """Raise ConfigError unless the place is the data directory of this server; looks more than once.

    Two servers differ in the number of the write-ahead log's segment, or in a block that is loaded but not at the place.
    """
    place.check()
    if not place.exists("wal"):
        raise _wrong_place(api, place, "it has no directory wal/")
    difference = None
    for attempt in range(_ATTEMPTS):
        difference = _difference(api.gauges(), place)
        if difference is None:
            return
        if attempt + 1 < _ATTEMPTS:
            time.sleep(_PAUSE)
    raise _wrong_place(api, place, difference)


@dataclass(frozen=True)
class Unusable:
    """Blocks of the data directory that make trouble, by ULID.

    without_tombstones: the server serves them, and can make no snapshot. unreadable: their meta.json is none, so the server
    passes them by
    """

    without_tombstones: tuple[str, ...]
    unreadable: tuple[str, ...]


def unusable(place: Place, work: Path) -> Unusable:
    """Look for blocks that make trouble; `work` is an empty directory for what has to be fetched."""
    files = {file.path for file in place.files(".")}
    blocks = [path.split("/")[0] for path in _metas(place)]
    _, unreadable = _living(place, work)
    bare = tuple(ulid for ulid in blocks if f"{ulid}/tombstones" not in files and ulid not in unreadable)
    return Unusable(bare, tuple(unreadable))


def spans(api: Api, place: Place, work: Path) -> tuple[list[Span], list[str]]:
    """The times over which the source holds data (each block at the place, and what is in memory), and the ULIDs of blocks
    whose meta.json cannot be read: the server does not serve them, and no snapshot holds them.
    """
    gauges = api.gauges()
    metas, unreadable = _living(place, work)
    found = [Span(_seconds_up(meta.min_time), meta.max_time // 1000, meta.series, meta.samples) for meta in metas]
    start, end = gauges.get("prometheus_tsdb_head_min_time"), gauges.get("prometheus_tsdb_head_max_time")
    # An empty head has the latest possible minimum and the earliest possible maximum.
    if start is not None and end is not None and start <= end:
        found.append(Span(_seconds_up(int(start)), int(end) // 1000, int(gauges.get("prometheus_tsdb_head_series", 0))))
    return [span for span in found if span.start <= span.end], unreadable


def _wrong_place(api: Api, place: Place, difference: str | None) -> ConfigError:
    return ConfigError(
        f"{place} is not the data directory of Prometheus at {api.name}: {difference}",
        hint=f"the server calls it {api.flags().get('storage.tsdb.path', '?')} (--storage.tsdb.path); set `place` to it",
    )


def _difference(gauges: Mapping[str, float], place: Place) -> str | None:
    segments = [int(file.path.split("/")[1]) for file in place.files("wal") if file.path.removeprefix("wal/").isdigit()]
    here, there = max(segments, default=-1), gauges.get("prometheus_tsdb_wal_segment_current")
    if there is not None and here != int(there):
        return f"its newest log segment is {here}, the server writes to segment {int(there)}"
    blocks, loaded = len(_metas(place)), gauges.get("prometheus_tsdb_blocks_loaded")
    if loaded is not None and blocks < loaded:
        return f"it holds {blocks} blocks, the server has loaded {int(loaded)}"
    return None


def _metas(place: Place) -> list[str]:
    """Return the paths of the meta.json files of the blocks that are at the place now."""
    paths = (file.path.split("/") for file in place.files("."))
    return ["/".join(path) for path in paths if len(path) == 2 and is_ulid(path[0]) and path[1] == META]


def _living(place: Place, work: Path) -> tuple[list[Meta], list[str]]:
    """The blocks at the place, and the ULIDs of those that cannot be read; looks again when a compaction replaced some."""
    for attempt in range(_ATTEMPTS):
        directory = work / f"metas-{attempt}"
        directory.mkdir()
        paths = _metas(place)
        try:
            place.fetch(paths, directory)
        except LifeboatError:
            if attempt + 1 == _ATTEMPTS or all(place.exists(path) for path in paths):
                raise
            time.sleep(_PAUSE)
            continue
        metas, unreadable = [], []
        for path in paths:
            try:
                metas.append(Meta.read((directory / path).read_bytes(), f"{path} of {place}"))
            except LifeboatError:
                unreadable.append(path.split("/")[0])
        shutil.rmtree(directory)
        return metas, unreadable
    return [], []


def _seconds_up(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
