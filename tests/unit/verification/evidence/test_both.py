"""One drill of a backup that is the latest and the worst says what two drills of it said, wherever that is asked."""

import json
from datetime import timedelta

from tests.unit.verification.evidence.test_history import SETTINGS, backup, snapshot
from tests.unit.verification.report.pages import Parsed
from tests.unit.verification.samples import MONDAY, evidence, result
from verification.evidence import signed, store
from verification.evidence.evidence import DrillResult, Evidence
from verification.evidence.history import ServiceHistory, of
from verification.report import history as page
from verification.watch import metrics_of_history

TWO = (result(), result(selection="worst"))
"""As an older Lifeboat drilled one backup."""
ONE = result(selection="worst", also=("latest",))


def history(*drills: DrillResult) -> ServiceHistory:
    [found] = of(SETTINGS, {"agama": "mysql"}, [backup(MONDAY - timedelta(hours=6))], [snapshot(MONDAY, *drills)], MONDAY)
    return found


def test_proofs_and_metrics_are_those_of_two_drills() -> None:
    """`status`, retention, metrics and alert rules stand on these: they tell the newest proof of a backup, and the slowest restore."""
    now = MONDAY + timedelta(hours=1)
    once, twice = (store.read_proofs([snapshot(MONDAY, *drills)], now) for drills in ((ONE,), TWO))
    assert once == twice
    assert [proof.verdict for proof in once.values()] == ["verified"]
    once_seen, twice_seen = history(ONE), history(*TWO)
    assert list(metrics_of_history.samples([once_seen])) == list(metrics_of_history.samples([twice_seen]))
    assert once_seen.shown_at == twice_seen.shown_at
    assert [drill.seconds for drill in once_seen.comparable] == [drill.seconds for drill in twice_seen.comparable]


def test_the_history_names_both_and_has_one_drill() -> None:
    shown = Parsed(page.render([history(ONE)], now=MONDAY)).text
    assert "latest and worst" in shown
    assert "every drill 1 drill" in shown
    assert "every drill 2 drills" in Parsed(page.render([history(*TWO)], now=MONDAY)).text
    (drill,) = json.loads(history(ONE).model_dump_json())["drills"]
    assert (drill["selection"], drill["also"]) == ("worst", ["latest"])


def test_a_report_has_it_and_one_of_before_is_read() -> None:
    report = json.loads(evidence(ONE).model_dump_json())
    (drill,) = report["drills"]
    assert (drill["selection"], drill["also"]) == ("worst", ["latest"])
    older = json.loads(evidence(*TWO).model_dump_json())
    for each in older["drills"]:
        del each["also"]
    assert [each.chosen for each in Evidence.model_validate(older).drills] == ["latest", "worst"]


def test_what_is_signed_in_short_names_both() -> None:
    assert [drill.selection for drill in signed.about(evidence(ONE, *TWO)).drills] == ["latest and worst", "latest", "worst"]
