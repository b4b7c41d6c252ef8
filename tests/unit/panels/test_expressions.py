"""An expression of several servers' data is asked in the backup whose instant decides what it is."""

from collections.abc import Sequence

import pytest

from backups.panels.boards import DataSource
from tests.unit.panels.dashboards import SERVICES, SOURCES, chosen, grafana

OTHER = DataSource(1, "other-uid", "Other", "mysql", "10.0.0.6:3306")


def asked(uids: Sequence[str]) -> tuple[str | None, list[str]]:
    """Whose backup asks an expression of queries of these data sources, and why none does."""
    text = {"rawSql": "SELECT 1", "expr": "up", "format": "table"}
    targets = [{"refId": letter, "datasource": {"uid": uid}, **text} for letter, uid in zip("ABCD", uids, strict=False)]
    named = " + ".join(f"${target['refId']}" for target in targets)
    computed = {"refId": "X", "datasource": {"uid": "__expr__"}, "type": "math", "expression": named}
    boards = grafana(
        {"id": 1, "title": "P", "datasource": {"uid": "-- Mixed --"}, "targets": [*targets, computed]}, sources=(*SOURCES, OTHER)
    )
    choice = chosen(boards, services={**SERVICES, (1, "other-uid"): "other"}, through=True)
    return next((one.service for one in choice.questions if one.ref == "X"), None), [one.why for one in choice.not_asked]


@pytest.mark.parametrize("uids", [("my-uid", "prom-uid"), ("prom-uid", "my-uid"), ("prom-uid", "prom-uid", "my-uid", "my-uid")])
def test_the_past_of_a_prometheus_goes_with_any_instant(uids: Sequence[str]) -> None:
    """The rows of a MySQL are those of its own backup, and no other's."""
    assert asked(uids) == ("agama", [])


def test_two_servers_of_rows_have_no_instant_in_common() -> None:
    """Nothing could be held to what is computed from both."""
    service, reasons = asked(("my-uid", "prom-uid", "other-uid"))
    assert service is None
    assert "different instants" in reasons[0]
    assert asked(("prom-uid", "prom-uid"))[0] == "metrics"
