"""Finds JSON that is nested too deep to be compared by its content.

Anybody who may edit can save it. It is backed up as any other, its stored text is compared, and what the server answers of it is
not: `Deep` says which lists hold some.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass

from backups.services.grafana.canonical import DEEPEST, too_deep
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.objects import Objects

PANELS, SOURCES, RULES, POINTS = "library panels", "data sources", "alert rules", "contact points"


@dataclass(frozen=True)
class Deep:
    """dashboards: organisation and uid of each; lists: organisation and kind of lists whose answers hold such JSON."""

    dashboards: frozenset[tuple[int, str]]
    lists: frozenset[tuple[int, str]]

    def stated(self, organisation: int, kind: str, readable: Container[int]) -> bool:
        """Whether what the server answers of such a list is compared; `readable` are the organisations that anybody may read."""
        return organisation in readable and (organisation, kind) not in self.lists

    def limits(self) -> Iterator[str]:
        """Sentences for the operator."""
        named = [
            *(f"org {organisation} dashboard {uid}" for organisation, uid in sorted(self.dashboards)),
            *(f"org {organisation} {kind}" for organisation, kind in sorted(self.lists)),
        ]
        if named:
            yield (
                f"nested deeper than {DEEPEST} levels, so compared by the stored text alone and not by what the server answers: "
                f"{', '.join(named)}"
            )


def look(database: Database, objects: Objects) -> Deep:
    """Look through everything that the server answers as JSON."""
    lists = {(one.organisation, PANELS) for one in objects.library_panels if too_deep(one.row["model"])}
    lists |= {(one.organisation, SOURCES) for one in objects.data_sources if too_deep(one.row["json_data"])}
    for table, columns, kind in (
        ("alert_rule", ("data", "annotations", "labels", "notification_settings", "record", "metadata"), RULES),
        ("alert_configuration", ("alertmanager_configuration",), POINTS),
    ):
        for row in database.rows(table):
            if any(too_deep(row.get(column)) for column in columns):
                lists.add((row["org_id"], kind))
    dashboards = {(one.organisation, one.uid) for one in objects.dashboards if objects.served(one) and too_deep(one.stored)}
    return Deep(frozenset(dashboards), frozenset(lists))
