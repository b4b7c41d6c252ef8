"""The evidence as a page and as JUnit XML."""

import re
from xml.etree import ElementTree as ET

import pytest

from tests.unit.verification.report.pages import Parsed
from tests.unit.verification.samples import check, evidence, lost_row, not_run, result, tables
from verification.evidence.evidence import Kept
from verification.report import junit, page
from verification.report.groups import grouped, kinds


def read(*drills, **changes) -> Parsed:  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN003
    return Parsed(page.render(evidence(*drills, **changes)))


def test_the_page_stands_alone() -> None:
    """No script, no address but those within it, and every element closed."""
    shown = read(result(), lost_row(selection="worst"), not_run())

    assert not shown.open
    assert all(reference.startswith("#") for reference in shown.references)
    assert not {"script", "link", "img", "iframe"} & set(shown.tags)
    assert not re.search(r"url\(|@import|https?:", page.render(evidence(result())))


def test_the_history_is_linked_where_it_is_beside_the_page() -> None:
    assert Parsed(page.render(evidence(result()), history=True)).references[-1] == "history.html"
    assert "history" not in read(result()).text


def test_the_verdict_comes_first_then_what_can_be_brought_back_until_when_and_how_fast() -> None:
    text = read(result()).text

    assert text.index("✓ verified") < text.index("1 drill: every restored copy equals what its source held.")
    assert text.index("Slowest restore") < text.index("What can be brought back") < text.index("agama · latest")
    assert "41.2 s of 2 h 00 min allowed (RTO); margin 1 h 59 min" in text
    assert "up to 2026-11-23 00:00:00 UTC in 41.2 s" in text


def test_failures_are_on_top_with_both_numbers() -> None:
    text = read(lost_row()).text

    assert "✗ failed" in text
    assert "agama.client rows expected 120 observed 119" in text
    assert text.index("observed 119") < text.index("Back in")
    assert "nothing is proven" in text


def test_what_could_not_run_says_why_and_what_to_do() -> None:
    text = read(result(), not_run()).text

    assert "? could not run" in text
    assert "cannot be pulled: no route" in text
    assert "What to do: docker pull grafana/grafana:12.4.1" in text
    assert "but not every drill restored its copy" in text


def test_what_no_machine_came_to_is_told_apart_and_each_drill_names_its_machine() -> None:
    """In the sentence on top, at the drill, and in JUnit as an error with the reason: never silently absent."""
    why = "not reached: it takes 2 h 00 min, and the window ends at 2026-11-23 18:00 UTC"
    unreached = not_run(service="grafana", reached=False, error=why, reasons=(why,))
    drills = result(machine="verify-2"), not_run(service="prometheus"), unreached
    text = read(*drills).text
    assert "3 drills: 1 could not run, 1 verified, 1 not reached." in text
    assert text.count("not reached: it takes 2 h 00 min") >= 1
    assert "machine verify-2" in " ".join(text.split())
    root = ET.fromstring(junit.render(evidence(*drills)))
    first, _, last = root.findall("testsuite")
    assert first.get("hostname") == "verify-2"
    assert last.get("hostname") == "lighthouse"
    (error,) = last.findall("testcase/error")
    assert error.get("message") == why
    assert unreached.words == "not reached"


def test_a_missed_objective_is_told_with_the_excess() -> None:
    slow = result(verdict="failed", restore_seconds=9600.0, rto_met=False, margin_seconds=-2400.0)
    text = read(slow).text

    assert "missed by 40 min 00 s" in text
    assert "40 min 00 s too late" in text


def test_a_stand_in_and_a_damaged_copy_are_called_what_they_are() -> None:
    standin = result().image.model_copy(update={"standin": True, "words": "ran on a stand-in"})  # type: ignore[union-attr]
    text = read(result(image=standin), lost_row(tampered="one row deleted from agama.client")).text

    assert "Not the real server. agama ran on a stand-in." in text
    assert "Damaged on purpose. one row deleted from agama.client." in text


def test_what_a_backup_does_not_hold_is_listed_with_its_drill() -> None:
    assert "not compared, or not restorable" not in read(result()).text
    text = read(result(limits=("FLOAT keeps six digits", "a secret, to be set again after a restore: pager <token>"))).text
    assert "limits: not in this backup, not compared, or not restorable" in text
    assert "2 limits" in text
    assert "FLOAT keeps six digits" in text
    assert "pager <token>" in text


def test_markup_in_names_and_values_is_text() -> None:
    """A table may be called anything; none of it becomes part of the page."""
    odd = check("<script>alert(1)</script>", "rows", "</td><b>", '"><img src=x>')
    html = page.render(evidence(result(verdict="failed", checks=(odd,), reasons=("<i>",))))

    assert "<script>" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_a_thousand_tables_fold_into_one_line() -> None:
    shown = read(result(checks=tables(1000)))

    assert "2,000 of 2,000 checks passed, 1,000 subjects" in shown.text
    assert shown.tags.count("details") < 5
    assert "open" not in re.findall(r"<details class=\"group\"[^>]*>", page.render(evidence(result())))[0]


def test_nothing_drilled_is_nothing_proven() -> None:
    assert "Nothing was drilled, so nothing is proven." in read().text


def test_where_the_evidence_is_kept_is_told() -> None:
    kept = read(result(), kept=Kept(snapshot="0123456789ab", reason=None)).text
    lost = read(result(), kept=Kept(snapshot=None, reason="the repository is away")).text

    assert "Kept in the repository as snapshot 01234567." in kept
    assert "Not kept in the repository: the repository is away." in lost


def test_of_long_values_the_page_shows_where_they_differ() -> None:
    one = "CREATE VIEW " + "a" * 500 + "LEFT" + "b" * 500
    two = "CREATE VIEW " + "a" * 500 + "RIGHT" + "b" * 500

    assert "LEFT" in page.difference(one, two)
    assert "RIGHT" in page.difference(two, one)
    assert len(page.difference(one, two)) < 200
    assert page.difference(None, 1) == "not there"
    assert page.difference(1234567, 1) == "1,234,567"


def test_subjects_are_grouped_by_what_they_are() -> None:
    expected = {
        "agama.client": "agama",
        "tree": "tree",
        "": "",
        "org 1": "org",
        "org 1 dashboard abc-1": "dashboard",
        "dashboard my home": "dashboard",
        "org 2 library panel x1": "library panel",
        "library panel y2": "library panel",
        "suite agama.yaml: no client": "suite",
    }

    assert kinds(expected) == expected


def test_groups_with_failures_come_first() -> None:
    groups = grouped([check("a.b", "rows", 1, 1), check("view a", "rows", 1, 2), check("view b", "rows", 1, 1)])

    assert [(group.name, group.subjects, len(group.failures)) for group in groups] == [("view", 2, 1), ("a", 1, 0)]


def test_a_drill_of_what_is_both_is_said_to_be_both_on_the_page_and_in_junit() -> None:
    """A moment of the same backup stays a drill of its own; one that an older Lifeboat drilled twice is shown twice."""
    both = result(selection="worst", also=("latest",))
    text = read(both, result(selection="moment")).text
    assert "2 drills: every restored copy equals what its source held." in text
    assert "latest and worst: ✓ verified" in text
    assert "agama · latest and worst ✓ verified" in text
    assert "agama · moment ✓ verified" in text
    (suite,) = suites(both)
    assert suite.get("name") == "agama latest and worst"
    assert {str(case.get("classname")).rsplit(".", 1)[0] for case in suite.iter("testcase")} <= {
        "agama", "agama.latest and worst"
    }  # fmt: skip
    assert [each.get("name") for each in suites(result(), result(selection="worst"))] == ["agama latest", "agama worst"]


def suites(*drills) -> list[ET.Element]:  # type: ignore[no-untyped-def]  # noqa: ANN002
    text = junit.render(evidence(*drills))
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    for count in ("tests", "failures", "errors"):
        assert int(root.get(count, "-1")) == sum(int(suite.get(count, "-1")) for suite in root)
    return list(root)


def test_junit_has_a_suite_for_each_drill_and_a_case_for_each_thing_checked() -> None:
    first, second = suites(result(), lost_row(selection="worst"))

    assert (first.get("name"), first.get("tests"), first.get("failures"), first.get("errors")) == ("agama latest", "5", "0", "0")
    assert (second.get("name"), second.get("tests"), second.get("failures")) == ("agama worst", "6", "1")
    case = second.find("testcase[failure]")
    assert case is not None
    assert (case.get("classname"), case.get("name")) == ("agama.worst.agama", "agama.client")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "rows: expected 120, observed 119"
    assert "fingerprint: expected 'abab" in (failure.text or "")
    timings = {entry.get("name"): entry.get("value") for entry in first.iter("property")}
    assert (timings["phase.fetch"], timings["restore_seconds"]) == ("24.100", "41.2")


@pytest.mark.parametrize(
    ("drill", "failures", "errors"),
    [
        (not_run(), "0", "1"),
        (not_run(verdict="failed", error="the chain is broken"), "1", "0"),
        (not_run(error=None, reasons=("nothing was checked",)), "0", "1"),
        (result(verdict="failed", restore_seconds=9600.0, rto_met=False), "1", "0"),
        (lost_row(error="a suite cannot be run"), "1", "1"),
    ],
)
def test_junit_never_shows_an_unproven_drill_as_green(drill, failures: str, errors: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    [suite] = suites(drill)

    assert (suite.get("failures"), suite.get("errors")) == (failures, errors)


def test_junit_of_no_drill_is_an_error() -> None:
    [suite] = suites()

    assert suite.get("errors") == "1"


def test_junit_stays_xml_whatever_a_table_is_called() -> None:
    """Control characters cannot be written in XML at all; everything else is escaped."""
    [suite] = suites(result(checks=(check('a.\x00<"&\x1b\ud800', "rows", 1, 1),)))

    assert [case.get("name") for case in suite.iter("testcase")][-1] == r'a.\x00<"&\x1b\ud800'
