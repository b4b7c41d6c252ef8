"""The verdict of a joint drill: what answers otherwise fails it, what did not come back proves nothing, and nothing is no proof."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from tests.unit.verification.together.company_of import FakeCopy, FakeShower, asked, back, company, frames, kept
from verification.drill.tamper import Tamper
from verification.evidence.together import TogetherPart
from verification.together import company as companies
from verification.together import drill
from verification.together.company import Company
from verification.together.plan import PlannedTogether


def same(question: object) -> dict[str, Any]:
    return frames(1)


def other(question: object) -> dict[str, Any]:
    return frames(2)


def drilled(
    monkeypatch: pytest.MonkeyPatch,
    those: Company,
    *,
    tampers: Mapping[str, Tamper] | None = None,
    seconds: float = 1.0,
    missing: Sequence[str] = (),
) -> TogetherPart:
    @contextmanager
    def brought_back(*arguments: object) -> Iterator[Company]:
        yield those

    clock = iter([0.0] + [seconds] * 1000)
    monkeypatch.setattr(companies, "brought_back", brought_back)
    site: Any = SimpleNamespace(settings=SimpleNamespace(objectives=SimpleNamespace(rto=timedelta(hours=2))))
    planned = PlannedTogether(None, tuple(each.side for each in those.copies.values()), tuple(missing))
    run: Any = None
    return drill.together(site, planned, run, tampers=tampers, monotonic=lambda: next(clock))


def both(reply: Any = same, *, then: Any = same, fault: LifeboatError | None = None, shower: Any = None) -> Company:
    copy = None if fault else FakeCopy(reply)
    return company(
        back("agama", copy, kept([asked("agama", 1)], then), fault=fault),
        back("grafana", shower or FakeShower(reply), None, standin=True),
    )


def test_equal_answers_are_verified_and_what_they_prove_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    result = drilled(monkeypatch, both(), missing=["prometheus: it has no backup"])
    assert (result.verdict, result.reasons, result.headline) == ("verified", (), "1 of 1 panels answer as they did")
    assert result.limits[0] == "prometheus: it has no backup"
    assert any("not that all data are there" in limit for limit in result.limits)


def test_another_answer_fails_it_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    result = drilled(monkeypatch, both(other))
    assert result.verdict == "failed"
    assert (
        "1 panel that answered at the source does not answer equally, first Orders, panel 1 of agama (agama)" in result.reasons[0]
    )


def test_a_copy_that_was_ended_from_outside_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    those = both(other)
    those.copies["agama"].box.cut_short = lambda: "container x was killed"  # type: ignore[method-assign]
    result = drilled(monkeypatch, those)
    assert result.verdict == "could-not-run"
    assert "container x was killed" in result.reasons[0]


@pytest.mark.parametrize(
    ("fault", "verdict"), [(Damaged("rotten"), "failed"), (LifeboatError("no image", hint="pull"), "could-not-run")]
)
def test_a_copy_that_did_not_come_back(monkeypatch: pytest.MonkeyPatch, fault: LifeboatError, verdict: str) -> None:
    result = drilled(monkeypatch, both(fault=fault))
    assert (result.verdict, result.reasons[0], result.hint) == (verdict, fault.message, fault.hint)
    assert result.copies[0].error == fault.message


def test_nothing_that_answered_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"status": 200, "frames": []}
    result = drilled(monkeypatch, both(lambda question: empty, then=lambda question: empty))
    assert result.verdict == "could-not-run"
    assert "nothing that is proven" in result.reasons[0]


def test_a_missed_objective_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = drilled(monkeypatch, both(), seconds=7201.0)
    assert (result.verdict, result.rto_met) == ("failed", False)
    assert "the objective is" in result.reasons[-1]


def test_a_changed_data_source_fails_it_however_equal_the_answers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    result = drilled(monkeypatch, both(shower=FakeShower(same, changed=["data source Agama"])))
    assert (result.verdict, result.headline) == ("failed", "1 of 1 panels answer as they did")


def test_a_copy_that_lifeboat_cannot_ask_proves_nothing_whatever_the_others_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(question: object) -> dict[str, Any]:
        raise KeyError("bug")

    those = company(
        back("agama", FakeCopy(bug), kept([asked("agama", 1)], same)),
        back("prometheus", FakeCopy(same), kept([asked("prometheus", 1)], same)),
        back("grafana", FakeShower(same), None, standin=True),
    )
    result = drilled(monkeypatch, those)
    assert (result.verdict, result.counts) == ("could-not-run", {"equal": 1, "cannot-be-asked": 1})
    assert "unexpected error" in result.reasons[0]


def test_damage_on_purpose_is_done_before_anything_is_asked_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    those = both()

    def damage(copy: Any) -> None:
        copy.reply = other

    result = drilled(monkeypatch, those, tampers={"agama": Tamper("a row gone", running=damage)})
    assert (result.verdict, result.tampered) == ("failed", "a row gone")


def test_a_bug_is_a_fault_of_ours_and_no_verdict_on_a_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(copy: Any) -> None:
        raise KeyError("bug")

    result = drilled(monkeypatch, both(), tampers={"agama": Tamper("x", running=bug)})
    assert result.verdict == "could-not-run"
    assert "bug in Lifeboat" in (result.hint or "")


def test_what_is_not_there_to_be_drilled_is_told() -> None:
    site: Any = None
    run: Any = None
    skipped = drill.together(site, PlannedTogether(skipped="no service shows dashboards", missing=("x",)), run)
    assert (skipped.verdict, skipped.headline) == (None, "not drilled together: no service shows dashboards")
    failed = drill.together(site, PlannedTogether(error=Damaged("panels.json cannot be read")), run)
    assert (failed.verdict, failed.reasons) == ("failed", ("panels.json cannot be read",))
