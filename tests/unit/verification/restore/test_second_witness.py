"""What a service's own machine says of an alarm before a restore that nobody asked for moves anything aside."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.manifest import BackupRecord
from backups.site import Site
from verification.evidence import proven
from verification.restore.second_witness import objection

TAKEN = datetime.now(UTC) - timedelta(hours=1)
CHAIN = tuple(
    BackupRecord(
        snapshot=snapshot,
        id=f"graf-2026110{number}T000000Z",
        service="graf",
        type="grafana",
        kind="incremental" if number else "full",
        chain="graf-20261100T000000Z",
        sequence=number,
        taken_at=TAKEN,
        size=1,
        standalone=False,
    )
    for number, snapshot in enumerate(("aaaa", "bbbb"))
)
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root sees the files of every process")


class Engine:
    """Docker, with one container that runs or does not."""

    def __init__(self, directory: Path, *, running: bool = False) -> None:
        self.directory, self.running = directory, running

    def host_path(self, container: str, path: str) -> Path:
        return self.directory

    def runs(self, container: str) -> bool:
        return self.running


def asked(tmp_path: Path, to: str, engine: Engine | None = None) -> str | None:
    services = {"graf": SimpleNamespace(restore=SimpleNamespace(to=to))}
    site = SimpleNamespace(state=tmp_path / "state", settings=SimpleNamespace(services=services), hosts=None)
    return objection(cast("Site", site), cast("Docker", engine), "graf", CHAIN)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that is older than the backup, which was proven here."""
    proven.note(tmp_path / "state", [CHAIN])
    directory = tmp_path / "a place; of 'some' $(name)"
    directory.mkdir()
    old = (TAKEN - timedelta(hours=5)).timestamp()
    for name in ("grafana.db", "a file\nwith a newline"):
        (directory / name).write_text("x")
        os.utime(directory / name, (old, old))
    return directory


@needs_root
def test_files_that_are_older_than_the_backup_and_in_nobodys_hands_may_be_replaced(tmp_path: Path, data: Path) -> None:
    assert asked(tmp_path, f"local:{data}") is None
    assert asked(tmp_path, "docker:graf:/var/lib/grafana", Engine(data)) is None


def test_where_nothing_is_nothing_is_moved(tmp_path: Path, data: Path) -> None:
    assert asked(tmp_path, f"local:{data}/not there") is None
    (data / "empty").mkdir()
    assert asked(tmp_path, f"local:{data}/empty") is None


@needs_root
def test_files_that_are_younger_than_the_backup_stay(tmp_path: Path, data: Path) -> None:
    (data / "grafana.db").write_text("written since")
    said = asked(tmp_path, f"local:{data}")
    assert "are younger than graf-20261101T000000Z" in str(said)
    assert "what was written since would be out of service" in str(said)


@needs_root
def test_files_that_a_process_has_open_stay(tmp_path: Path, data: Path) -> None:
    """Also when it knows them by another name, as a container's process does."""
    other = tmp_path / "another name"
    os.link(data / "grafana.db", other)
    with other.open():
        assert f"process {os.getpid()} of its machine has files" in str(asked(tmp_path, f"local:{data}"))
    assert asked(tmp_path, f"local:{data}") is None


def test_the_files_of_a_container_that_runs_stay(tmp_path: Path, data: Path) -> None:
    assert asked(tmp_path, "docker:graf:/var/lib/grafana", Engine(data, running=True)) == "container graf runs"


def test_who_is_not_root_and_a_machine_that_cannot_be_asked_bear_nothing_out(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backups.places.local.place import LocalPlace

    for answer in (
        (3, "only root sees the files of every process"),
        (0, ""),
        (0, "looked x"),
        (0, "looked 1 y"),
        (127, "awk: not found"),
    ):
        monkeypatch.setattr(LocalPlace, "run", lambda *_, answer=answer, **__: answer)
        assert "its machine cannot be asked" in str(asked(tmp_path, f"local:{data}"))

    def away(*_: Any, **__: Any) -> None:
        raise LifeboatError("box cannot be reached")

    monkeypatch.setattr(LocalPlace, "entries", away)
    assert asked(tmp_path, f"local:{data}") == "its machine cannot be asked: box cannot be reached"


def test_a_backup_that_only_the_repository_calls_proven_is_not_believed(tmp_path: Path, data: Path) -> None:
    """Nor one whose snapshots are not the proven ones, whatever they call themselves."""
    (note,) = (tmp_path / "state" / "proven").iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    for said in ('["aaaa", "cccc"]', '["bbbb"]', "[]", "{", "null"):
        note.write_text(said)
        assert "was never proven on this machine" in str(asked(tmp_path, f"local:{data}"))
    note.unlink()
    assert "was never proven on this machine" in str(asked(tmp_path, f"local:{data}"))


def test_an_id_out_of_a_repository_names_no_path_of_a_note(tmp_path: Path) -> None:
    forged = CHAIN[0].model_copy(update={"id": "../../../etc/evil"})
    proven.note(tmp_path / "state", [(forged,)])
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["proven"]
