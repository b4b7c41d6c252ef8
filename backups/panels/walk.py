"""Lists everything of a Grafana that asks: panels, variables and alert rules, each once, whether it can be asked or not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from backups.panels.boards import AlertRule, Boards
from backups.panels.dashboards.shape import text
from backups.panels.dashboards.sheet import Distinct, sheets


@dataclass(frozen=True)
class Asks:
    """What asks, in the words of `Question` and `NotAsked`: by these three it is the same thing there."""

    organisation: int
    dashboard: str
    title: str
    panel: str
    kind: Literal["panel", "variable", "rule"]


def asking(boards: Boards) -> Sequence[Asks]:
    """Everything that asks, dashboard by dashboard, then the alert rules."""
    return list(_asking(boards))


def rules(boards: Boards) -> Iterator[tuple[AlertRule, str]]:
    """Every alert rule with its name for a person, which no other of its organisation has; its uid and folder cut, as that is."""
    names: dict[int, Distinct] = {}
    for rule in boards.rules:
        given = names.setdefault(rule.organisation, Distinct())
        short = replace(rule, uid=text(rule.uid)[:200], folder=text(rule.folder)[:1000])
        yield short, given.of(f"alert rule {text(rule.title)[:500]}")


def _asking(boards: Boards) -> Iterator[Asks]:
    for sheet in sheets(boards):
        for variable in sheet.variables:
            yield Asks(sheet.organisation, sheet.uid, sheet.title, f"variable {variable.name}", "variable")
        for panel in sheet.panels:
            yield Asks(sheet.organisation, sheet.uid, sheet.title, panel.name, "panel")
    for rule, name in rules(boards):
        yield Asks(rule.organisation, "", text(rule.folder), name, "rule")
