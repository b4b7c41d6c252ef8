"""A service's backup asks what the dashboards of the newest Grafana backup ask, read out of a real repository."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from backups.manifest import Manifest
from backups.panels.boards import Boards, DataSource
from backups.panels.question import Asker, Question
from backups.services import registry
from backups.services.base import Captured, Fetched, Job
from backups.services.registry import ServiceType
from backups.services.settings import PanelsSettings
from backups.site import Site
from tests.contract.toy import ToyService, ToySettings
from tests.unit.panels.dashboards import grafana, panel

VARIABLE = {"name": "v", "type": "query", "query": "label_values(up, job)"}


class Shown(ToyService):
    """What dashboards show; it captures the questions."""

    def answers(self, source: DataSource) -> bool:
        return source.url == "http://10.0.0.7:9090"

    @contextmanager
    def asker(self, sources: tuple[DataSource, ...]) -> Iterator[Asker]:
        yield self  # type: ignore[misc]

    way = "direct"

    def ask(self, question: Question) -> dict[str, Any]:
        return {"status": 200, "resource": {"data": ["live"]}}

    def capture(self, job: Job) -> Captured:
        if job.panels:
            asked = [str(one.query.get("expr") or one.resource) for one in job.panels.questions]
            (job.directory / "asked.json").write_text(json.dumps({"grafana": job.panels.grafana, "asked": asked}))
        return super().capture(job)


class Shows(ToyService):
    """What has the dashboards."""

    panels = PanelsSettings()
    claimed: Mapping[str, str] = {}

    def board_files(self, manifest: Manifest) -> Sequence[str]:
        return ["boards.json"]

    def boards(self, backup: Fetched) -> Boards:
        assert [file.name for file in backup.data.iterdir()] == ["boards.json"]
        from backups.held_boards import _boards

        return _boards(json.loads((backup.data / "boards.json").read_text()))

    def grafana(self) -> None:
        return None


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    for name, service in (("shown", Shown), ("shows", Shows)):
        settings = type(name, (ToySettings,), {"__annotations__": {"type": str}})
        monkeypatch.setitem(registry.SERVICE_TYPES, name, ServiceType(settings, service))
        (tmp_path / name).mkdir()
        (tmp_path / name / "else.txt").write_text("ahoy")
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_text("correct horse\n")
    boards = grafana(panel('up{job="$v"}'), variables=[VARIABLE])
    (tmp_path / "shows" / "boards.json").write_text(json.dumps(asdict(boards)))
    (tmp_path / "lifeboat.yaml").write_text(
        f"state: state\nrepository: {{url: repository, password_file: {tmp_path}/key}}\nservices:\n"
        + "".join(f"  {name}: {{type: {name}, image: i, source: '{tmp_path}/{name}'}}\n" for name in ("shown", "shows"))
    )
    return Site.open(tmp_path / "lifeboat.yaml")


def test_the_questions_reach_the_capture_and_a_damaged_grafana_backup_is_a_limit_only(site: Site, tmp_path: Path) -> None:
    before = site.back_up("shown", kind="full")
    assert "asked.json" not in {entry.path for entry in before.files}
    shows = site.back_up("shows", kind="full")
    asked = site.back_up("shown", kind="full")
    record = next(one for one in site.repository.backups() if one.id == asked.id)
    held = json.loads(site.repository.read(record.snapshot, "/data/asked.json"))
    assert held["grafana"] == shows.id
    assert held["asked"][0].startswith("api/v1/label/job/values?")
    assert held["asked"][1] == 'up{job="live"}'
    assert asked.limits == ()
    (tmp_path / "shows" / "boards.json").write_text("{")
    site.back_up("shows", kind="full")
    odd = site.back_up("shown", kind="full")
    assert "asked.json" not in {entry.path for entry in odd.files}
    assert odd.limits[0].startswith("what dashboards are answered is not in this backup: JSONDecodeError: ")
