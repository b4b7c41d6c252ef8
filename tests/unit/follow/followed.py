"""A source whose log is followed, and this machine, made up: any call of the source or the repository may be the last."""

import itertools
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from backups.errors import ChainBroken, Transient
from backups.follow import follow as following
from backups.follow import standing
from backups.follow.follow import Pace
from backups.follow.piece import leading, read
from backups.machine.runs import Run
from backups.manifest import BackupRecord, Manifest, Source
from backups.repository.listing import Listing, Snapshot
from backups.repository.repository import Repository
from backups.services.base import Captured, Fetched, Service

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


class Killed(BaseException):
    """What a kill is to the code: it ends wherever it is."""


class Followed:
    """A source whose log is a list of numbers, and a repository beside it. Any of its calls may be the last."""

    name = "agama"
    continuous = True
    settings = SimpleNamespace(type="mysql", image="mysql:9.7")

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self.directory = directory
        self.chance = chance
        self.written: list[int] = []
        self.begins = 0
        self.clock = BEGAN
        self.snapshots: dict[str, tuple[tuple[str, ...], Path]] = {}
        self.backups: list[Manifest] = []
        self.faulty = 0.0
        self.deadly = 0.0
        self.refused: Exception | None = None
        self.saved = 0

    def fate(self) -> None:
        if self.chance.random() < self.deadly:
            raise Killed
        if self.chance.random() < self.faulty:
            raise Transient("it does not answer")

    # The service.
    def pull_on(self, last: Manifest, directory: Path) -> Captured:
        self.fate()
        if self.refused:
            raise self.refused
        at = last.details["end"]
        if at < self.begins:
            raise ChainBroken("its log was purged")
        new = self.written[at:]
        if new:
            (directory / "log").write_text("".join(f"{number}\n" for number in new))
        self.fate()
        return Captured(self.clock, "9.7", (), {"start": at, "end": len(self.written)})

    def join(self, parts: Sequence[Fetched], into: Path) -> Mapping[str, Any]:
        self.fate()
        for before, after in itertools.pairwise(parts):
            assert before.manifest.details["end"] == after.manifest.details["start"]
        (into / "log").write_text("".join((part.data / "log").read_text() for part in parts))
        return {"start": parts[0].manifest.details["start"], "end": parts[-1].manifest.details["end"]}

    def follows(self, manifest: Manifest, before: Any) -> bool:
        return manifest.details["start"] <= next(each for each in self.backups if each.id == before.id).details["end"]

    def holds(self, manifest: Manifest, position: str) -> bool:
        raise NotImplementedError

    def log(self, manifest: Manifest) -> Sequence[str]:
        raise NotImplementedError

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Any]:
        raise NotImplementedError

    # The repository.
    def listing(self, snapshots: Sequence[Snapshot]) -> Listing:
        return Listing([record for each in self.backups if (record := self._record(each))])

    def _record(self, manifest: Manifest) -> Any:
        return BackupRecord.from_tags("ab", manifest.tags())

    def manifest(self, record: Any) -> Manifest:
        self.fate()
        return next(each for each in self.backups if each.id == record.id)

    def save(self, directory: Path, *, host: str, tags: Sequence[str], at: datetime) -> str:
        self.fate()
        self.saved += 1
        identifier = f"{self.saved:064x}"
        kept = self.directory / identifier
        shutil.copytree(directory, kept)
        self.snapshots[identifier] = (tuple(tags), kept)
        self.fate()
        return identifier

    def is_append_only(self) -> bool:
        return False

    def forget(self, snapshots: Sequence[str]) -> None:
        self.fate()
        for each in snapshots:
            del self.snapshots[each]

    def all_snapshots(self, *_: str) -> list[Snapshot]:
        self.fate()
        return [Snapshot(each, BEGAN, tags) for each, (tags, _) in self.snapshots.items()]

    # What the test does.
    def back_up(self, *, full: bool = False) -> Manifest:
        """As the night does: the log from the last backup on, whoever follows."""
        anew = full or not self.backups
        parent = None if anew else self.backups[-1]
        identifier = f"agama-{self.clock:%Y%m%dT%H%M%SZ}"
        manifest = Manifest(
            lifeboat="0",
            id=identifier,
            service="agama",
            type="mysql",
            kind="full" if anew else "incremental",
            chain=parent.chain if parent else identifier,
            sequence=parent.sequence + 1 if parent else 0,
            parent=parent.id if parent else None,
            started_at=self.clock,
            taken_at=self.clock,
            finished_at=self.clock,
            source=Source(version="9.7", image="mysql:9.7"),
            files=(),
            details={"start": parent.details["end"] if parent else len(self.written), "end": len(self.written)},
            witness=(),
        )
        self.backups.append(manifest)
        return manifest

    def write(self) -> None:
        self.written += range(len(self.written), len(self.written) + self.chance.randrange(4))

    def brought_back(self) -> list[int]:
        """What the newest backup, and the pieces behind it, hold of the log."""
        newest = self.backups[-1]
        numbers = self.written[: newest.details["end"]]
        for piece in leading(read(Snapshot(each, BEGAN, tags) for each, (tags, _) in self.snapshots.items()), newest.id):
            _, kept = self.snapshots[piece.snapshot]
            manifest = Manifest.read((kept / "manifest.json").read_bytes(), "a piece")
            piece.require_same(manifest)
            assert manifest.details["start"] == len(numbers)
            numbers = numbers + [int(line) for line in (kept / "data" / "log").read_text().split()]
        return numbers


class Machine:
    """This machine: its clock, and the state directory that outlives a kill."""

    def __init__(self, source: Followed, tmp_path: Path) -> None:
        self.source, self.state, self.runs, self.time = source, tmp_path / "state", tmp_path / "runs", 0.0
        self.runs.mkdir()

    def follow(self, seconds: float, meanwhile: Any = lambda: None) -> None:
        """Follow until so many seconds have passed; everything that happens meanwhile happens while the follower waits."""
        run = SimpleNamespace(directory=self.runs, raise_if_cancelled=lambda: None, docker=None)
        repository = SimpleNamespace(
            snapshots=self.source.all_snapshots,
            listing=self.source.listing,
            manifest=self.source.manifest,
            save=self.source.save,
            forget=self.source.forget,
            is_append_only=self.source.is_append_only,
        )

        def sleep(wait: float) -> None:
            self.time += wait
            self.source.clock += timedelta(seconds=wait)
            meanwhile()

        following.follow(
            cast("Service", self.source),
            cast("Repository", repository),
            cast("Run", run),
            self.state,
            pace=Pace(),
            seconds=seconds,
            sleep=sleep,
            monotonic=lambda: self.time,
        )

    @property
    def standing(self) -> standing.Standing:
        found = standing.read(standing.directory(self.state, "agama"))
        assert found
        return found
