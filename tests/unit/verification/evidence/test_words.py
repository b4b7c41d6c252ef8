"""What is said of a comparison: nothing is called verified that was compared with nothing, in whatever way it is printed."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backups.errors import Damaged, LifeboatError
from backups.witness import Check
from flows.commands import console
from flows.commands import restore as restore_command
from flows.commands import verify as verify_command
from tests.unit.verification.samples import MONDAY, check, evidence, not_run, result
from verification.drill.clock import Stopwatch
from verification.drill.outcome import Progress, verdict
from verification.evidence import words
from verification.evidence.evidence import BackupPart, ExpectationPart, MomentPart, Untold, budget
from verification.report import junit, page
from verification.restore.order import Restoration
from verification.restore.runbook import Runbook
from verification.restore.words import statement, whereabouts

GOOD, BAD = check("agama.client", "rows", 1, 1), check("agama.orders", "rows", 1, 2)
CHECKS = st.lists(st.sampled_from([GOOD, BAD]), max_size=3)
MOMENTS = st.builds(
    MomentPart,
    asked=st.just("2026-11-22 14:03:20 UTC"),
    later=st.just("agama-20261130T000000Z"),
    later_at=st.just(MONDAY),
    stands=st.sampled_from([None, "binlog.000007:4711"]),
    transactions=st.integers(0, 400),
    until=st.sampled_from([None, MONDAY]),
    there=CHECKS.map(tuple),
    untold=st.sampled_from([(), (Untold(subject="agama.note", why="it has no primary key"),)]),
    checks=CHECKS.map(tuple),
    unscanned=st.sampled_from([(), ("agama.client",)]),
    why_not=st.sampled_from([None, "the second replay was left out"]),
    refuted=st.booleans(),
)
PROGRESS = st.builds(
    Progress,
    watch=st.just(Stopwatch(lambda: 0.0)),
    checks=CHECKS,
    fault=st.sampled_from([None, LifeboatError("no room"), Damaged("a byte flipped")]),
    moment=st.one_of(st.none(), MOMENTS),
)


def restored(progress: Progress, **changes: Any) -> Restoration:
    """A restore with that outcome, made as `verification/restore/restore.py` makes it."""
    delivered = changes.get("delivered")
    values: dict[str, Any] = {
        "service": "agama",
        "type": "mysql",
        "verdict": verdict(progress, delivered=delivered is not None),
        "started_at": MONDAY,
        "finished_at": MONDAY + timedelta(minutes=1),
        "backup": BackupPart(
            id="agama-20261116T000000Z", kind="full", chain=("agama-20261116T000000Z",), taken_at=MONDAY, bytes=1
        ),
        "checks": tuple(progress.checks),
        "moment": progress.moment,
        "proof": words.proof("agama-20261116T000000Z", progress.checks, progress.moment),
        "to": "local:/data",
        "lost_seconds": 1.0,
        "error": progress.fault.message if progress.fault else None,
        "runbook": Path("book.md"),
    }
    return Restoration(**{**values, **changes})


def printed(show: Any, *arguments: Any) -> str:
    with console.out.capture() as captured:
        show(*arguments)
    return " ".join(captured.get().split())


def everything(restoration: Restoration) -> list[str]:
    """The restore as the terminal, a program, the runbook and a notification get it."""
    return [
        printed(restore_command.show, restoration),
        restoration.model_dump_json(),
        Runbook().text(restoration),
        "; ".join([restoration.verdict, statement(restoration), *whereabouts(restoration)]),
    ]


def compared_at_that_very_moment(progress: Progress) -> bool:
    equal = bool(progress.checks) and all(each.passed for each in progress.checks)
    return equal and progress.moment is None and progress.fault is None


@given(PROGRESS, st.sampled_from([None, "local:/data"]), st.sampled_from([(), ("agama.client",)]))
def test_a_restore_is_called_verified_only_where_all_was_compared_equal_at_that_very_moment(
    progress: Progress, delivered: str | None, tables: tuple[str, ...]
) -> None:
    restoration = restored(progress, delivered=delivered, tables=tables)
    for text in everything(restoration):
        assert ("verified" in text) == compared_at_that_very_moment(progress), text
        if progress.moment:
            assert re.search("compared with nothing|from the log|nothing of it was compared", text), (
                "what is not proven is said wherever the verdict is"
            )
        if tables and delivered:
            assert "the files themselves were compared with nothing" in text or text.startswith("{")


@given(PROGRESS)
def test_only_a_log_that_is_equal_at_both_ends_is_between_two_witnesses(progress: Progress) -> None:
    moment = progress.moment
    ends = [progress.checks, list(moment.checks)] if moment else [[]]
    proven = (
        moment is not None
        and all(end and all(each.passed for each in end) for end in ends)
        and all(each.passed for each in moment.there)
        and moment.stands is not None
        and not moment.refuted
        and not progress.fault
    )
    for text in everything(restored(progress, delivered="local:/data")):
        assert ("between-witnesses" in text) == proven
    assert restored(progress, delivered="local:/data").exit_code == (
        0
        if proven or compared_at_that_very_moment(progress)
        else 2
        if verdict(progress) == "could-not-run" and progress.fault
        else 1
    )


@given(PROGRESS, st.booleans())
def test_a_drill_is_called_verified_only_where_all_was_compared_equal_at_that_very_moment(progress: Progress, late: bool) -> None:
    # In a drill a log that does not lead on is the drill's fault; a restore may go on with --anyway.
    assume(progress.fault or not (progress.moment and progress.moment.refuted))
    drill = result(
        verdict=verdict(progress, late=late),
        checks=tuple(progress.checks),
        moment=progress.moment,
        asked=progress.moment.asked if progress.moment else None,
        proof=words.proof("agama-20261116T000000Z", progress.checks, progress.moment),
        error=progress.fault.message if progress.fault else None,
        rto_met=not late,
        margin_seconds=-1.0 if late else 1.0,
    )
    found = evidence(drill)
    texts = [
        printed(verify_command.show, found, Path("out")),
        found.model_dump_json(),
        re.sub("(?s)<style>.*?</style>|<[^>]*>", " ", page.render(found)),
        junit.render(found),
    ]
    for text in texts:
        assert ("verified" in text) == (compared_at_that_very_moment(progress) and not late), text
        assert "every restored copy equals" not in text or compared_at_that_very_moment(progress)
    failures = junit.render(found).count("<failure") + junit.render(found).count("<error")
    assert (failures > 0) == (drill.verdict not in {"verified", "between-witnesses", "unproven"})


def test_both_ends_of_the_log_are_named_and_what_is_between_them_is_counted() -> None:
    moment = MomentPart(
        asked="T",
        later="agama-20261130T000000Z",
        later_at=MONDAY,
        stands="binlog.000007:4711",
        transactions=312,
        checks=(GOOD, GOOD),
    )
    assert words.proof("agama-20261116T000000Z", [GOOD], moment) == (
        "between two witnesses that were both equal: 1 of 1 check equal to the witness of agama-20261116T000000Z before it, and after it, through "
        "the same log, 2 of 2 checks equal to the witness of agama-20261130T000000Z; the 312 transactions since agama-20261116T000000Z are from that log; "
        "the moment itself was compared with nothing"
    )
    there = moment.model_copy(
        update={"there": (GOOD, GOOD), "untold": (Untold(subject="agama.note", why="its definition has changed"),)}
    )
    assert words.proof("agama-20261116T000000Z", [GOOD], there).endswith(
        "; at the moment itself 1 of 1 table equal to what the log makes of the witness before it; only by the witnesses around it: "
        "agama.note (its definition has changed); all else of that moment is from the log"
    )
    carried = moment.model_copy(update={"unscanned": ("agama.client",)})
    assert "20261130T000000Z (of agama.client that witness is itself from the log); " in words.proof("b", [GOOD], carried)
    off = there.model_copy(update={"there": (GOOD, BAD)})
    assert words.proof("agama-20261116T000000Z", [GOOD], off) == (
        "1 of 1 check equal to the witness of agama-20261116T000000Z; the 312 transactions since are from the log, and the moment is not what it makes "
        "of that witness: at the moment itself 1 of 2 tables equal to what the log makes of the witness before it (not equal: agama.orders); only by "
        "the witnesses around it: agama.note (its definition has changed); all else of that moment is from the log"
    )
    wrong = moment.model_copy(update={"checks": (GOOD, BAD)})
    assert words.proof("agama-20261116T000000Z", [GOOD], wrong) == (
        "1 of 1 check equal to the witness of agama-20261116T000000Z; the 312 transactions since are from the log, which does not lead to what the "
        "source held later: 1 of 2 checks equal to the witness of agama-20261130T000000Z (not equal: agama.orders)"
    )
    one = moment.model_copy(update={"checks": (), "transactions": 1, "why_not": "it was left out"})
    assert words.proof("agama-20261116T000000Z", [GOOD], one) == (
        "1 of 1 check equal to the witness of agama-20261116T000000Z; the 1 transaction since is from the log and unproven: it was left out"
    )
    # As of a log that was followed beyond the newest backup: no witness comes after it, and its tables are compared all the same.
    followed = there.model_copy(update={"checks": (), "why_not": "no witness comes after it"})
    assert words.proof("agama-20261116T000000Z", [GOOD], followed).endswith(
        "from the log and unproven: no witness comes after it; at the moment itself 1 of 1 table equal to what the log makes of the witness before it; "
        "only by the witness before it: agama.note (its definition has changed); all else of that moment is from the log"
    )
    wrong = followed.model_copy(update={"there": (BAD,)})
    assert "the moment is not what it makes of that witness: at the moment itself 0 of 1 table" in words.proof("b", [GOOD], wrong)


def test_subjects_that_differ_are_named_each_once_and_not_all_of_thousands() -> None:
    wrong = [Check(f"t{number}", metric, 1, 2, passed=False) for number in range(7) for metric in ("rows", "fingerprint")]
    assert words.unequal(wrong) == "t0, t1, t2, t3, t4 and 2 more"
    assert words.unequal([GOOD]) == ""


@pytest.mark.parametrize(
    ("delivered", "touched", "stopped", "aside", "said"),
    [
        (None, False, False, None, ["the target was not touched"]),
        (
            None,
            False,
            True,
            None,
            ["the target was not touched", "its service was stopped by restore.stop, and not started again"],
        ),
        (
            None,
            True,
            True,
            "local:/data.old",
            [
                "was not delivered whole, and local:/data is not as it was: the steps in the runbook say how far it came",
                "its service was stopped by restore.stop, and not started again",
                "what was there before is in local:/data.old",
            ],
        ),
        ("local:/data", True, False, "local:/data.old", ["is in local:/data", "what was there before is in local:/data.old"]),
    ],
)
def test_a_target_that_was_changed_is_never_called_untouched(
    delivered: str | None, touched: bool, stopped: bool, aside: str | None, said: list[str]
) -> None:
    progress = Progress(Stopwatch(lambda: 0.0), checks=[GOOD])
    restoration = restored(progress, delivered=delivered, touched=touched, stopped=stopped, aside=aside)
    assert whereabouts(restoration) == said
    assert all(("the target was not touched" in text) == (not touched) for text in everything(restoration)[::2])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ([5.4, 3.0], "slowest restore 5.4 s, objective 2 h 00 min: met"),
        ([5.4, 7300.0], "slowest restore 2 h 01 min, objective 2 h 00 min: not met"),
        ([None, 7300.0], "slowest restore 2 h 01 min, objective 2 h 00 min: not met"),
        ([5.4, None], "slowest restore 5.4 s, objective 2 h 00 min: met by what came back; 1 drill of 2 did not"),
        ([None], None),
    ],
)
def test_an_objective_that_nobody_could_measure_is_neither_met_nor_missed(seconds: list[float | None], said: str | None) -> None:
    drills = [not_run() if each is None else result(restore_seconds=each) for each in seconds]
    found = evidence(*drills, rto=budget(7200.0, seconds))
    assert words.pace(found) == said
    if said:
        assert said in printed(verify_command.show, found, Path("out"))


def test_a_page_names_great_expectations_only_where_they_judged() -> None:
    part = ExpectationPart(suite="evidence", name="observed equals expected", passed=True, unexpected=0)
    judged, not_judged = result(expectations=(part,)), result()
    assert "and by Great Expectations" in page.render(evidence(judged))
    assert "and by Great Expectations" not in page.render(evidence(judged, not_judged))
    assert "of 1 drill nothing was compared" in page.render(evidence(judged, not_run()))
