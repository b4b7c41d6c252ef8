"""Ranges of time, as dashboards write them, become windows that end in the past; steps are neat, as Grafana's are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.panels.dashboards import steps
from backups.panels.dashboards.times import MINUTE, Window, span, window
from tests.unit.panels.dashboards import END, HOUR

DAY = 24 * HOUR
MIDNIGHT = END - END % DAY


@pytest.mark.parametrize(
    ("since", "until", "start", "end"),
    [
        ("now-6h", "now", END - 6 * HOUR, END),
        ("now-1d-12h", "now-30m", END - 36 * HOUR, END - 30 * MINUTE),
        ("now/d", "now/d", MIDNIGHT, END),
        ("now-1d/d", "now-1d/d", MIDNIGHT - DAY, MIDNIGHT),
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00.000Z", 1_793_491_200_000, 1_793_577_600_000),
        ("1793491200000", "1793577600000", 1_793_491_200_000, 1_793_577_600_000),
        ("soon", "later", END - 6 * HOUR, END),
        ("now+1h", "now+2h", END - 6 * HOUR, END),
        ("now", "now", END - 6 * HOUR, END),
        ("now-90s", "now", END - 2 * MINUTE, END),
        ("now-9y", "now", END - 366 * 5 * DAY, END),
    ],
)
def test_a_range_becomes_a_window(since: str, until: str, start: int, end: int) -> None:
    assert window(since, until, END) == Window(start, end)


def test_a_panels_own_range_and_shift_come_before_the_dashboards() -> None:
    assert window("now-6h", "now", END, own="2h") == Window(END - 2 * HOUR, END)
    assert window("now-6h", "now", END, own="now/d", shift="1d") == Window(MIDNIGHT - DAY, END - DAY)


@given(st.text(max_size=12), st.text(max_size=12), st.integers(MINUTE, 2 * END), st.text(max_size=5), st.text(max_size=5))
def test_a_window_is_never_empty_and_never_later_than_what_is_complete(
    since: str, until: str, end: int, own: str, shift: str
) -> None:
    found = window(since, until, end, own=own, shift=shift)
    assert 0 <= found.start < found.end <= max(end, MINUTE)
    assert found.start % MINUTE == found.end % MINUTE == 0


@pytest.mark.parametrize(("text", "milliseconds"), [("15s", 15_000), (">2h", 2 * HOUR), ("500ms", 500), ("x", None), ("", None)])
def test_a_span_is_read(text: str, milliseconds: int | None) -> None:
    assert span(text) == milliseconds


@pytest.mark.parametrize(
    ("length", "points", "own", "source", "kind", "interval"),
    [
        (HOUR, 500, "", "", "prometheus", 15_000),
        (HOUR, 100, "", "", "prometheus", 30_000),
        (HOUR, 500, "1m", "30s", "prometheus", 60_000),
        (HOUR, 500, "", "5s", "prometheus", 5000),
        (30 * DAY, 500, "", "", "prometheus", 3_600_000),
        (HOUR, 500, "", "", "mysql", 60_000),
        (10, 500, "1ms", "", "mysql", 1),
    ],
)
def test_points_are_so_far_apart_as_a_page_has_them(
    length: int, points: int, own: str, source: str, kind: str, interval: int
) -> None:
    assert steps.interval(length, points, own=own, source=source, kind=kind) == interval


def test_points_are_as_many_as_the_panel_says_within_bounds() -> None:
    assert [steps.points(wanted) for wanted in (0, 50, 10**9)] == [500, 50, 11_000]


@pytest.mark.parametrize(("milliseconds", "text"), [(0, "1ms"), (500, "500ms"), (90_000, "1m"), (DAY, "1d"), (7200_000, "2h")])
def test_a_span_is_written_as_grafana_does(milliseconds: int, text: str) -> None:
    assert steps.written(milliseconds) == text
