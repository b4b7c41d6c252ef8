"""What dashboards ask of a real Prometheus: its variables' values are found, every block is looked into, and answers are kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from backups import held_boards
from backups.backup import back_up
from backups.manifest import DATA, BackupRecord, Manifest
from backups.panels import asking
from backups.panels.boards import Boards, DataSource
from backups.panels.question import FILE
from backups.questions import Questions
from backups.services.prometheus.details import PrometheusDetails
from backups.services.settings import PanelsSettings
from tests.integration.prometheus.conftest import Harness
from tests.unit.panels.dashboards import grafana, panel

pytestmark = pytest.mark.docker

VARIABLES = [
    {"name": "machine", "type": "query", "query": "label_values(rowers, machine)", "multi": True, "includeAll": True,
     "current": {"value": ["$__all"]}},
    {"name": "first", "type": "query", "query": 'label_values(rowers{machine=~"$machine"}, machine)', "sort": 2},
    {"name": "result", "type": "query", "query": "query_result(count(last_over_time(rowers[6h])))", "regex": "/ (\\d+) /"},
    {"name": "broken", "type": "query", "query": "label_values(rowers{, machine)"},
]  # fmt: skip


class Holder:
    """Dashboards of which a backup is there."""

    name = "grafana"
    panels = PanelsSettings()
    claimed: Mapping[str, str] = {}

    def board_files(self, manifest: Manifest) -> Sequence[str]:
        return []

    def boards(self, backup: Any) -> Boards:
        raise NotImplementedError

    def grafana(self) -> None:
        return None


def test_dashboards_questions_are_chosen_asked_and_kept(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = harness.back_up("full")
    boards = grafana(
        panel('rowers{machine=~"$machine"}', 1),
        panel('rowers{machine="$first"}', 2, repeat="machine"),
        panel("rowers - $result", 3),
        panel('rowers{machine="$broken"}', 4),
        panel("rate(room_temperature[$__rate_interval])", 5),
        variables=VARIABLES,
        # The source's history ends at a whole hour, and what it scrapes begins with the tests.
        time={"from": "now-6h", "to": "now"},
        sources=[DataSource(1, "prom-uid", "Metrics", "prometheus", harness.source.url, default=True)],
    )
    monkeypatch.setattr(held_boards, "read", lambda *_: boards)
    newest: BackupRecord = harness.repository.backups()[-1]
    monkeypatch.setattr(Questions, "_newest", lambda _: {"prometheus": newest, "grafana": newest})
    questions = Questions({"prometheus": harness.service, "grafana": Holder()}, harness.repository, tmp_path)  # type: ignore[dict-item]
    ask = questions.of
    manifest = back_up(harness.service, harness.repository, harness.run, harness.state, kind="incremental", questions=ask)
    record = next(one for one in harness.repository.backups() if one.id == manifest.id)
    kept = asking.read(harness.repository.read(record.snapshot, f"/{DATA}/{FILE}"), FILE)
    outcomes = {answer.question: answer.outcome for answer in kept.answers}
    odd = {name: outcome for name, outcome in outcomes.items() if outcome not in ("answered", "empty")}
    assert odd == {"1/d1/variable broken": "error"}
    assert outcomes["1/d1/panel-1/A"] == outcomes["1/d1/variable machine"] == outcomes["1/d1/panel-3/A"] == "answered"
    assert sum(name.startswith("1/d1/panel-2/A (machine=") for name in outcomes) >= 4
    assert [(one.panel, one.kind) for one in kept.not_asked] == [("panel 4 P4", "cannot-be-asked")]
    for block in PrometheusDetails.of(before).blocks:
        assert any(one.start < block.max_time and block.min_time <= one.end for one in kept.questions), block
    assert manifest.limits == before.limits
