"""Small Grafanas for the tests of what dashboards ask."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from backups.panels.boards import AlertRule, Board, Boards, DataSource, LibraryPanel
from backups.panels.choose import Choice, Circumstances, choose, lookups
from backups.panels.question import Question
from backups.panels.walk import asking

END = 1_795_953_600_000
"""2026-11-29, noon."""
HOUR = 3_600_000

PROMETHEUS = DataSource(1, "prom-uid", "Metrics", "prometheus", "http://10.0.0.7:9090", default=True)
MYSQL = DataSource(1, "my-uid", "Agama", "mysql", "10.0.0.5:3306")
LOKI = DataSource(1, "loki-uid", "Logs", "loki", "http://admin:secret1@10.0.0.8:3100")
SOURCES = (PROMETHEUS, MYSQL, LOKI)
SERVICES = {(1, "prom-uid"): "metrics", (1, "my-uid"): "agama"}

UNFILLED = re.compile(r"\$\{|\[\[\w|\$(?!__)[A-Za-z_]")


def grafana(
    *panels: Mapping[str, Any],
    variables: Iterable[Mapping[str, Any]] = (),
    library: Iterable[LibraryPanel] = (),
    rules: Iterable[AlertRule] = (),
    sources: Iterable[DataSource] = SOURCES,
    **more: Any,
) -> Boards:
    """A Grafana with one dashboard of these panels."""
    content = {"panels": list(panels), "templating": {"list": list(variables)}, "time": {"from": "now-1h", "to": "now"}, **more}
    return Boards(tuple(sources), (Board(1, "d1", "Orders", "classic", content),), tuple(library), tuple(rules))


def panel(expr: str = "up", number: int = 1, **more: Any) -> dict[str, Any]:
    """A panel with one query of the default data source."""
    target = {"refId": "A", "expr": expr, "range": True}
    return {"id": number, "title": f"P{number}", "type": "timeseries", "targets": [target], **more}


def sql(statement: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A panel with one query of the MySQL."""
    target = {"refId": "A", "rawSql": statement, "format": "table"}
    return {"id": number, "title": f"P{number}", "type": "table", "datasource": {"uid": "my-uid"}, "targets": [target], **more}


def chosen(boards: Boards, **given: Any) -> Choice:
    """Choose, and hold what holds of every choice."""
    choice = choose(boards, Circumstances(SERVICES, END, **given) if "services" not in given else Circumstances(end=END, **given))
    everything = {(one.organisation, one.dashboard, one.panel) for one in asking(boards)}
    assert len(everything) == len(asking(boards))
    assert {(one.organisation, one.dashboard, one.panel) for one in (*choice.questions, *choice.not_asked)} == everything
    assert len({one.id for one in choice.questions}) == len(choice.questions)
    for question in choice.questions:
        assert 0 <= question.start < question.end <= END
        assert question.query["datasource"]["uid"]
        for name in ("expr", "rawSql"):
            assert not UNFILLED.search(str(question.query.get(name, ""))), question
    return choice


def queries(boards: Boards, **given: Any) -> list[str]:
    """The texts of the questions that are asked of panels."""
    found = [one for one in chosen(boards, **given).questions if one.panel.startswith("panel")]
    return [str(one.query.get("expr") or one.query.get("rawSql") or one.query.get("expression")) for one in found]


def reasons(boards: Boards, **given: Any) -> list[tuple[str, str]]:
    """Why panels are not asked: kind and words."""
    return [(one.kind, one.why) for one in chosen(boards, **given).not_asked if one.panel.startswith("panel")]


def answered(boards: Boards, **values: list[str] | dict[str, Any]) -> dict[str, Any]:
    """Replies to the variables' questions, by the variables' names, asked in as many rounds as it takes."""
    replies: dict[str, Any] = {}
    while questions := lookups(boards, Circumstances(SERVICES, END, replies=replies)):
        for question in questions:
            value = values[question.panel.removeprefix("variable ")]
            replies[question.id] = value if isinstance(value, dict) else reply(question, value)
    return replies


def reply(question: Question, values: list[str]) -> dict[str, Any]:
    """An answer with these values."""
    if question.resource is not None:
        return {"status": 200, "resource": {"status": "success", "data": values}}
    frame = {"schema": {"fields": [{"name": "name", "type": "string"}]}, "data": {"values": [values]}}
    return {"status": 200, "frames": [frame]}
