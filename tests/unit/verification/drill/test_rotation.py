"""Further repositories take turns: none is passed over, whatever came of the drills there."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from backups.repository.listing import Snapshot
from tests.unit.verification.samples import MONDAY, evidence, not_run, result
from verification.drill.rotation import tried, turn
from verification.evidence import store

WEEK = timedelta(days=7)
NAMES = st.lists(st.sampled_from(["offsite", "vault", "tape", "bucket"]), unique=True, min_size=1)


def test_the_one_that_was_never_tried_is_first_then_the_one_that_was_not_for_longest() -> None:
    assert turn([], {}) is None
    assert turn(["offsite", "vault"], {}) == "offsite"
    assert turn(["offsite", "vault"], {"offsite": MONDAY}) == "vault"
    assert turn(["offsite", "vault"], {"offsite": MONDAY, "vault": MONDAY - WEEK, "gone": MONDAY - 9 * WEEK}) == "vault"


@settings(max_examples=50)
@given(NAMES, st.dictionaries(st.sampled_from(["offsite", "vault", "tape", "gone"]), st.integers(-400, 0)))
def test_each_has_a_turn_in_as_many_weeks_as_there_are(names: list[str], before: dict[str, int]) -> None:
    seen: dict[str, datetime] = {name: MONDAY + timedelta(days=days - 1) for name, days in before.items()}
    turns = []
    for week in range(len(names)):
        chosen = turn(names, seen)
        assert chosen is not None
        seen[chosen] = MONDAY + week * WEEK
        turns.append(chosen)
    assert sorted(turns) == sorted(names)


def kept(weeks: int, *drills: object) -> Snapshot:
    found = evidence(*drills)  # type: ignore[arg-type]
    return Snapshot("ab" * 32, MONDAY + weeks * WEEK, tuple(store.tags(found)))


def test_a_drill_that_could_not_run_was_a_turn_and_one_from_the_first_is_none() -> None:
    """One that nobody can reach would else be tried every week, and the others never."""
    snapshots = [
        kept(0, result(), result(repository="vault")),
        kept(1, result(repository="first"), not_run(repository="offsite", backup=None)),
        kept(9, result(repository="tape")),
    ]
    assert tried(snapshots, MONDAY + 2 * WEEK) == {"vault": MONDAY, "offsite": MONDAY + WEEK}


def test_what_is_drilled_by_hand_from_one_takes_nobodys_turn() -> None:
    """One service from offsite every night would else leave all others of it without a drill, for ever."""
    snapshots = [kept(0, result(), result(repository="offsite")), kept(1, result(), result(repository="vault"))]
    by_hand = [kept(weeks, result(repository="offsite")) for weeks in (1, 2)]
    assert turn(["offsite", "vault"], tried([*snapshots, *by_hand], MONDAY + 2 * WEEK)) == "offsite"
