"""Fetches a chain out of the repository onto this machine, and counts its files before anything is built on them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backups import fetching
from backups.errors import Damaged, LifeboatError
from backups.follow import beyond
from backups.follow.beyond import Beyond
from backups.machine import disk
from backups.manifest import BackupRecord, FileEntry, Manifest
from backups.repository.repository import Repository
from backups.repository.tree import Node
from backups.services.base import Fetched, Service
from backups.services.continuous import continuous

_AT_ONCE = 2
"""Most of a small incremental's time is restic starting up; more of them at once would cost memory for large repositories."""


def fetch(
    service: Service,
    records: Sequence[BackupRecord],
    repository: Repository,
    into: Path,
    before_counting: Callable[[Sequence[Fetched]], None] = lambda fetched: None,  # noqa: ARG005
) -> list[Fetched]:
    """Fetch a chain in one step: its manifests, its files below `into`, then their count."""
    fetched = files(service, records, contents(records, repository.manifest, repository), repository, into)
    before_counting(fetched)
    count(fetched, service)
    return fetched


@dataclass(frozen=True)
class Content:
    """What a backup's snapshot holds, before any of it is fetched: its manifest, and its tree."""

    manifest: Manifest
    nodes: Sequence[Node]


def contents(records: Sequence[BackupRecord], read: Callable[[BackupRecord], Manifest], repository: Repository) -> list[Content]:
    """Read the manifests of a chain by `read`, and what its snapshots hold; raises Damaged for one that is not whole.

    Of a log that was followed, whose pieces are fetched by themselves, only where it ends.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        trees = pool.submit(repository.trees, [record.snapshot for record in records if not isinstance(record, Beyond)])
        manifests = list(pool.map(read, records))
        return [
            Content(manifest, trees.result().get(record.snapshot, ()))
            for record, manifest in zip(records, manifests, strict=True)
        ]


def files(
    service: Service, records: Sequence[BackupRecord], chain: Sequence[Content], repository: Repository, into: Path
) -> list[Fetched]:
    """Fetch what the service wants of each backup of the chain below `into`, the full first.

    Raises Damaged when the repository cannot give back what was stored, or holds what no backup does; LifeboatError when the disk
    is too small.
    """
    wanted = _wanted(service, [each.manifest for each in chain])
    what = f"the chain of backup {chain[-1].manifest.id}"
    disk.require(into, sum(entry.size for entries in wanted for entry in entries), what)
    with disk.full_disk_reported(into, f"fetching {what}"), ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(partial(_fetch_one, repository, into), records, chain, wanted))


def log(service: Service, record: BackupRecord, content: Content, repository: Repository, into: Path) -> Fetched:
    """Fetch the log alone of the backup after a chain's last, and count it. Raises as `files` does."""
    if isinstance(record, Beyond):
        return beyond.fetch(record, service, repository, into)
    logged, manifest = continuous(service), content.manifest
    entries = _entries(manifest, logged.log(manifest) if logged else ())
    what = f"the log of backup {manifest.id}"
    disk.require(into, sum(entry.size for entry in entries), what)
    with disk.full_disk_reported(into, f"fetching {what}"):
        fetched = _fetch_one(repository, into, record, content, entries)
    _count(fetched, entries)
    return fetched


def count(fetched: Sequence[Fetched], service: Service) -> None:
    """Compare the files on disk with the manifests': none missing, none too many, each of its size. Raises Damaged."""
    for copy, entries in zip(fetched, _wanted(service, [each.manifest for each in fetched]), strict=True):
        _count(copy, entries)


def deleted(records: Sequence[BackupRecord], repository: Repository) -> int:
    """Count how many of a chain's backups are no longer in the repository; 0 when it cannot be listed."""
    try:
        held = {snapshot.id for snapshot in repository.snapshots()}
    except LifeboatError:
        return 0
    return sum(record.snapshot not in held for record in records)


def _wanted(service: Service, chain: Sequence[Manifest]) -> list[Sequence[FileEntry]]:
    return [_entries(manifest, paths) for manifest, paths in zip(chain, service.wanted(chain), strict=True)]


def _fetch_one(
    repository: Repository, into: Path, record: BackupRecord, content: Content, entries: Sequence[FileEntry]
) -> Fetched:
    return fetching.fetch(repository, record.snapshot, content.manifest, content.nodes, entries, into / record.id)


def _entries(manifest: Manifest, paths: Sequence[str] | None) -> Sequence[FileEntry]:
    """Select the files of the manifest at or below the wanted paths; None wants them all."""
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
