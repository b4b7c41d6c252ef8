"""Alert rules over HTTP: durations and empty members are written in several ways, and are one."""

import pytest

from backups.services.grafana.files.alerting import rule_over_http, seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10m", 600),
        ("10m0s", 600),
        ("1h30m", 5400),
        ("1d2h", 93600),
        ("0s", 0),
        ("1.5s", 1.5),
        ("200ms", 0.2),
        ("1w", 604800),
        (90, 90),
    ],
)
def test_durations_are_seconds(text: str | float, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


def test_one_rule_in_two_versions_has_one_hash() -> None:
    old = {"title": "t", "for": "10m", "data": [{"refId": "A", "relativeTimeRange": {"from": 600}}], "annotations": None}
    new = {
        "title": "t",
        "for": "10m0s",
        "isPaused": False,
        "data": [{"refId": "A", "queryType": "", "relativeTimeRange": {"from": 600, "to": 0}}],
        "annotations": {"__dashboardUid__": "d", "__panelId__": "3"},
        "id": 7,
        "updated": "2026-01-01T00:00:00Z",
    }

    assert rule_over_http(old) == rule_over_http(new)
    assert rule_over_http(old) != rule_over_http(new | {"isPaused": True})
    assert rule_over_http(old) != rule_over_http(old | {"for": "11m"})
    assert rule_over_http(old) != rule_over_http(old | {"annotations": {"summary": "s"}})
