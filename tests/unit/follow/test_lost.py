"""What this machine or the repository has lost of a followed log is kept again, or said to be missing; a full disk is waited for."""

import errno
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from backups.errors import Transient
from backups.follow import spool, standing
from backups.follow.piece import leading, read
from backups.manifest import Manifest
from backups.repository.listing import Snapshot
from backups.services.base import Captured
from tests.unit.follow.followed import BEGAN, Followed, Killed, Machine


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


@pytest.mark.long
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


def test_the_note_of_a_follower_names_the_step_up_to_which_the_repository_must_hold_it(
    machine: Machine, source: Followed
) -> None:
    """At any time: with nothing written yet, in the middle, idle, and after the next backup."""
    source.back_up()
    seen = set()

    def look() -> None:
        noted = machine.standing
        snapshots = [Snapshot(each, BEGAN, tags) for each, (tags, _) in source.snapshots.items()]
        way = leading(read(snapshots), str(noted.after))
        assert noted.step <= (way[-1].last if way else 0)
        assert noted.saved_until <= source.clock  # type: ignore[operator]
        seen.add(noted.step)

    machine.follow(40, look)
    machine.follow(90, lambda: (source.write(), look()))
    machine.follow(40, look)
    source.back_up()
    machine.follow(90, lambda: (source.write(), look()))
    assert len(seen) > 4


@pytest.mark.parametrize("torn", [None, 1, 3])
def test_what_was_pulled_since_a_backup_is_there_for_the_next_one(machine: Machine, source: Followed, torn: int | None) -> None:
    """As far as it is whole; of another backup, and where nobody follows, there is nothing."""
    directory = standing.spool(machine.state, "agama")
    assert spool.pulled_since("agama-20261123T000000Z", directory) == []
    assert not directory.exists()
    backup = source.back_up()
    machine.follow(20, lambda: source.written.append(len(source.written)))
    steps = sorted(directory.glob("0*"))
    assert len(steps) > 4
    if torn:
        (steps[torn] / "data" / "log").unlink()
    found = spool.pulled_since(backup.id, directory)
    numbers = [int(line) for each in found for line in (each.data / "log").read_text().split()]
    assert len(found) == (torn or len(steps))
    assert numbers == source.written[: len(numbers)]
    assert spool.pulled_since("agama-20261123T000000Z", directory) == []
