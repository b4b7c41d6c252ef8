"""A capture gets the questions of the newest Grafana backup; whatever goes wrong on the way is told, and fails nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError, Transient
from backups.manifest import BackupRecord
from backups.panels.boards import Boards, DataSource
from backups.panels.question import Answer, Asker, Panels, Question
from backups.questions import Questions, Wanted, who_answers
from backups.services.panelled import NoBoards
from backups.services.settings import PanelsSettings
from tests.unit.panels.dashboards import END, HOUR, grafana, panel, sql

NOW = datetime.fromtimestamp(END / 1000, UTC) + timedelta(seconds=77)
VARIABLE = {"name": "v", "type": "query", "query": "label_values(up, job)", "current": {"value": "saved"}}
BOARDS = grafana(panel('up{job="$v"}'), sql("SELECT 1", 2), variables=[VARIABLE])


class Server:
    """A panelled service that answers every question with the value `live`, or not at all."""

    way = "direct"

    def __init__(self, name: str, address: str, fault: LifeboatError | None = None) -> None:
        self.name, self.address, self.fault = name, address, fault
        self.asked: list[Question] = []

    def answers(self, source: DataSource) -> bool:
        return source.url == self.address

    @contextmanager
    def asker(self, sources: tuple[DataSource, ...]) -> Iterator[Asker]:
        assert all(self.answers(one) or one.name == "Claimed" for one in sources)
        yield self  # type: ignore[misc]

    def ask(self, question: Question) -> dict[str, Any]:
        self.asked.append(question)
        if self.fault:
            raise self.fault
        return {"status": 200, "resource": {"data": ["live"]}}


class Metrics(Server):
    """One with blocks."""

    settles: float | LifeboatError = END / 1000 - 33
    held: Sequence[tuple[int, int]] = ()

    def settled(self) -> float:
        if isinstance(self.settles, LifeboatError):
            raise self.settles
        return self.settles

    def blocks(self, manifest: object) -> Sequence[tuple[int, int]]:
        return self.held


class Holder:
    """A service that holds dashboards."""

    claimed: Mapping[str, str] = {}

    def __init__(self, name: str = "grafana", boards: Boards | LifeboatError = BOARDS, asker: Any = None, **panels: Any) -> None:
        self.name, self._boards, self._asker = name, boards, asker
        self.panels = PanelsSettings(**panels)
        self.read = 0

    def board_files(self, manifest: Any) -> list[str]:
        return ["boards"]

    def boards(self, backup: Any) -> Boards:
        self.read += 1
        if isinstance(self._boards, LifeboatError):
            raise self._boards
        return self._boards

    def grafana(self) -> Any:
        if isinstance(self._asker, LifeboatError):
            raise self._asker
        return self._asker


class Repository:
    """A repository of one backup of each service."""

    def __init__(self, *services: str, panels: Panels | None = None) -> None:
        self.records = [_record(name, days) for days in (2, 1, -1) for name in services]
        self._panels = panels

    def backups(self) -> list[BackupRecord]:
        return self.records

    def manifest(self, record: BackupRecord) -> Any:
        return SimpleNamespace(id=record.id, files=[SimpleNamespace(path="panels.json", size=1)] if self._panels else [])

    def read(self, snapshot: str, path: str) -> bytes:
        assert self._panels
        return self._panels.model_dump_json().encode()

    def trees(self, snapshots: list[str]) -> dict[str, tuple[Any, ...]]:
        return dict.fromkeys(snapshots, ())


def _record(name: str, days: float) -> BackupRecord:
    at = NOW - timedelta(days=days)
    identifier = f"{name}-{at:%Y%m%dT%H%M%SZ}"
    return BackupRecord(
        snapshot="ab", id=identifier, service=name, type="toy", kind="full", chain=identifier, sequence=0, taken_at=at, size=1,
        standalone=False,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backups.fetching.fetch", lambda *_: SimpleNamespace())


def wanted(tmp_path: Path, name: str, *services: Any, repository: Any = None, clock: Any = lambda: 0.0) -> Wanted:
    by_name = {one.name: one for one in services}
    repository = repository or Repository(*by_name)
    return Questions(by_name, repository, tmp_path, lambda: NOW, clock).of(by_name[name])


def site(**holder: Any) -> tuple[Any, ...]:
    return Metrics("metrics", "http://10.0.0.7:9090"), Server("agama", "10.0.0.5:3306"), Holder(**holder)


def test_each_service_gets_its_own_questions_at_a_whole_minute_that_is_complete(tmp_path: Path) -> None:
    services = site(seconds=7)
    for name, expected in (("metrics", ["variable v", "panel 1 P1"]), ("agama", ["panel 2 P2"])):
        job = wanted(tmp_path, name, *services).job
        assert job is not None
        assert sorted(one.panel for one in job.questions) == sorted(expected)
        assert {(one.start, one.end) for one in job.questions} == {(END - 60_000 - HOUR, END - 60_000)}
        assert (job.seconds, job.through, job.grafana[:8]) == (7, None, "grafana-")
        assert [one.name for one in job.sources] == ["Metrics" if name == "metrics" else "Agama"]
    assert services[2].read == 1, "the dashboards are kept between the services' backups"


def test_variables_are_asked_live_and_once(tmp_path: Path) -> None:
    services = site(boards=grafana(panel('up{job="$v"}'), sql("SELECT '$v'", 2), variables=[VARIABLE, VARIABLE | {"name": "w"}]))
    job = wanted(tmp_path, "agama", *services).job
    assert job is not None
    assert [one.query["rawSql"] for one in job.questions] == ["SELECT 'live'"]
    assert len(services[0].asked) == 1


def test_a_grafana_that_may_be_asked_is_and_its_expressions_are_questions(tmp_path: Path) -> None:
    through = Server("through", "")
    targets = [{"refId": "A", "expr": "up"}, {"refId": "B", "datasource": {"type": "__expr__"}, "expression": "$A"}]
    boards = grafana({"id": 1, "targets": targets}, variables=[VARIABLE])
    services = site(boards=boards, asker=through)
    job = wanted(tmp_path, "metrics", *services).job
    assert job is not None
    assert job.through is through
    assert [one.query["refId"] for one in job.questions if one.panel == "panel 1"] == ["A", "B"]
    assert [one.panel for one in through.asked] == ["variable v"]
    assert services[0].asked == []


@pytest.mark.parametrize("asker", [Server("through", "", Transient("nobody answers")), LifeboatError("no such token file")])
def test_a_grafana_that_does_not_answer_is_passed_over(tmp_path: Path, asker: Any, caplog: pytest.LogCaptureFixture) -> None:
    services = site(asker=asker)
    job = wanted(tmp_path, "metrics", *services).job
    assert job is not None
    assert job.through is None
    assert len(services[0].asked) == 1
    assert any("its data sources are, directly: " in line for line in caplog.messages)


def test_values_that_there_is_no_time_for_are_told(tmp_path: Path) -> None:
    boards = grafana(panel('up{job="$v"}'), variables=[{**VARIABLE, "current": {}}])
    ticks = iter([0.0, *[31.0] * 50])
    job = wanted(tmp_path, "metrics", *site(boards=boards), clock=lambda: next(ticks)).job
    assert job is not None
    assert [(one.panel, one.kind) for one in job.not_asked] == [("panel 1 P1", "not-asked")]
    assert "there was no time for it" in job.not_asked[0].why


def test_a_backup_without_readable_dashboards_is_a_limit_and_no_failure(tmp_path: Path) -> None:
    found = wanted(tmp_path, "agama", *site(boards=Damaged("grafana.db cannot be read")))
    assert found.job is None
    assert "grafana.db cannot be read" in found.limits[0]


def test_a_grafana_whose_dashboards_are_in_another_services_backups_is_told_and_no_limit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert wanted(tmp_path, "agama", *site(boards=NoBoards("backup x holds no dashboards: they are in MySQL"))) == Wanted()
    assert any("backup x holds no dashboards" in line for line in caplog.messages)


def test_a_fault_that_nobody_thought_of_is_a_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backups.panels.choose.choose", lambda *_: 1 / 0)
    found = wanted(tmp_path, "agama", *site())
    assert found.job is None
    assert found.limits == ("what dashboards are answered is not in this backup: ZeroDivisionError: division by zero",)


def test_without_a_grafana_or_its_backup_or_when_it_is_turned_off_nothing_is_asked(tmp_path: Path) -> None:
    services = site()
    assert wanted(tmp_path, "agama", *services[:2]) == Wanted()
    assert wanted(tmp_path, "agama", *services, repository=Repository("agama")) == Wanted()
    assert wanted(tmp_path, "agama", *site(ask=False)) == Wanted()
    assert wanted(tmp_path, "grafana", *services) == Wanted(), "it shows, and is not shown"
    other = Server("other", "10.9.9.9:3306")
    assert wanted(tmp_path, "other", *services, other) == Wanted(), "no dashboard asks it"


def test_a_backup_from_the_future_is_not_read(tmp_path: Path) -> None:
    job = wanted(tmp_path, "agama", *site()).job
    assert job is not None
    assert job.grafana == _record("grafana", 1).id


def test_the_next_grafana_is_taken_where_the_first_does_not_show_a_service(tmp_path: Path) -> None:
    first, second = Holder("elsewhere", grafana(panel(), sources=[])), Holder("grafana")
    job = wanted(tmp_path, "agama", *site()[:2], first, second).job
    assert job is not None
    assert job.grafana.startswith("grafana-")


def test_where_nobody_says_up_to_when_all_is_complete_older_instants_are_asked(tmp_path: Path) -> None:
    services = site()
    services[0].settles = Transient("it does not answer")
    job = wanted(tmp_path, "agama", *services).job
    assert job is not None
    assert job.questions[0].end == END - 10 * 60_000 + 60_000


def test_blocks_of_the_newest_backup_are_looked_into_by_panels_that_had_an_answer(tmp_path: Path) -> None:
    services = site(boards=grafana(panel(), panel("up", 2), panel("up", 3)))
    services[0].held = [(END - 50 * HOUR, END - 40 * HOUR)]
    plain = wanted(tmp_path, "metrics", *services, repository=Repository("metrics", "grafana")).job
    assert plain is not None
    looks = [one for one in plain.questions if one.end <= END - 40 * HOUR]
    assert len(looks) == 3
    panels = Panels(
        grafana=plain.grafana,
        asked="direct",
        questions=tuple(plain.questions),
        answers=tuple(
            Answer(question=one.id, outcome="answered" if one.id == "1/d1/panel-1/A" else "error") for one in plain.questions
        ),
    )
    again = wanted(tmp_path, "metrics", *services, repository=Repository("metrics", "grafana", panels=panels)).job
    assert again is not None
    assert [one.id.partition(" in the block")[0] for one in again.questions if one.end <= END - 40 * HOUR] == ["1/d1/panel-1/A"]


def test_a_data_source_is_a_services_by_its_address_or_because_lifeboat_yaml_says_so() -> None:
    servers = {one.name: one for one in (Metrics("metrics", "http://a"), Server("agama", "b:3306"), Holder())}

    def source(uid: str, url: str, name: str = "", kind: str = "mysql") -> DataSource:
        return DataSource(1, uid, name, kind, url)

    sources = [
        source("1", "http://a"),
        source("2", "elsewhere"),
        source("3", "x", "Claimed"),
        source("4", "x"),
        source("5", "b:3306", "G"),
    ]
    claimed = {"Claimed": "agama", "4": "metrics", "G": "grafana"}
    assert who_answers(sources, servers, claimed) == {(1, "1"): "metrics", (1, "3"): "agama", (1, "4"): "metrics"}


def test_kept_dashboards_of_another_backup_or_odd_ones_are_read_anew(tmp_path: Path) -> None:
    services = site()
    wanted(tmp_path, "agama", *services)
    kept = tmp_path / "cache" / "boards" / "grafana.json"
    assert kept.stat().st_mode & 0o077 == 0
    content = json.loads(kept.read_text())
    for odd in ("{", "[]", json.dumps({**content, "snapshot": "cd"}), json.dumps({**content, "boards": {"sources": [{"x": 1}]}})):
        kept.write_text(odd)
        services[2].read = 0
        assert wanted(tmp_path, "agama", *services).job
        assert services[2].read == 1
    wanted(tmp_path, "agama", *services)
    assert services[2].read == 1


def test_services_that_are_backed_up_side_by_side_read_the_dashboards_once(tmp_path: Path) -> None:
    services = site()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: wanted(tmp_path, name, *services), ["agama", "metrics"] * 2))
    assert all(one.job for one in found)
    assert services[2].read == 1


def test_what_a_killed_backup_left_of_a_fetched_grafana_is_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its database holds secrets; also where this fetch fails, nothing is left."""
    left = tmp_path / "cache" / "boards" / "grafana.fetched" / "backup" / "grafana.db"
    seen: list[Path] = []

    def fetch(*arguments: Any) -> Any:
        assert not left.exists()
        seen.append(arguments[-1])
        arguments[-1].mkdir()
        (arguments[-1] / "grafana.db").write_text("new")
        raise Damaged("cut off")

    left.parent.mkdir(parents=True)
    left.write_text("old")
    monkeypatch.setattr("backups.fetching.fetch", fetch)
    limits = wanted(tmp_path, "agama", *site()).limits
    assert "cut off" in limits[0]
    assert seen == [left.parent]
    assert {file.name for file in (tmp_path / "cache" / "boards").iterdir()} <= {"grafana.lock"}


def test_a_fault_of_any_shape_is_one_line_of_a_limit(tmp_path: Path) -> None:
    """However many lines a library writes, and whatever a dashboard put there."""
    services = site(boards=LifeboatError("never"))
    services[2].boards = lambda _: (_ for _ in ()).throw(RuntimeError("two\nlines \x1b[2J" + "x" * 5000))
    (limit,) = wanted(tmp_path, "agama", *services).limits
    assert "RuntimeError" in limit
    assert limit.isprintable()
    assert len(limit) < 400


def test_sql_of_a_variable_is_asked_of_its_server_also_where_a_grafana_may_be_asked(tmp_path: Path) -> None:
    """The server ends what takes too long; what a Grafana has given up goes on."""
    made = {
        "name": "s",
        "type": "query",
        "query": "SELECT endless()",
        "datasource": {"uid": "my-uid"},
        "current": {"value": "saved"},
    }
    through = Server("grafana itself", "")
    services = site(boards=grafana(panel('up{job="$v"}'), sql("SELECT '$s'", 2), variables=[VARIABLE, made]), asker=through)
    assert wanted(tmp_path, "agama", *services).job
    assert [one.resource is None for one in through.asked] == [False]
    assert [one.query["rawSql"] for one in services[1].asked] == ["SELECT endless()"]
