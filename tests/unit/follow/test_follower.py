"""A followed log has no gap and nothing twice, wherever its follower is killed, and whoever does not answer meanwhile."""

import contextlib
import errno
import itertools
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import ChainBroken, LifeboatError, Transient
from backups.follow import follow as following
from backups.follow import standing
from backups.follow.follow import Pace
from backups.follow.piece import LOG, leading, read
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


@pytest.fixture
def source(tmp_path: Path) -> Followed:
    made = Followed(tmp_path / "repository", random.Random(1))
    made.directory.mkdir()
    return made


@pytest.fixture
def machine(source: Followed, tmp_path: Path) -> Machine:
    return Machine(source, tmp_path)


def test_everything_that_was_written_is_kept_in_few_pieces(machine: Machine, source: Followed) -> None:
    source.back_up()
    machine.follow(600, source.write)
    machine.follow(1)
    assert len(source.written) > 200
    assert source.brought_back() == source.written
    assert len(source.snapshots) <= 7 * 2
    assert (machine.standing.after, machine.standing.fault) == (source.backups[0].id, None)
    assert source.clock - machine.standing.saved_until <= timedelta(seconds=2)  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(12))
def test_killed_anywhere_and_with_faults_all_the_way_it_goes_on_without_a_gap(
    machine: Machine, source: Followed, seed: int
) -> None:
    """Kills in any call, backups at any time in between, a source and a repository that often do not answer."""
    source.chance = random.Random(seed)
    source.back_up()
    for _ in range(8):
        source.deadly, source.faulty = 0.02, 0.05
        with contextlib.suppress(Killed, LifeboatError):
            machine.follow(70, source.write)
        source.deadly = source.faulty = 0.0
        kept = source.brought_back()
        assert kept == source.written[: len(kept)]
        if source.chance.random() < 0.3:
            source.clock += timedelta(seconds=1)
            source.back_up(full=source.chance.random() < 0.3)
    machine.follow(61, source.write)
    machine.follow(1)
    assert source.brought_back() == source.written
    # What is covered by later backups went, but for what a kill left.
    newest = source.backups[-1].id
    behind = [tags for tags, _ in source.snapshots.values() if f"after={newest}" in tags]
    assert behind or source.backups[-1].details["end"] == len(source.written)


def test_what_was_pulled_is_saved_when_the_source_is_gone(machine: Machine, source: Followed) -> None:
    """The follower is killed before the save, and the source does not come back."""
    source.back_up()

    def killed() -> None:
        source.write()
        if len(source.written) > 5:
            # A kill leaves no time to save.
            source.deadly = 1.0
            raise Killed

    with pytest.raises(Killed):
        machine.follow(20, killed)
    pulled = list(source.written)
    assert not source.snapshots
    source.deadly, source.refused = 0.0, Transient("it is gone for good")
    machine.follow(10)
    assert len(pulled) - 4 <= len(source.brought_back()) <= len(pulled)
    assert source.brought_back() == pulled[: len(source.brought_back())]
    assert machine.standing.fault == "it is gone for good"


def test_a_log_that_does_not_go_on_is_said_and_followed_from_the_next_backup_on(machine: Machine, source: Followed) -> None:
    source.back_up()
    machine.follow(60, source.write)
    machine.follow(1)
    kept = source.brought_back()
    source.written += range(1000, 1010)
    source.begins = len(source.written)
    machine.follow(60)
    assert source.brought_back() == kept
    assert "does not go on where it was followed to: its log was purged; what was committed since is in no backup" in str(
        machine.standing.fault
    )
    source.clock += timedelta(seconds=1)
    source.back_up(full=True)
    machine.follow(60, source.write)
    machine.follow(1)
    assert machine.standing.fault is None
    assert source.brought_back() == source.written
    # No backup holds what the old pieces hold: they stay as long as their chain.
    assert any(LOG in tags and f"after={source.backups[0].id}" in tags for tags, _ in source.snapshots.values())


@pytest.mark.parametrize(
    "which", [lambda number, many: True, lambda number, many: number == 0, lambda number, many: number == many - 1]
)
def test_pieces_that_are_gone_from_the_repository_are_saved_again(
    machine: Machine, source: Followed, which: Callable[[int, int], bool]
) -> None:
    """Deleted by hand, or the repository is another one with the same backups: what is pulled is not called kept."""
    source.back_up()
    machine.follow(100, source.write)
    pulled, many = list(source.written), len(source.snapshots)
    assert many > 2
    source.snapshots = {key: kept for at, (key, kept) in enumerate(source.snapshots.items()) if not which(at, many)}
    source.refused = Transient("it is gone for good")
    machine.follow(1)
    assert source.brought_back() == pulled[: len(source.brought_back())]
    assert len(source.brought_back()) >= len(pulled) - 3


def test_a_spool_of_another_repository_does_not_go_into_this_one(machine: Machine, source: Followed) -> None:
    source.back_up()
    machine.follow(100, source.write)
    machine.follow(1)
    source.backups, source.snapshots = [], {}
    source.clock += timedelta(seconds=1)
    source.back_up(full=True)
    machine.follow(40, source.write)
    assert {tag for tags, _ in source.snapshots.values() for tag in tags if tag.startswith("after=")} == {
        f"after={source.backups[0].id}"
    }


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize(
    ("name", "emptied"),
    [*((name, emptied) for name in ("manifest.json", "data/log") for emptied in (True, False)), ("data", False), ("", False)],
)
def test_a_spool_that_a_power_failure_tore_is_pulled_again(
    machine: Machine, source: Followed, name: str, saved: bool, emptied: bool
) -> None:
    """Any file of a step, in the repository already or not; what the source still has is nowhere missing then."""
    source.back_up()
    machine.follow(110, source.write)
    spool = standing.directory(machine.state, "agama") / "spool"
    steps = sorted(spool.glob("0*"))

    def killed() -> None:
        source.written.append(len(source.written))
        if len(list(spool.glob("0*"))) > len(steps) + 3:
            # A kill leaves no time to save.
            source.deadly = 1.0
            raise Killed

    with pytest.raises(Killed):
        machine.follow(29, killed)
    source.deadly = 0.0
    unsaved = sorted(spool.glob("0*"))
    assert int((spool / "saved").read_text().split()[-1]) == len(steps)
    torn = steps[3] if saved else unsaved[-2]
    path = torn / name
    if path.is_dir():
        shutil.rmtree(path)
    elif emptied:
        path.write_bytes(b"")
    else:
        path.unlink()
    machine.follow(200, source.write)
    machine.follow(1)
    assert source.brought_back() == source.written
    assert machine.standing.fault is None


def test_no_more_is_pulled_than_the_disk_has_room_for(
    machine: Machine, source: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so as long as it lasts, and goes on by itself."""
    source.back_up()
    machine.follow(10, source.write)
    source.written += range(len(source.written), len(source.written) + 5)
    pull = source.pull_on

    def full(last: Manifest, directory: Path) -> Captured:
        (directory / "log").write_text("half of it")
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(source, "pull_on", full)
    machine.follow(10)
    assert "the disk filled during the log of agama" in str(machine.standing.fault)
    monkeypatch.setattr(source, "pull_on", pull)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=300 << 20))
        machine.follow(10)
        assert "the log of agama needs 512.0 MiB" in str(machine.standing.fault)
    machine.follow(10)
    assert machine.standing.fault is None
    assert source.brought_back() == source.written


def test_one_follower_is_enough_and_there_must_be_a_backup(machine: Machine, source: Followed) -> None:
    with pytest.raises(LifeboatError, match="has no backup whose log could be followed"):
        machine.follow(10)
    source.back_up()
    refused: list[str] = []

    def second() -> None:
        with pytest.raises(LifeboatError, match="is being followed on this machine already") as caught:
            machine.follow(10)
        refused.append(str(caught.value))

    machine.follow(4, second)
    assert refused


def test_a_service_without_a_log_is_refused(machine: Machine, source: Followed) -> None:
    source.continuous = False
    with pytest.raises(LifeboatError, match="agama has no log to follow"):
        machine.follow(10)
