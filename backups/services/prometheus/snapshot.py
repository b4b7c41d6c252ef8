"""A snapshot at the source: made by the admin API, found at the place, and removed there however the capture ends.

Its name is written down on this machine as soon as it is known, so that what a killed run left is removed by the next one.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from backups.errors import LifeboatError
from backups.places.base import Place
from backups.services.prometheus.api import Api

log = logging.getLogger(__name__)

SNAPSHOTS = "snapshots"


@contextmanager
def snapshot(api: Api, place: Place, journal: Path) -> Iterator[str]:
    """Take a snapshot; yields its path below the place. Removed at the end, also by an interrupt while it is being made.

    journal: a file of this machine for the snapshot's name.
    Raises LifeboatError when it cannot be made, or when it is not where the place says.
    """

    def make() -> str:
        made = api.snapshot()
        journal.parent.mkdir(parents=True, exist_ok=True)
        journal.write_text(f"{place}\n{made}", encoding="utf-8")
        return made

    # In a thread of its own: an interrupt must not lose the name of what Prometheus is making for us.
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
                log.warning("waiting until Prometheus has made its snapshot, to remove it")
            _remove(making, place, journal)


def clear(place: Place, journal: Path, say: Callable[[str], None]) -> None:
    """Remove the snapshot that a killed run of ours left; say which others are there, and leave them: they may be in use."""
    if journal.exists():
        kept_at, _, name = journal.read_text(encoding="utf-8").rpartition("\n")
        if kept_at == str(place) and name and place.exists(f"{SNAPSHOTS}/{name}"):
            say(f"removing snapshot {name}, which an earlier run left in {place}")
            place.remove(f"{SNAPSHOTS}/{name}")
        journal.unlink()
    others = leftovers(place)
    if others:
        named = ", ".join(others[:3])
        say(f"{place} holds {len(others)} snapshots that are not ours, and that keep old blocks from being freed: {named}")


def leftovers(place: Place) -> list[str]:
    """The names of the snapshots that are at the place."""
    if not place.exists(SNAPSHOTS):
        return []
    return sorted({file.path.split("/")[1] for file in place.files(SNAPSHOTS) if file.path.count("/") > 1})


def _remove(making: Future[str], place: Place, journal: Path) -> None:
    """Remove the snapshot once it is made: Prometheus does not stop making it because we do."""
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
    journal.unlink(missing_ok=True)


def _not_found(api: Api, place: Place, name: str) -> LifeboatError:
    directory = api.flags().get("storage.tsdb.path", "its data directory")
    return LifeboatError(
        f"Prometheus at {api.name} made the snapshot {name}, and it is not in {SNAPSHOTS}/ of {place}",
        hint=f"`place` must be the directory that the server calls {directory}; remove the snapshot there: "
        f"rm -r {directory.rstrip('/')}/{SNAPSHOTS}/{name}",
    )
