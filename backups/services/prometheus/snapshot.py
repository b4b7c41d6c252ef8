"""Takes a snapshot at the source by the admin API, and removes it there however the capture ends.

Its name is written to a file of this machine as soon as it is known, so that the next run removes what a killed one left.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from backups import plural
from backups.errors import LifeboatError
from backups.places.base import Place
from backups.services.prometheus.api import Api, Refused

log = logging.getLogger(__name__)

SNAPSHOTS = "snapshots"


@contextmanager
def snapshot(api: Api, place: Place, record: Path) -> Iterator[str]:
    """Take a snapshot; yields its path below the place. Removed at the end, also by an interrupt while it is being made.

    record: a file of this machine for the snapshot's name.
    Raises LifeboatError when it cannot be taken, or when it is not at the place.
    """

    def write_down(made: str) -> None:
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(f"{place}\n{made}", encoding="utf-8")

    def make() -> str:
        before, begun = set(leftovers(place)), api.clock()
        try:
            made = api.snapshot()
        except LifeboatError as error:
            raise _failed(place, error, _new(place, before, begun), write_down) from error
        write_down(made)
        return made

    # In another thread: an interrupt must not lose the name of the snapshot that Prometheus is taking.
    with ThreadPoolExecutor(max_workers=1) as pool:
        making = pool.submit(make)
        try:
            name = making.result()
            path = f"{SNAPSHOTS}/{name}"
            if not place.exists(path):
                raise _not_found(api, place, name)
            yield path
        finally:
            if not making.done():
                log.warning("waiting for Prometheus to finish the snapshot, to remove it")
            _remove(making, place, record)


def clear(place: Place, record: Path, say: Callable[[str], None]) -> None:
    """Remove the snapshot that a killed run of Lifeboat left; report others, which are kept: they may be in use."""
    if record.exists():
        kept_at, _, name = record.read_text(encoding="utf-8").rpartition("\n")
        if kept_at == str(place) and name and place.exists(f"{SNAPSHOTS}/{name}"):
            say(f"removing snapshot {name}, which an earlier run left in {place}")
            place.remove(f"{SNAPSHOTS}/{name}")
        record.unlink()
    others = leftovers(place)
    if others:
        named = ", ".join(others[:3])
        say(f"{place} holds {plural.count(len(others), 'snapshot')} of others, so that old blocks are not freed: {named}")


def leftovers(place: Place) -> list[str]:
    """Return the names of the snapshots that are at the place."""
    if not place.exists(SNAPSHOTS):
        return []
    return sorted({file.path.split("/")[1] for file in place.files(SNAPSHOTS) if file.path.count("/") > 1})


def _new(place: Place, before: set[str], begun: int) -> list[str]:
    """Return the snapshots that have come since, by their names' time (UTC, to the second) not before ours was asked for."""
    earliest = f"{datetime.fromtimestamp(begun - 1, UTC):%Y%m%dT%H%M%SZ}"
    return [name for name in leftovers(place) if name not in before and name[:16] >= earliest]


def _failed(place: Place, error: LifeboatError, new: Sequence[str], write_down: Callable[[str], None]) -> LifeboatError:
    """Return the error of a snapshot that failed, once its remains are removed, or named where they may be another's.

    What the server itself says has failed is finished; else it may be making it still, and the next backup removes it.
    """
    if len(new) == 1:
        write_down(new[0])
        if isinstance(error, Refused):
            place.remove(f"{SNAPSHOTS}/{new[0]}")
            return error
        left = f"; {SNAPSHOTS}/{new[0]} came meanwhile and is removed before the next backup"
    elif new:
        left = f"; {', '.join(new)} in {SNAPSHOTS}/ of {place} came meanwhile: remove what nobody needs"
    else:
        return error
    return type(error)(f"{error.message}{left}", hint=error.hint)


def _remove(making: Future[str], place: Place, record: Path) -> None:
    """Remove the snapshot once it is taken: Prometheus does not stop taking it when this process does."""
    try:
        name = making.result()
    except LifeboatError:
        return
    path = f"{SNAPSHOTS}/{name}"
    try:
        place.remove(path)
    except OSError as error:
        raise LifeboatError(
            f"the snapshot {path} cannot be removed from {place}: {error.strerror}",
            hint="run Lifeboat as root or as the owner of the files; it is tried again before the next backup",
        ) from error
    record.unlink(missing_ok=True)


def _not_found(api: Api, place: Place, name: str) -> LifeboatError:
    directory = api.flags().get("storage.tsdb.path", "its data directory")
    return LifeboatError(
        f"Prometheus at {api.name} took the snapshot {name}, which is not in {SNAPSHOTS}/ of {place}",
        hint=f"`place` must be the directory that the server calls {directory}; remove the snapshot there: "
        f"rm -r {directory.rstrip('/')}/{SNAPSHOTS}/{name}",
    )
