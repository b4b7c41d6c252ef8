"""How a joint drill is told: in report.json and back, on the page, in JUnit XML, on the terminal, and as a verdict over all."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from flows.commands import verify as command
from tests import documented
from tests.unit.verification.samples import MONDAY, evidence, result
from verification.evidence.evidence import Evidence
from verification.evidence.together import BoardPart, CopyPart, DifferentPart, LeftOutPart, TogetherPart
from verification.report import junit, page


def joint(**changes: Any) -> TogetherPart:
    """One of two panels answers otherwise; a third one is empty at the source."""
    values: dict[str, Any] = {
        "verdict": "failed",
        "started_at": MONDAY,
        "way": "grafana",
        "words": "asked through the restored Grafana, whose data sources are as they were restored",
        "copies": (
            CopyPart(service="agama", type="mysql", backup="agama-20261123T000000Z", taken_at=MONDAY, chain=1, seconds=7.3),
            CopyPart(
                service="grafana",
                type="grafana",
                backup="grafana-20261123T000000Z",
                taken_at=MONDAY,
                chain=1,
                dashboards=True,
                error="gone",
            ),
        ),
        "seconds": 14.8,
        "back_seconds": 7.9,
        "rto_met": True,
        "questions": 3,
        "equal": 1,
        "boards": (
            BoardPart(
                organisation=1,
                uid="orders",
                title="Orders <b>",
                panels=3,
                counts={"equal": 1, "otherwise": 1, "empty-at-source": 1},
            ),
            BoardPart(organisation=1, uid="", title="Rules", panels=1, counts={"not-protected": 1}),
        ),
        "different": (
            DifferentPart(
                service="agama",
                title="Orders <b>",
                panel="panel 2 Clients",
                outcome="otherwise",
                query="SELECT count(*) FROM client",
                start=MONDAY - timedelta(hours=6),
                end=MONDAY,
                expected="120",
                observed="119",
                why="another number",
            ),
        ),
        "left_out": (LeftOutPart(organisation=1, title="Rules", panel="alert rule late", outcome="not-protected", why="Loki"),),
        "reasons": ("1 panel that answered at the source does not answer equally",),
        "notes": ("agama: Grafana logs in as 'grafana'@'10.0.0.3', coming from 10.0.0.3",),
        "limits": ("panels prove that dashboards answer as they did",),
    }
    return TogetherPart(**{**values, **changes})


def told(**changes: Any) -> Evidence:
    part = joint(**changes)
    return evidence(result(), together=part, verdict=part.verdict or "verified")


def test_the_headline_counts_what_answered_and_names_the_rest() -> None:
    part = joint()
    assert part.headline == ("1 of 2 panels answer as they did (1 answered otherwise; 1 empty at the source; 1 not protected)")
    assert joint(verdict=None, skipped="nobody asks").headline == "not drilled together: nobody asks"
    assert joint(boards=()).headline == "no panel was asked"


def test_a_report_is_read_again_and_so_is_one_from_before_there_were_joint_drills() -> None:
    whole = told()
    assert Evidence.model_validate_json(whole.model_dump_json()) == whole
    older = evidence(result()).model_dump_json(exclude={"together"})
    assert Evidence.model_validate_json(older).together is None


def test_the_documented_shape_is_that_of_the_report() -> None:
    (example,) = documented.examples("verify")
    assert documented.differences(example["together"], joint().model_dump(mode="json")) == []


def test_the_page_tells_dashboards_differences_and_what_was_left_out() -> None:
    text = page.render(told())
    for words in (
        "1 of 2 panels answer as they did",
        "Orders &lt;b&gt;",
        "SELECT count(*) FROM client",
        "120",
        "119",
        "alert rule late",
        "Loki",
        "&#39;grafana&#39;@&#39;10.0.0.3&#39;",
        "gone",
        "panels prove that dashboards answer",
    ):
        assert words in text
    assert "<b>" not in text.split("</style>")[1]
    assert "together" not in page.render(evidence(result())).split("</style>")[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": None, "skipped": "nobody asks", "boards": (), "seconds": None},
        {"verdict": "could-not-run", "boards": (), "seconds": None, "different": (), "left_out": ()},
    ],
)
def test_the_page_and_junit_tell_one_that_did_not_run(changes: dict[str, Any]) -> None:
    whole = told(**changes)
    assert joint(**changes).headline in page.render(whole)
    suite = ET.fromstring(junit.render(whole)).findall("testsuite")[-1]
    assert suite.get("errors") == ("0" if changes["verdict"] is None else "1")


def test_junit_has_a_case_for_each_dashboard_that_fails_when_a_panel_does() -> None:
    suite = next(each for each in ET.fromstring(junit.render(told())) if each.get("name") == "together")
    cases = {case.get("name"): case.find("failure") is not None for case in suite.findall("testcase")}
    assert cases == {"brought back side by side, and asked": True, "Orders <b> (orders)": True, "alert rules in Rules": False}
    assert "another number" in "".join(suite.itertext())


def test_the_terminal_says_it_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    command.show(told(), None)
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "together: 1 of 2 panels",
        "Orders <b>, panel 2 Clients (agama): answered otherwise: another number",
        "panels prove",
    ):
        assert words in out


def test_a_joint_drill_alone_is_a_verification() -> None:
    part = joint()
    alone = evidence(together=part, verdict="failed")
    assert "Together: 1 of 2 panels" in page.render(alone)
    assert ET.fromstring(junit.render(alone)).get("errors") == "0"
