"""The chain comes out of the repository onto this machine, and is counted before anything is built on it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from backups.errors import Damaged, LifeboatError
from backups.machine import disk
from backups.manifest import DATA, BackupRecord, FileEntry, Manifest
from backups.repository.repository import Repository
from backups.services.base import Fetched, Service

_AT_ONCE = 2
"""Most of a small incremental's time is restic starting up; more of them at once would cost memory for large repositories."""


def fetch(
    service: Service,
    records: Sequence[BackupRecord],
    repository: Repository,
    into: Path,
    before_counting: Callable[[Sequence[Fetched]], None] = lambda fetched: None,  # noqa: ARG005
) -> list[Fetched]:
    """All of it in one step: the chain's manifests, then its files below `into`, then their count."""
    fetched = files(service, records, manifests(records, repository), repository, into)
    before_counting(fetched)
    count(fetched, service)
    return fetched


def manifests(records: Sequence[BackupRecord], repository: Repository) -> list[Manifest]:
    """Read the manifests of a chain; raises Damaged for one that is not whole."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(repository.manifest, records))


def files(
    service: Service, records: Sequence[BackupRecord], chain: Sequence[Manifest], repository: Repository, into: Path
) -> list[Fetched]:
    """Fetch what the service wants of each backup of the chain below `into`, the full first.

    Raises Damaged when the repository cannot give back what was stored, LifeboatError when the disk is too small.
    """
    wanted = _wanted(service, chain)
    what = f"the chain of backup {chain[-1].id}"
    disk.require(into, sum(entry.size for entries in wanted for entry in entries), what)
    with disk.full_disk_reported(into, f"fetching {what}"), ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(partial(_fetch_one, repository, into), records, chain, wanted))


def log(service: Service, record: BackupRecord, manifest: Manifest, repository: Repository, into: Path) -> Fetched:
    """Fetch the log alone of the backup after a chain's last, and count it. Raises as `files` does."""
    entries = _entries(manifest, service.log(manifest))
    what = f"the log of backup {manifest.id}"
    disk.require(into, sum(entry.size for entry in entries), what)
    with disk.full_disk_reported(into, f"fetching {what}"):
        fetched = _fetch_one(repository, into, record, manifest, entries)
    _count(fetched, entries)
    return fetched


def count(fetched: Sequence[Fetched], service: Service) -> None:
    """Compare the files on disk with the manifests': none missing, none too many, each of its size. Raises Damaged."""
    for copy, entries in zip(fetched, _wanted(service, [each.manifest for each in fetched]), strict=True):
        _count(copy, entries)


def deleted(records: Sequence[BackupRecord], repository: Repository) -> int:
    """How many of a chain's backups are no longer in the repository; 0 when the repository cannot tell."""
    try:
        held = {snapshot.id for snapshot in repository.snapshots()}
    except LifeboatError:
        return 0
    return sum(record.snapshot not in held for record in records)


def _wanted(service: Service, chain: Sequence[Manifest]) -> list[Sequence[FileEntry]]:
    return [_entries(manifest, paths) for manifest, paths in zip(chain, service.wanted(chain), strict=True)]


def _fetch_one(
    repository: Repository, into: Path, record: BackupRecord, manifest: Manifest, entries: Sequence[FileEntry]
) -> Fetched:
    directory = into / record.id
    directory.mkdir(mode=0o711)
    (directory / DATA).mkdir(mode=0o711)
    if entries:
        whole = len(entries) == len(manifest.files)
        repository.fetch(record.snapshot, directory, include=() if whole else [f"/{DATA}/{entry.path}" for entry in entries])
    return Fetched(manifest, directory / DATA)


def _entries(manifest: Manifest, paths: Sequence[str] | None) -> Sequence[FileEntry]:
    """The files of the manifest at or below the wanted paths; None wants them all."""
    if paths is None:
        return manifest.files
    chosen = set(paths)
    entries = [entry for entry in manifest.files if entry.path in chosen or chosen & _above(entry.path)]
    held = {entry.path for entry in entries}.union(*(_above(entry.path) for entry in entries))
    if absent := sorted(chosen - held):
        raise Damaged(
            f"backup {manifest.id} holds no {absent[0]}, which its chain needs ({len(absent)} of {len(chosen)} are missing)",
            hint="take a full: lifeboat backup --kind full",
        )
    return entries


def _above(path: str) -> set[str]:
    return {parent.as_posix() for parent in Path(path).parents}


def _count(copy: Fetched, entries: Sequence[FileEntry]) -> None:
    found = {
        path.relative_to(copy.data).as_posix(): path.stat().st_size
        for path in copy.data.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    expected = {entry.path: entry.size for entry in entries}
    faults = [
        *(f"{path} is missing ({size} bytes)" for path, size in expected.items() if path not in found),
        *(f"{path} is there and not in its manifest" for path in found if path not in expected),
        *(
            f"{path} has {found[path]} bytes instead of {size}"
            for path, size in expected.items()
            if found.get(path, size) != size
        ),
    ]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise Damaged(
            f"backup {copy.manifest.id} came back with {len(found)} files, its manifest lists {len(expected)}: {faults[0]}{more}",
            hint="the repository does not hold what was saved: restic check --read-data; then take a full",
        )
