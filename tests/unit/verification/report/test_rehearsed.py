"""An upgrade that was tried, as the page, as JUnit XML, as JSON and on a terminal."""

import io
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydantic import ValidationError
from rich.console import Console

from flows.commands import console, verify
from tests.unit.verification.report.pages import Parsed
from tests.unit.verification.samples import evidence, result
from verification.evidence.evidence import DrillResult, Evidence
from verification.evidence.rehearsed import ChangePart, RehearsalPart, RehearsedPhase, ToldPart
from verification.report import junit, page

PAGE = "https://example.org/8.4"
GIVEN = ChangePart(
    subject="account a@%", metric="privilege given: X", before=None, after="X", why="it came out of another", source=PAGE
)
LOST = ChangePart(subject="agama.client", metric="rows", before=120, after=119)


def tried(**changes: Any) -> RehearsalPart:
    values = {
        "maker": "MySQL", "before": "8.0.36", "after": "8.4.3", "image": "mysql:8.4", "image_id": "sha256:ab", "standin": False,
        "verdict": "rehearsed", "phases": (RehearsedPhase(name="stop", seconds=1.5), RehearsedPhase(name="upgrade", seconds=20)),
        "compared": 7, "equal": 6, "expected": (GIVEN,), "told": (ToldPart(words="the default has changed", source=PAGE),),
        "back": "no", "back_source": PAGE, "back_tried": "tried: it does not start",
    }  # fmt: skip
    return RehearsalPart(**{**values, **changes})


def drill(**changes: Any) -> DrillResult:
    part = tried(**changes)
    return result(
        verdict=part.verdict, rehearsal=part, reasons=() if part.verdict == "rehearsed" else ("the upgrade has changed it",)
    )


FAILED = {"verdict": "failed", "look": (LOST,), "equal": 5}


def test_the_page_tells_it_apart_from_the_proof() -> None:
    shown = Parsed(page.render(evidence(drill())))
    assert not shown.open
    assert all(reference.startswith("#") for reference in shown.references)
    for words in (
        "↑ rehearsed",
        "1 drill: every restored copy equals what its source held, and an upgrade was rehearsed on it.",
        "Upgrade of MySQL 8.0.36 to 8.4.3",
        "6 of 7 facts are equal after it, 1 changed as is expected of it, 0 otherwise",
        "nothing of it is a proof of the backup, nor a time of a restore",
        "expected of this version 1 fact changed",
        "it came out of another https://example.org/8.4",
        "the default has changed https://example.org/8.4",
        "tried: it does not start",
        "21.5 s: stop 1.5 s, upgrade 20.0 s",
        "up to 2026-11-23 00:00:00 UTC in 41.2 s",
    ):
        assert words in shown.text
    assert "look at this" not in shown.text
    text = Parsed(page.render(evidence(drill(**FAILED)))).text
    assert "✗ failed" in text
    assert "1 fact look at this" in text
    assert "agama.client rows 120 119" in text
    # The backup itself is proven.
    assert "up to 2026-11-23 00:00:00 UTC in 41.2 s" in text


def test_junit_has_a_suite_for_it_that_fails_by_itself() -> None:
    whole = ET.fromstring(junit.render(evidence(drill(**FAILED))))
    first, second = whole.findall("testsuite")
    assert (first.get("failures"), second.get("failures")) == ("0", "1")
    assert second.get("name") == "agama latest upgraded to 8.4.3"
    failure = second.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "rows: expected 120, observed 119"
    stated = {each.get("name"): each.get("value") for each in second.iter("property")}
    assert (stated["verdict"], stated["phase.upgrade"], stated["way_back_tried"]) == (
        "failed",
        "20.000",
        "tried: it does not start",
    )
    assert next(each.get("value") for each in first.iter("property") if each.get("name") == "verdict") == "verified"

    for verdict, count in (("failed", ("1", "0")), ("could-not-run", ("0", "1"))):
        broken = tried(verdict=verdict, error="it does not start", hint="read", compared=0, equal=0, expected=())
        suite = ET.fromstring(junit.render(evidence(result(verdict=verdict, rehearsal=broken)))).findall("testsuite")[1]
        assert (suite.get("failures"), suite.get("errors")) == count


def test_a_terminal_shows_what_to_look_at_and_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=out, width=200))
    verify.show(evidence(drill(**FAILED, expected=(GIVEN, GIVEN))), None)
    text = out.getvalue()
    for words in (
        "agama, latest, upgrade: MySQL 8.0.36 to 8.4.3: 5 of 7 facts are equal after it, 2 changed as is expected of it, 1 otherwise",
        "  the backup itself is proven, on MySQL 8.0.36",
        "  look at this: agama.client rows: before 120, after 119",
        "  expected of it, 2 facts: it came out of another (https://example.org/8.4)",
        "  not seen here: the default has changed (https://example.org/8.4)",
        "  way back: no (https://example.org/8.4); tried: it does not start",
        "  took 21.5 s, none of it a restore's: stop 1.5 s, upgrade 20.0 s",
    ):
        assert words in text


def test_it_is_read_back_and_older_reports_are_read_on() -> None:
    whole = evidence(drill(**FAILED))
    assert (whole.verdict, whole.exit_code) == ("failed", 1)
    assert evidence(drill()).exit_code == 0
    assert Evidence.model_validate_json(whole.model_dump_json()) == whole
    older = result().model_dump(exclude={"rehearsal"})
    assert DrillResult.model_validate(older).rehearsal is None
    for wrong in ({"back_source": "javascript:alert(1)"}, {"image_id": "../x"}, {"compared": -1}, {"verdict": "verified"}):
        with pytest.raises(ValidationError):
            tried(**wrong)


def test_nobody_is_called_for_an_upgrade_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    from tasks import events

    monkeypatch.setattr(events, "emit_event", lambda event, **_: sent.append(event))
    events.send_verification(evidence(drill(**FAILED)))
    assert sent == [events.VERIFIED]
