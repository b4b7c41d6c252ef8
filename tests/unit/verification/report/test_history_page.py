"""The page of a history: it stands alone, draws no line across a gap, and is there at once."""

import re
import sys
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot
from tests.unit.verification.evidence.test_history import DAY, SETTINGS, WEEK, backup, snapshot
from tests.unit.verification.report.pages import Parsed
from tests.unit.verification.samples import MONDAY, result
from verification.evidence import drilled
from verification.evidence.history import ServiceHistory, of
from verification.report import drawing, history
from verification.report.charts import charts
from verification.report.drawing import BYTES, COUNT, PERCENT, SECONDS, Chart, sparkline


def test_what_draws_leaves_nothing_in_the_way_of_other_imports() -> None:
    assert [finder for finder in sys.meta_path if not hasattr(finder, "find_spec")] == []


def weeks(count: int, missed: tuple[int, ...] = ()) -> ServiceHistory:
    """A year, or less: a full each Monday, incrementals between, a verification each Monday but those that are missed."""
    nights = [MONDAY - night * DAY for night in range(7 * count) if night // 7 not in missed]
    backups: list[BackupRecord] = [
        backup(at, "incremental" if (MONDAY - at).days % 7 else "full", size=10_000_000 + (MONDAY - at).days) for at in nights
    ]
    mondays = [MONDAY - week * WEEK for week in range(count) if week not in missed]
    kept = [snapshot(at, result(), result(selection="worst", restore_seconds=60.0 - number)) for number, at in enumerate(mondays)]
    kept.append(Snapshot("ef" * 32, MONDAY, (drilled.DAMAGE, "damage=agama|30|29")))
    [found] = of(SETTINGS, {"agama": "mysql"}, backups, kept, MONDAY)
    return found


def drawn(found: ServiceHistory) -> dict[str, Chart]:
    return {chart.title.split()[0]: chart for chart in charts(found)}


def series(chart: Chart, name: str) -> list[ET.Element]:
    root = ET.fromstring(chart.svg)
    return [each for each in root.iter() if each.get("class") == f"series {name}"]


def paths(chart: Chart, name: str) -> list[str]:
    """The strokes of a line: one, where it is not broken."""
    return [path.get("d", "") for group in series(chart, name) for path in group.iter() if path.tag.endswith("path")]


def titles(chart: Chart, name: str) -> list[str]:
    return [each.text or "" for group in series(chart, name) for each in group.iter() if each.tag.endswith("title")]


def test_the_page_stands_alone_and_says_what_each_service_is_like() -> None:
    page = history.render([weeks(8)], now=MONDAY)
    read = Parsed(page)
    assert not read.open
    assert read.references == []
    assert not {"script", "link", "img", "iframe"} & set(read.tags)
    assert not re.search(r"url\(|@import|https?:(?!//www\.w3\.org/)", page)
    assert read.tags.count("svg") == 6
    assert "backups 56 backups since 2026-09-29 06:00:00 UTC drills 16 drills since 2026-10-05 06:00:00 UTC" in read.text
    assert (
        "last time back 60.0 s of 2 h 00 min allowed (RTO)" in read.text or "last time back 1 min 00 s of 2 h 00 min" in read.text
    )
    assert "29 of 30 faults were noticed" in read.text
    assert "gap" not in read.text


def test_it_is_read_in_the_dark_in_print_and_on_a_phone() -> None:
    """Every colour of a drawing is one of the page's, which are others in the dark and on paper; nothing has a fixed width."""
    page = history.render([weeks(8)], now=MONDAY)
    for chart in charts(weeks(8)):
        assert not re.search(r"#[0-9a-f]{3,6}\b|rgb|style=|<svg[^>]* width=", chart.svg), chart.title
        assert "viewBox" in chart.svg
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert 'name="viewport"' in page
    styled = set(re.findall(r"\.charts \.([a-z-]+)", page))
    named = {name for chart in charts(weeks(8, (3,))) for name in chart.legend}
    assert named <= styled


def test_no_line_crosses_a_gap_and_the_gap_is_marked() -> None:
    whole, holed = drawn(weeks(8)), drawn(weeks(8, missed=(3, 4)))
    assert len(paths(whole["Rows"], "rows")) == 1
    assert len(paths(holed["Rows"], "rows")) == 2
    assert len(paths(holed["How"], "waited")) == 2
    assert len(paths(holed["Slowest"], "slowest")) == 2
    assert not series(whole["Rows"], "missed")
    assert len(paths(holed["Rows"], "missed")) == 1
    assert titles(holed["Rows"], "missed") == titles(holed["Time"], "missed") == []


def test_a_missed_drill_leaves_its_place_empty() -> None:
    chart = drawn(weeks(4, missed=(1,)))["Time"]
    bars = titles(chart, "fetch")
    assert bars == ["2026-11-02: 24.1 s", "2026-11-09: 24.1 s", "2026-11-23: 24.1 s"]
    assert (
        len([each for group in series(chart, "missed") for each in group.iter() if each.get("class", "").startswith("rect")]) == 1
    )
    assert chart.legend == ("fetch", "start", "replay", "ready", "missed")


def test_every_gap_is_named_on_the_page_with_what_is_known_of_it() -> None:
    text = Parsed(history.render([weeks(8, missed=(0, 5))], now=MONDAY)).text
    assert (
        "2 gaps in the backups: 8 d 0 h, after 2026-10-12 06:00:00 UTC, until 2026-10-20 06:00:00 UTC none is kept: missed, or deleted since"
        in text
    )
    assert "7 d 0 h, after 2026-11-16 06:00:00 UTC, until now missed" in text


def test_one_point_and_no_evidence_are_drawn_as_what_they_are() -> None:
    one = weeks(1).model_copy(update={"backups": weeks(1).backups[-1:]})
    assert [len(titles(drawn(one)[name], line)) for name, line in (("Size", "full"), ("Slowest", "slowest"))] == [1, 1]
    assert len(titles(drawn(one.model_copy(update={"drills": ()}))["Rows"], "rows")) == 1
    [nothing] = of(SETTINGS, {"agama": "mysql"}, [], [], MONDAY)
    assert charts(nothing) == []
    text = Parsed(history.render([nothing], now=MONDAY)).text
    assert "backups none is kept drills no evidence is kept" in text
    assert "No service" in Parsed(history.render([], now=MONDAY)).text


def test_what_evidence_alone_still_tells_of_backups_that_are_gone_is_drawn() -> None:
    """Rows when a backup was taken, and what was restored; not twice what is known of the backup itself."""
    before = backup(MONDAY - 30 * DAY)
    part = result().backup
    assert part is not None
    drills = [
        result(backup=part.model_copy(update={"id": f"agama-{MONDAY - age * DAY:%Y%m%dT%H%M%SZ}"})) for age in (30, 20, 10, 0)
    ]
    kept = [snapshot(MONDAY - age * DAY, drill) for age, drill in zip((30, 20, 10, 0), drills, strict=True)]
    [found] = of(SETTINGS, {"agama": "mysql"}, [before, backup(MONDAY)], kept, MONDAY)
    assert titles(drawn(found)["Rows"], "rows") == ["2026-10-24: 120", "2026-11-03: 51", "2026-11-13: 51", "2026-11-23: 120"]
    assert len(titles(drawn(found)["Size"], "restored")) == 4
    assert len(titles(drawn(found)["Size"], "full")) == 2


def test_evidence_of_before_is_drawn_without_phases_and_backups_of_before_without_rows() -> None:
    older = Snapshot("ab" * 32, MONDAY, (drilled.TAG, f"proof=agama-20261123T000000Z|verified|41.2|{MONDAY.isoformat()}"))
    [found] = of(SETTINGS, {"agama": "mysql"}, [backup(MONDAY, holds=None, lock_seconds=None)], [older], MONDAY)
    assert set(drawn(found)) == {"Size", "Time", "Slowest"}
    assert drawn(found)["Time"].legend == ("restore",)


def test_what_somebody_else_wrote_is_text() -> None:
    """No name that is not of its form comes so far; if one did, it would be escaped."""
    odd = weeks(2).model_copy(update={"service": "<script>alert(1)</script>\x1b", "type": "<img>"})
    page = history.render([odd], now=MONDAY)
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("scale", "top", "last", "words"),
    [
        (BYTES, 0, 1, "1 B"),
        (BYTES, 3.2 * 2**30, 4 * 2**30, "4.0 GiB"),
        (SECONDS, 41.2, 50, "50.0 s"),
        (SECONDS, 7200, 7200, "2 h 00 min"),
        (SECONDS, 0.004, 0.004, "4 ms"),
        (SECONDS, 10**7, 10**7, "115 d 17 h"),
        (COUNT, 93_447, 100_000, "100 k"),
        (PERCENT, 96.7, 100, "100 %"),
    ],
)
def test_an_axis_ends_at_or_above_the_highest_value_in_round_steps(
    scale: drawing.Scale, top: float, last: float, words: str
) -> None:
    ticks = scale.ticks(top)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] == pytest.approx(last)
    assert scale.words(ticks[-1]) == words


def test_within_a_few_days_the_time_of_day_is_written_and_later_the_date() -> None:
    def labels(count: int) -> set[str]:
        found = weeks(8).model_copy(update={"backups": weeks(8).backups[-count:]})
        root = ET.fromstring(drawn(found)["Rows"].svg)
        axis = next(each for each in root.iter() if each.get("class") == "axis x")
        return {text.text or "" for text in axis.iter() if text.tag.endswith("text")}

    assert all(re.fullmatch(r"11-2\d \d\d:\d\d", label) for label in labels(3))
    assert all(re.fullmatch(r"2026-1[01]-\d\d", label) for label in labels(30))
    assert len(labels(3)) == len(labels(30)) == 4


def test_a_sparkline_is_blank_where_nothing_is() -> None:
    assert sparkline([1.0, None, 2.0, 4.0]) == "▂ ▄█"
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert sparkline([None]) == " "
    assert sparkline([]) == ""


@pytest.mark.long
def test_a_year_is_drawn() -> None:
    """Three services, a backup each night, two drills each week."""
    found = weeks(52, missed=(7, 20))
    page = history.render([found, found, found], now=MONDAY)
    assert len(page) < 3_000_000
    assert timedelta(weeks=51) <= MONDAY - found.drills[0].at
