"""The joint drill on real servers: what the demo's dashboards ask is answered as it was, by copies that stand side by side.

One such company is made for all tests of this file, and asked again and again: as it came back, and damaged.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
import sqlalchemy

from backups.machine import runs
from backups.panels.question import Way
from deployments.demo.damage import EACH_DAMAGED
from deployments.grafana_standin import edits
from tests import documented
from tests.e2e.conftest import Rehearsed
from verification.evidence.evidence import Evidence
from verification.evidence.together import Outcome, TogetherPart
from verification.together import ask, company, plan
from verification.together.ask import Found
from verification.together.company import Company

FOREVER = 1e12


@dataclass
class Asked:
    """The copies side by side, and what they are asked."""

    those: Company

    def ask(self, way: Way) -> Found:
        """Ask them as if the sources had been asked this way: directly, what was answered is what a Grafana would have made of it."""
        for back in self.those.copies.values():
            if back.side.panels:
                back.side = replace(back.side, panels=back.side.panels.model_copy(update={"asked": way}))
        return ask.ask(self.those, until=FOREVER)

    @contextmanager
    def without_a_row(self, table: str) -> Iterator[None]:
        """Delete a table's last row on the restored MySQL, for the block."""
        self._sql(
            f"CREATE TABLE kept AS SELECT * FROM {table} ORDER BY id DESC LIMIT 1",
            f"DELETE FROM {table} ORDER BY id DESC LIMIT 1",
        )
        try:
            yield
        finally:
            self._sql("SET foreign_key_checks = 0", f"INSERT INTO {table} SELECT * FROM kept", "DROP TABLE kept")

    def _sql(self, *statements: str) -> None:
        copy = self.those.copies["agama"].copy
        assert copy is not None
        engine = sqlalchemy.create_engine(copy.database_url("agama") or "")
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))
        engine.dispose()


@pytest.fixture(scope="module")
def together(rehearsed: Rehearsed) -> Iterator[Asked]:
    site = rehearsed.site()
    planned = plan.plan(site)
    assert planned.error is None
    with runs.start(site.state) as run, company.brought_back(site, planned, run, {}, lambda: 0.0) as those:
        assert not [back.fault for back in those.copies.values() if back.fault]
        yield Asked(those)


def counts(found: Found) -> Mapping[Outcome, int]:
    assert found.judged
    return found.counted.counts


def reported(rehearsed: Rehearsed) -> TogetherPart:
    evidence = Evidence.model_validate_json((rehearsed.home / "report" / "report.json").read_text())
    assert evidence.together is not None
    return evidence.together


def test_the_demo_ends_with_all_panels_answering_as_they_did(rehearsed: Rehearsed) -> None:
    part = reported(rehearsed)
    assert part.verdict == "verified", part.reasons
    assert part.rto_met
    assert part.counts["equal"] >= 20
    assert part.headline in rehearsed.words
    assert {copy.service: copy.dashboards for copy in part.copies} == {"agama": False, "prometheus": False, "grafana": True}
    assert {one.outcome for one in part.left_out} <= {"asks-nothing", "not-asked", "cannot-be-asked"}
    (example,) = documented.examples("verify")
    assert documented.differences(example["together"], part.model_dump(mode="json")) == []


def test_the_demo_catches_a_damaged_copy_of_each_service_by_name(rehearsed: Rehearsed) -> None:
    assert "damaged side by side: failed" in " ".join(rehearsed.words.split())
    for tamper in EACH_DAMAGED.values():
        assert tamper.description in " ".join(rehearsed.words.split())
    assert "not noticed" not in rehearsed.words


def test_the_restored_grafana_reaches_the_others_where_they_were(together: Asked) -> None:
    """By the addresses in its data sources, which are as they were restored, and by its own account, from where that is let in."""
    found = together.ask("grafana")
    assert (found.way, found.faults, found.wrong) == ("grafana", (), False), found.counted.different[:2]
    assert counts(found)["equal"] >= 20
    assert any("Grafana logs in as 'grafana'@" in note and "coming from" in note for note in found.notes), found.notes


def test_nothing_but_the_others_can_be_reached_from_there(together: Asked) -> None:
    assert together.those.pod is not None
    with together.those.pod.box.reach(together.those.pod.container), pytest.raises(OSError, match="unreachable"):
        socket.create_connection(("172.17.0.1", 22), timeout=5)


@pytest.mark.parametrize("way", ["direct", "grafana"])
def test_a_row_that_is_gone_is_seen_by_the_panels_that_show_it(together: Asked, way: Way) -> None:
    with together.without_a_row("document"):
        found = together.ask(way)
    wrong = {(one.service, one.panel) for one in found.counted.different}
    assert {service for service, _ in wrong} == {"agama"}
    assert any("Documents" in panel for _, panel in wrong)
    assert counts(found)["equal"] >= 10, "what shows something else is equal"


def test_a_dashboard_that_is_gone_from_the_restored_grafana_is_named(together: Asked) -> None:
    shower = together.those.copies["grafana"]
    edits.delete_dashboard(shower.box.directory / "grafana" / "grafana.db", "availability")
    found = together.ask("direct")
    assert found.faults == ("dashboard Availability (availability) does not open: the restored Grafana answers HTTP 404",)
    assert found.wrong
    assert {one.title for one in found.counted.different} == {"Availability"}
