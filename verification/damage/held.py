"""Holds the backups that are damaged: fetched once from the repository, given to each drill as a copy of its own."""

import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk, processes
from backups.manifest import BackupRecord, Manifest
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from backups.repository.tree import Node
from backups.secret import Secret


@dataclass
class _Known:
    """What was read of the repository already."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    trees: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    snapshots: dict[tuple[str, ...], list[Snapshot]] = field(default_factory=dict)


def _as_it_is(manifest: Manifest) -> Manifest:
    return manifest


@dataclass(frozen=True)
class Held(Repository):
    """Gives what the repository of the same settings gives, and asks it for each thing once. Nothing is written to that one.

    directory: where what was fetched is kept. alter: changes a manifest as it is read, for a fault
    """

    directory: Path = Path()
    alter: Callable[[Manifest], Manifest] = _as_it_is
    read_before: _Known = field(default_factory=_Known)

    def manifest(self, record: BackupRecord) -> Manifest:
        """See Repository."""
        if record.id not in self.read_before.manifests:
            self.read_before.manifests[record.id] = super().manifest(record)
        return self.alter(self.read_before.manifests[record.id])

    def trees(self, snapshots: Sequence[str]) -> dict[str, tuple[Node, ...]]:
        """See Repository."""
        if missing := [snapshot for snapshot in snapshots if snapshot not in self.read_before.trees]:
            self.read_before.trees.update(super().trees(missing))
        return {snapshot: self.read_before.trees[snapshot] for snapshot in snapshots}

    def snapshots(self, *tags: str) -> list[Snapshot]:
        """See Repository."""
        if tags not in self.read_before.snapshots:
            self.read_before.snapshots[tags] = super().snapshots(*tags)
        return self.read_before.snapshots[tags]

    def fetch(self, snapshot: str, into: Path, *, include: Sequence[str] = ()) -> None:
        """See Repository."""
        kept = self._kept(snapshot, include)
        if not kept.is_dir():
            fetching = kept.with_name(f"{kept.name}.part")
            fetching.mkdir(mode=0o700)
            super().fetch(snapshot, fetching, include=include)
            fetching.rename(kept)
        # Where the file system can share blocks, this takes no time and no room. No links: a fault would be in what is kept.
        copied = processes.run(["cp", "-a", "--reflink=auto", f"{kept}/.", str(into)])
        if copied.code:
            raise LifeboatError(
                f"what was fetched cannot be copied to {into}: {' '.join(copied.errors.split())}",
                hint="free some space there; a drilled verifier needs twice what a drill needs",
            )

    def saved(self, chain: Sequence[BackupRecord], into: Path) -> tuple[Repository, list[BackupRecord]]:
        """Save what was fetched of a chain in a new repository below `into`; returns it, and the same backups there.

        What restic remembers of it is thrown away: the next to read it reads every byte.
        """
        disk.require(into, sum(record.size for record in chain), "a repository that may be damaged")
        url = into / "repository"
        mine = Repository(url=str(url), cache=into / "cache", password=Secret(secrets.token_hex(16)))
        mine.make()
        for record in chain:
            manifest, staged = self.read_before.manifests[record.id], into / "staged"
            staged.mkdir(mode=0o700)
            for kept in self.directory.glob(f"{record.snapshot}-*"):
                shutil.copytree(kept, staged, dirs_exist_ok=True)
            manifest.write(staged)
            mine.save(staged, host=record.service, tags=manifest.tags(), at=manifest.taken_at)
            shutil.rmtree(staged)
        there = {backup.id: backup for backup in mine.backups()}
        shutil.rmtree(into / "cache")
        return replace(mine, cache=into / "cache-anew"), [there[record.id] for record in chain]

    def _kept(self, snapshot: str, include: Sequence[str]) -> Path:
        return self.directory / f"{snapshot}-{sha256(repr(list(include)).encode()).hexdigest()[:16]}"


def held(repository: Repository, directory: Path) -> Held:
    """Hold backups of a repository in a directory that exists."""
    settings = {each.name: getattr(repository, each.name) for each in fields(Repository) if each.init}
    return Held(**settings, directory=directory)
