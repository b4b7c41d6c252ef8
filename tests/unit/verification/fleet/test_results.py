"""Results that machines deliver: what is no answer to a ticket is named, and counts for nothing."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.unit.verification.fleet.paper_fleet import GIB, MONDAY, World, coordinator, counted, due, finished, planned, result
from verification.evidence import delivered
from verification.fleet import results
from verification.fleet.ticket import written
from verification.fleet.work import Machine


def world() -> World:
    return World([Machine("m0", 64 * GIB, 64 * GIB)], {"s0": 60.0})


FORGERIES: dict[str, Callable[[Any], Any]] = {
    "of another drill": lambda ticket: result(ticket, service="s1"),
    "of another backup": lambda ticket: result(ticket.model_copy(update={"backups": ("s0-20200101T000000Z",)})),
    "of more than was chosen": lambda ticket: result(ticket, also=("worst",)),
    "from another repository": lambda ticket: result(ticket, repository="offsite"),
    "of a damaged copy": lambda ticket: result(ticket, tampered="a row was removed"),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_a_result_of_something_else_is_not_counted(forged: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It has the right mark, and is not what was asked: the drill is run again."""
    there = world()

    def forge() -> None:
        if len(there.runs) == 1 and not there.shelf.kept:
            ticket = there.runs["0"].ticket
            results.deliver(forged(ticket), ticket, there.shelf, there.now)  # type: ignore[arg-type]
            there.runs["0"].state = "done"

    (found,) = finished(coordinator(there, [due("s0")]), there, pause=forge)
    assert found.verdict == "verified"
    assert found.service == "s0"
    assert "is not counted" in caplog.text


def test_a_drill_of_what_several_selections_chose_is_sent_and_counted_once_as_all_of_them() -> None:
    there = world()
    (found,) = finished(coordinator(there, [due("s0", also=("worst", "random"))]), there)
    assert (found.verdict, found.chosen) == ("verified", "latest, worst and random")
    assert [run.ticket.title for run in there.runs.values()] == ["s0, latest, worst and random"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema_version": 2}', b"\xff", b'[{"mark": "../../etc"}]'])
def test_what_is_no_result_is_named_and_left_out(content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    there = world()
    one = coordinator(there, [due("s0")])
    there.shelf.put(content, [delivered.TAG, f"verification={one.verification}"], MONDAY)
    assert finished(one, there)[0].verdict == "verified"
    assert "it is no result of a drill" in caplog.text


def test_a_result_that_answers_no_ticket_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Who can write to the repository, and has no ticket, proves nothing."""
    there = world()
    one = coordinator(there, [due("s0")])
    forged = written(planned("s0"), due("s0"), None, verification=one.verification, mark="0" * 32, machine="m0")
    results.deliver(result(forged, "failed"), forged, there.shelf, MONDAY)  # type: ignore[arg-type]
    assert finished(one, there)[0].verdict == "verified"
    assert "no ticket of this verification has the mark" in caplog.text


def test_a_coordinator_of_an_earlier_version_reads_what_holds_nothing_new() -> None:
    """It refuses keys that it does not know: what is as ever is not written."""
    there = world()
    finished(coordinator(there, [due("s0")]), there)
    ((_, content),) = there.shelf.kept.values()
    kept = json.loads(content)["result"]
    assert set(kept) == {"service", "type", "selection", "verdict", "started_at", "backup"}


def _with_later(put: Callable[..., str], content: bytes, tags: Sequence[str], at: datetime) -> str:
    told = json.loads(content)
    told["result"]["later"] = "more"
    return put(json.dumps(told).encode(), tags, at)


def test_a_result_of_a_newer_version_is_told_as_such() -> None:
    """A machine that was upgraded before the coordinator: its drill is neither proven nor failed, and the reason says why."""
    there = world()
    one = coordinator(there, [due("s0")])

    there.shelf.put = partial(_with_later, there.shelf.put)  # type: ignore[method-assign]
    (found,) = finished(one, there)
    assert (found.verdict, found.reached, counted(there)) == ("could-not-run", True, 3)
    assert "its result is not counted: it is of another version of Lifeboat, and has what this one does not know: later" in (
        found.error or ""
    )


def test_what_nobody_collects_any_more_is_old() -> None:
    """A prune takes it after two days, and nothing else."""
    there = world()
    finished(coordinator(there, [due("s0")]), there)
    (kept,) = there.shelf.snapshots(delivered.TAG)
    assert delivered.obsolete([kept], MONDAY + timedelta(days=1)) == []
    assert delivered.obsolete([kept], MONDAY + timedelta(days=3)) == [kept]
    assert delivered.obsolete([replace(kept, tags=("lifeboat-evidence",))], MONDAY + timedelta(days=99)) == []
