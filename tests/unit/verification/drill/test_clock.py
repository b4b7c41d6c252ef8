"""The clock of a drill."""

from collections.abc import Iterator

from verification.drill.clock import Phase, Stopwatch


def ticking(*moments: float) -> Stopwatch:
    left: Iterator[float] = iter(moments)
    return Stopwatch(lambda: next(left))


def test_phases_touch_and_the_restore_ends_where_the_check_begins() -> None:
    """No second is between two phases, and the check's own seconds are no part of the restore."""
    watch = ticking(100.0, 103.0, 104.0, 104.5, 105.0, 165.0, 195.0)
    for phase in list(Phase)[:6]:
        watch.begin(phase)
    watch.stop()

    assert watch.phases == [
        (Phase.FETCH, 3.0),
        (Phase.START, 1.0),
        (Phase.REPLAY, 0.5),
        (Phase.READY, 0.5),
        (Phase.CHECK, 60.0),
        (Phase.INSPECT, 30.0),
    ]
    assert watch.restore_seconds == 5.0


def test_a_moment_after_the_backup_takes_the_way_on_to_it_too_and_its_proof_is_no_part_of_it() -> None:
    watch = ticking(100.0, 103.0, 104.0, 104.5, 105.0, 135.0, 165.0, 172.0, 180.0, 200.0)
    for phase in Phase:
        watch.begin(phase)
    watch.stop()

    assert watch.phases[6:] == [(Phase.ADVANCE, 7.0), (Phase.THERE, 8.0), (Phase.SECOND_REPLAY, 20.0)]
    assert (watch.restore_seconds, watch.moment_seconds) == (5.0, 12.0)


def test_a_moment_that_was_not_reached_has_no_restore_time() -> None:
    watch = ticking(*map(float, range(9)))
    for phase in list(Phase)[:6]:
        watch.begin(phase)
    watch.stop()

    assert watch.moment_seconds is None


def test_without_a_first_correct_answer_there_is_no_restore_time() -> None:
    """A drill that ended before its copy answered has phases, and no restore time that could be mistaken for one."""
    watch = ticking(0.0, 5.0, 9.0)
    watch.begin(Phase.FETCH)
    watch.begin(Phase.START)
    watch.stop()

    assert watch.phases == [(Phase.FETCH, 5.0), (Phase.START, 4.0)]
    assert watch.restore_seconds is None


def test_a_watch_that_never_began_has_measured_nothing() -> None:
    watch = ticking(7.0)
    watch.stop()

    assert watch.phases == []
    assert watch.restore_seconds is None
