"""What comes back together: the newest of each, and what is not there is told in the place of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from backups.manifest import BackupRecord, FileEntry
from backups.panels import asking
from backups.panels.boards import Boards, DataSource
from backups.panels.question import FILE, Panels
from tests.unit.verification.together.company_of import asked, frames, kept
from verification.together import plan as planning
from verification.together.plan import PlannedTogether

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


class Source:
    """A service that answers panels."""

    def __init__(self, name: str) -> None:
        self.name, self.settings = name, SimpleNamespace(type="mysql", data_in=None)

    def answers(self, source: DataSource) -> bool:
        return source.url == self.name

    def asker(self, sources: object) -> object: ...


class Shower:
    """A service that holds dashboards."""

    def __init__(self, name: str, *, ask: bool = True, data_in: str | None = None) -> None:
        self.name, self.settings = name, SimpleNamespace(type="grafana", data_in=data_in)
        self.panels, self.claimed = SimpleNamespace(ask=ask), {}

    def board_files(self, manifest: object) -> object: ...
    def boards(self, backup: object) -> object: ...
    def grafana(self) -> object: ...


def record(service: str, night: int, *, chain: int | None = None, sequence: int = 0) -> BackupRecord:
    first = night if chain is None else chain
    return BackupRecord(
        snapshot=f"{abs(hash((service, night))) % 16**12:012x}",
        id=f"{service}-202611{night:02}T000000Z",
        service=service,
        type="mysql",
        kind="full" if chain is None else "incremental",
        chain=f"{service}-202611{first:02}T000000Z",
        sequence=sequence,
        taken_at=datetime(2026, 11, night, tzinfo=UTC),
        size=1,
        standalone=False,
    )


def planned(
    services: list[Any],
    backups: list[BackupRecord],
    panels: dict[str, Panels | bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    boards: Boards | None = None,
) -> PlannedTogether:
    """A site whose repository holds these backups; `panels`: what those of these ids keep."""
    by_name = {each.name: each for each in services}

    def read(snapshot: str, path: str) -> bytes:
        found = panels[next(each.id for each in backups if each.snapshot == snapshot)]
        if isinstance(found, bytes):
            return found
        asking.write(tmp_path, found)
        return (tmp_path / FILE).read_bytes()

    repository = SimpleNamespace(
        listing=lambda: SimpleNamespace(backups=backups),
        manifest=lambda one: SimpleNamespace(files=[FileEntry(path=FILE, size=1)] if one.id in panels else []),
        read=read,
    )
    site: Any = SimpleNamespace(
        settings=SimpleNamespace(services={name: service.settings for name, service in by_name.items()}),
        service=lambda name, docker: by_name[name],
        repository=repository,
        state=tmp_path,
    )
    monkeypatch.setattr(planning.held_boards, "read", lambda *arguments: boards or Boards((), ()))
    return planning.plan(site, now=lambda: NOW)


def some(service: str, grafana: str = "grafana-20261122T000000Z") -> Panels:
    return kept([asked(service, 1)], lambda question: frames(1)).model_copy(update={"grafana": grafana})


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def plan(
        services: list[Any], backups: list[BackupRecord], panels: dict[str, Any], boards: Boards | None = None
    ) -> PlannedTogether:
        return planned(services, backups, panels, monkeypatch, tmp_path, boards)

    return plan


def test_the_newest_of_each_with_all_that_its_chain_needs(given: Any) -> None:
    agama = [record("agama", 20), record("agama", 21, chain=20, sequence=1), record("agama", 22, chain=20, sequence=2)]
    found = given(
        [Source("agama"), Shower("grafana")],
        [*agama, record("grafana", 21), record("grafana", 22)],
        {each.id: some("agama", "grafana-20261121T000000Z") for each in agama},
    )
    assert (found.error, found.skipped, found.missing) == (None, None, ())
    assert [each.id for each in found.sides[0].chain] == [each.id for each in agama]
    # Newer than the one whose dashboards were asked.
    assert found.shower.backup.id == "grafana-20261122T000000Z"


def test_a_service_without_questions_is_told_and_one_that_has_older_ones_comes_back_with_them(given: Any) -> None:
    found = given(
        [Source("agama"), Source("other"), Source("third"), Shower("grafana")],
        [record("agama", 20), record("agama", 22), record("other", 22), record("grafana", 22)],
        {record("agama", 20).id: some("agama")},
    )
    assert [side.backup.id for side in found.sides] == ["agama-20261120T000000Z"]
    assert "agama: its newest backup with questions is agama-20261120T000000Z" in found.missing[0]
    assert found.missing[1:] == ("other: no backup holds questions of dashboards", "third: it has no backup")


def test_without_any_question_it_could_not_run_and_says_what_to_do(given: Any) -> None:
    boards = Boards((DataSource(1, "a", "A", "mysql", "agama"),), ())
    found = given([Source("agama"), Shower("grafana")], [record("agama", 22), record("grafana", 22)], {}, boards)
    assert isinstance(found.error, LifeboatError)
    assert "no question to ask" in found.error.message
    assert "next backup" in (found.error.hint or "")


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ([Source("agama")], "no service in lifeboat.yaml shows dashboards"),
        ([Source("agama"), Shower("grafana", ask=False)], "panels.ask is false in lifeboat.yaml"),
        ([Source("agama"), Shower("grafana")], "no data source of any dashboard is a service that is backed up"),
    ],
)
def test_where_there_is_nothing_to_prove_it_is_left_out(given: Any, services: list[Any], why: str) -> None:
    assert given(services, [record("agama", 22), record("grafana", 22)], {}).skipped == why


def test_dashboards_that_ask_nothing_of_what_is_backed_up_are_left_out(given: Any) -> None:
    none = some("agama").model_copy(update={"questions": (), "answers": ()})
    found = given(
        [Source("agama"), Shower("grafana")], [record("agama", 22), record("grafana", 22)], {record("agama", 22).id: none}
    )
    assert found.skipped == "no dashboard asks a service that is backed up"


@pytest.mark.parametrize(
    ("shower", "backups", "why"),
    [
        (Shower("grafana"), [], "grafana: it has no backup, so no dashboard is opened"),
        (Shower("grafana", data_in="agama"), [record("grafana", 22)], "in the database of agama"),
    ],
)
def test_the_rest_is_asked_where_no_dashboards_come_back(given: Any, shower: Any, backups: list[BackupRecord], why: str) -> None:
    found = given([Source("agama"), shower], [record("agama", 22), *backups], {record("agama", 22).id: some("agama")})
    assert found.shower is None
    assert len(found.sides) == 1
    assert why in found.missing[0]


def test_of_two_that_show_dashboards_the_asked_one_comes_back_and_the_other_is_told(given: Any) -> None:
    found = given(
        [Source("agama"), Shower("first"), Shower("second")],
        [record("agama", 22), record("first", 22), record("second", 21)],
        {record("agama", 22).id: some("agama", "second-20261121T000000Z")},
    )
    assert found.shower.service == "second"
    assert found.missing == ("first: its dashboards are not asked; those of second are",)


def test_a_file_that_is_none_is_damage_of_that_backup(given: Any) -> None:
    found = given([Source("agama"), Shower("grafana")], [record("agama", 22)], {record("agama", 22).id: b"{}"})
    assert isinstance(found.error, Damaged)
    assert "panels.json of agama-20261122T000000Z" in found.error.message


def test_what_is_dated_in_the_future_waits(given: Any) -> None:
    ahead = record("agama", 28)
    assert ahead.taken_at > NOW + timedelta(days=1)
    found = given(
        [Source("agama"), Shower("grafana")],
        [record("agama", 20), ahead, record("grafana", 22)],
        {record("agama", 20).id: some("agama"), ahead.id: some("agama")},
    )
    assert found.sides[0].backup.id == "agama-20261120T000000Z"
