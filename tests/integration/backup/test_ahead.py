"""What is saved while the rest is still captured is part of the backup and no backup itself, however it ends. By the real restic."""

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import LifeboatError, Transient
from backups.machine import processes
from backups.machine.processes import Completed
from backups.machine.wait import wait_until
from backups.repository import ahead
from backups.repository.repository import Repository
from backups.services.base import Job
from tests.integration.backup.test_backup import Scripted, Site, site
from tests.integration.conftest import AT, Child, said
from tests.servers import restic

__all__ = ["site"]


@pytest.fixture(autouse=True)
def _much(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests save stands for much."""
    monkeypatch.setattr(ahead, "WORTH", 1)


def saved_ahead(repository: Repository) -> list[str]:
    return [snapshot.id for snapshot in repository.snapshots(ahead.TAG)]


def whole(then: Callable[[Job], object] = lambda job: None, *, waits: Repository | None = None) -> Scripted:
    """A service that calls its directory whole, waits until that is saved, and goes on."""

    def script(job: Job) -> None:
        job.whole(job.directory / "sub")
        assert waits is None or wait_until(lambda: bool(saved_ahead(waits)), seconds=120)
        then(job)
        (job.directory / "later").write_text("and the rest")

    return Scripted(script)


@pytest.fixture
def summaries(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each `restic backup` says at its end."""
    found: list[dict[str, Any]] = []
    run = processes.run

    def heard(arguments: Sequence[str], **more: Any) -> Completed:
        completed = run(arguments, **more)
        found.extend(json.loads(line) for line in completed.output.splitlines() if b'"message_type":"summary"' in line)
        return completed

    monkeypatch.setattr(processes, "run", heard)
    return found


def files_of(site: Site, tmp_path: Path) -> dict[str, str]:
    [record] = site.repository.backups()
    site.repository.fetch(record.snapshot, tmp_path / "back")
    data = tmp_path / "back" / "data"
    return {path.relative_to(data).as_posix(): path.read_text() for path in data.rglob("*") if path.is_file()}


def test_a_backup_holds_what_was_saved_ahead_and_reads_it_once(
    site: Site, tmp_path: Path, summaries: list[dict[str, Any]]
) -> None:
    site.back_up(service=whole(waits=site.repository))
    assert [(each["files_new"], each["files_unmodified"]) for each in summaries] == [(1, 0), (2, 1)]
    assert files_of(site, tmp_path) == {"sub/file": "full 0", "later": "and the rest"}
    assert saved_ahead(site.repository) == []
    assert site.listed() == [("full", 0)]


def test_what_changed_after_it_was_called_whole_is_saved_as_it_is(site: Site, tmp_path: Path) -> None:
    """Of the same size, and with its time set back: nobody's word is taken for it."""

    def change(job: Job) -> None:
        path = job.directory / "sub" / "file"
        before = path.stat()
        path.write_text("FULL 9")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    site.back_up(service=whole(change, waits=site.repository))
    assert files_of(site, tmp_path)["sub/file"] == "FULL 9"


def test_a_backup_waits_for_what_is_still_being_saved_ahead(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captured, save = threading.Event(), Repository.save_ahead

    def slowly(*arguments: Any, **more: Any) -> str:
        assert captured.wait(120)
        return save(*arguments, **more)

    monkeypatch.setattr(Repository, "save_ahead", slowly)
    site.back_up(service=whole(lambda job: captured.set()))
    assert files_of(site, tmp_path) == {"sub/file": "full 0", "later": "and the rest"}
    assert saved_ahead(site.repository) == []


def _gone(site: Site, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Somebody forgets it in the middle, and frees its space."""

    def forget(job: Job) -> None:
        site.repository.forget(saved_ahead(site.repository))
        site.repository.prune()

    return whole(forget, waits=site.repository)


def _refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    def save_ahead(*_: Any, **__: Any) -> str:
        raise Transient("the repository is locked")

    monkeypatch.setattr(Repository, "save_ahead", save_ahead)
    return whole()


def _a_bug(site: Site, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    def save_ahead(*_: Any, **__: Any) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(Repository, "save_ahead", save_ahead)
    return whole()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_gone, "what was saved ahead is gone from the repository"),
        (_refused, "agama: nothing could be saved ahead: the repository is locked"),
        (_a_bug, "agama: nothing could be saved ahead: unexpected error: ZeroDivisionError"),
    ],
)
def test_where_nothing_could_be_saved_ahead_the_backup_is_whole_and_it_is_said(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Site, pytest.MonkeyPatch], Scripted],
    words: str,
) -> None:
    site.back_up(service=fault(site, monkeypatch))
    assert words in caplog.text
    assert files_of(site, tmp_path) == {"sub/file": "full 0", "later": "and the rest"}
    site.repository.check(read_data=True)
    assert saved_ahead(site.repository) == []


@pytest.mark.parametrize("waits", [True, False], ids=["saved", "being saved"])
def test_of_a_capture_that_fails_nothing_is_left(site: Site, waits: bool) -> None:
    def fail(job: Job) -> None:
        raise LifeboatError("the witness was not to be had")

    with pytest.raises(LifeboatError, match="the witness was not to be had"):
        site.back_up(service=whole(fail, waits=site.repository if waits else None))
    assert saved_ahead(site.repository) == []
    assert site.listed() == []
    # Interrupted before it wrote anything, restic may leave its lock, which the next one that needs to removes.
    site.repository.prune()
    assert not restic.locks(Path(site.repository.url))


@pytest.mark.parametrize("why", ["it is little", "nothing may be deleted"])
def test_where_it_does_not_pay_and_where_nothing_may_be_deleted_nothing_is_saved_ahead(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, summaries: list[dict[str, Any]], why: str
) -> None:
    if why == "it is little":
        monkeypatch.setattr(ahead, "WORTH", len("full 0") + 1)
    else:
        monkeypatch.setattr(Repository, "is_append_only", lambda _: True)
    site.back_up(service=whole())
    assert len(summaries) == 1
    assert files_of(site, tmp_path) == {"sub/file": "full 0", "later": "and the rest"}


def test_what_cannot_be_forgotten_stays_alone_and_goes_when_it_can(
    site: Site, monkeypatch: pytest.MonkeyPatch, summaries: list[dict[str, Any]]
) -> None:
    """A repository that refuses deletions without saying so before, as a bucket does: one is left, and no second one comes."""

    def refuse(_: Repository, snapshots: Sequence[str]) -> None:
        if snapshots:
            raise LifeboatError("it refuses deletions")

    with monkeypatch.context() as patched:
        patched.setattr(Repository, "forget", refuse)
        site.back_up(service=whole(waits=site.repository))
        [left] = saved_ahead(site.repository)
        site.back_up("full", service=whole(), day=1)
        assert saved_ahead(site.repository) == [left]
    assert site.listed() == [("full", 0), ("full", 0)]
    assert len(summaries) == 3
    site.back_up(service=Scripted(), day=2)
    assert saved_ahead(site.repository) == []
    assert site.listed() == [("full", 0), ("full", 0), ("incremental", 1)]


CHILD = """
import sys, subprocess
from pathlib import Path
from backups.machine import runs
from tests.integration.conftest import repository_at
from tests.integration.backup.test_backup import Scripted
from backups.backup import back_up
from backups.repository import ahead
from backups.machine.wait import wait_until

url, state, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
repository = repository_at(url)
ahead.WORTH = 1

def script(job):
    size = 150 if moment == "saving" else 1
    subprocess.run(["dd", "if=/dev/urandom", f"of={job.directory / 'sub' / 'large'}", "bs=1M", f"count={size}", "status=none"], check=True)
    job.whole(job.directory / "sub")
    if moment == "saved":
        assert wait_until(lambda: bool(repository.snapshots("lifeboat-ahead")), seconds=120)
    print("begun")
    import time
    time.sleep(600)

with runs.start(state) as run:
    back_up(Scripted(script), repository, run, state, kind="full")
"""


@pytest.mark.parametrize(
    ("moment", "signal_"), [("saved", signal.SIGKILL), ("saving", signal.SIGKILL), ("saving", signal.SIGINT)]
)
def test_what_a_kill_left_is_no_backup_and_goes_with_the_next_one(
    repository: Repository, state: Path, child: Child, moment: str, signal_: signal.Signals
) -> None:
    site = Site(repository, state)
    process = child(CHILD, repository.url, state, moment)
    assert said(process) == "begun"
    data = Path(repository.url) / "data"
    while not any(path.is_file() for path in data.rglob("*")):
        assert process.poll() is None
    process.send_signal(signal_)
    process.wait()
    assert len(saved_ahead(repository)) == (moment == "saved")
    assert repository.backups() == []
    assert site.back_up().kind == "full"
    assert saved_ahead(repository) == []
    assert site.listed() == [("full", 0)]
    repository.prune()
    assert not restic.locks(Path(repository.url))


def test_a_prune_takes_what_no_backup_can_be_at_work_on() -> None:
    def snapshot(name: str, age: timedelta, *tags: str) -> Any:
        return SimpleNamespace(id=name, time=AT - age, tags=tags)

    day = timedelta(days=1)
    snapshots = [
        snapshot("old", 3 * day, ahead.TAG, "service=agama"),
        snapshot("young", day, ahead.TAG, "service=agama"),
        snapshot("tomorrow", -day, ahead.TAG, "service=agama"),
        snapshot("backup", 3 * day, ahead.TAG, "lifeboat", "service=agama"),
        snapshot("evidence", 3 * day, "lifeboat-evidence"),
    ]
    assert [each.id for each in ahead.obsolete(snapshots, AT)] == ["old"]
    assert ahead.left_by("agama", snapshots) == ["old", "young", "tomorrow"]
    assert ahead.left_by("other", snapshots) == []
