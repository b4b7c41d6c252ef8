"""A followed log has no gap and nothing twice, wherever its follower is killed, and whoever does not answer meanwhile."""

import contextlib
import random
from datetime import timedelta

import pytest

from backups.errors import LifeboatError, Transient
from backups.follow.piece import LOG
from tests.unit.follow.followed import Followed, Killed, Machine


def test_everything_that_was_written_is_kept_in_few_pieces(machine: Machine, source: Followed) -> None:
    source.back_up()
    machine.follow(600, source.write)
    machine.follow(1)
    assert len(source.written) > 200
    assert source.brought_back() == source.written
    assert len(source.snapshots) <= 7 * 2
    assert (machine.standing.after, machine.standing.fault) == (source.backups[0].id, None)
    assert source.clock - machine.standing.saved_until <= timedelta(seconds=2)  # type: ignore[operator]


@pytest.mark.long
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
