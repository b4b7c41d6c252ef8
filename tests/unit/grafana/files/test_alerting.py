"""Alert rules over HTTP: the same one is written in several ways, and has one hash."""

from backups.services.grafana.files.alerting import rule_over_http


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
