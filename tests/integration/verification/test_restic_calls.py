"""How often restic is started: what was listed or read once is handed on. Each start costs most of a second, over SSH more."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.machine import commands_run
from backups.manifest import BackupRecord, Manifest
from backups.repository import identity
from backups.repository.reading import Reading
from backups.services import registry
from backups.services.base import Captured, Fetched, Job
from backups.services.continuous import Transaction
from backups.services.registry import ServiceType
from tests.contract.toy import ToyService, ToySettings
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said, lifeboat
from verification import prune
from verification.evidence.store import TAG
from verification.restore.order import Order
from verification.restore.restore import restore
from verification.verify import verify

__all__ = ["lifeboat"]


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count restic's commands meanwhile; of a `dump`, with what it read."""
    calls: Counter[str] = Counter()

    def hear(line: str, _: float) -> None:
        program, *words = shlex.split(line)
        if program == "restic":
            calls[" ".join([words[0], *words[-2:]]) if words[0] == "dump" else words[0]] += 1

    with commands_run.listening(hear):
        yield calls


def test_a_prune_lists_the_repository_once(toy: ToySite, lifeboat: Callable[..., Said]) -> None:
    """By the command, which deletes nothing here; then two months later, when the older chain of two goes."""
    verify(toy.open(), ["toy"], selections=["latest"])
    toy.back_up("full")
    verify(toy.open(), ["toy"], selections=["latest"])
    with counted() as calls:
        assert lifeboat("prune", "--config", str(toy.folder / "lifeboat.yaml")).code == 0
    assert calls == {"snapshots": 1}
    site, later = toy.open(), datetime.now(UTC) + timedelta(days=60)
    with counted() as calls:
        assert prune.carry_out(site, prune.plan(site, now=later, trust_clock=True)) == 2
    assert calls == {"snapshots": 1, "forget": 2, "prune": 1}


def test_a_history_lists_the_repository_once_and_opens_no_report(toy: ToySite, lifeboat: Callable[..., Said]) -> None:
    """However much evidence there is."""
    for _ in range(2):
        verify(toy.open(), ["toy"], selections=["latest"])
    with counted() as calls:
        said = lifeboat("history", "--html", str(toy.folder / "history.html"), "--config", str(toy.folder / "lifeboat.yaml"))
    assert said.code == 0, said.err
    assert calls == {"snapshots": 1}
    assert "2 drills since " in " ".join((toy.folder / "history.html").read_text().split())
    refused = lifeboat("history", "--html", str(toy.folder / "history.html" / "x"), "--config", str(toy.folder / "lifeboat.yaml"))
    assert (refused.code, "history.html/x cannot be written: Not a directory" in refused.err) == (2, True)


class ToyWithALog(ToyService):
    """A toy whose fulls keep the log since the chain before, as MySQL's do."""

    before: Manifest | None = None

    @property
    def continuous(self) -> bool:
        return True

    def holds(self, manifest: Manifest, position: str) -> bool:
        return False

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        return True

    def log(self, manifest: Manifest) -> Sequence[str]:
        return ()

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        raise AssertionError("nobody reads what is in the log")

    def capture(self, job: Job) -> Captured:
        ToyWithALog.before = job.before
        return super().capture(job)


def test_a_full_lists_the_repository_once_and_reads_the_backup_that_it_follows(
    toy: ToySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", ServiceType(ToySettings, ToyWithALog))
    newest = toy.open().repository.backups()[-1]
    with counted() as calls:
        toy.back_up("full")
    assert calls == {"snapshots": 1, f"dump {newest.snapshot} /manifest.json": 1, "backup": 1}
    assert ToyWithALog.before is not None
    assert ToyWithALog.before.id == newest.id


@pytest.mark.parametrize("length", [1, 3])
def test_a_night_lists_the_repository_once_and_reads_the_one_backup_that_it_builds_on(
    toy: ToySite, lifeboat: Callable[..., Said], length: int
) -> None:
    """By the command, with evidence there to be asked for failed chains, and however long the chain is."""
    verify(toy.open(), ["toy"], selections=["latest"])
    toy.back_up("full")
    for _ in range(length - 1):
        toy.back_up("incremental")
    newest = toy.open().repository.backups()[-1]
    with counted() as calls:
        assert lifeboat("backup", "--config", str(toy.folder / "lifeboat.yaml")).code == 0
    taken = toy.open().repository.backups()[-1]
    assert (taken.chain, taken.sequence) == (newest.chain, length)
    assert calls == {"snapshots": 1, f"dump {newest.snapshot} /manifest.json": 1, "backup": 1}


def test_a_repository_that_is_no_directory_of_this_machine_is_asked_twice_more(
    toy: ToySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which one it is, before anything is written, and whether another machine has extended the same chain, after that."""
    monkeypatch.setattr(identity, "_digest", lambda _: None)
    monkeypatch.setattr(Reading, "names", lambda _: None)
    newest = toy.open().repository.backups()[-1]
    with counted() as calls:
        toy.back_up("incremental")
    assert calls == {"cat": 1, "snapshots": 2, f"dump {newest.snapshot} /manifest.json": 1, "backup": 1}


def test_a_restore_lists_the_repository_once_and_reads_each_manifest_once(toy: ToySite, tmp_path: Path) -> None:
    """Also where the service is started at the end, and asked whether it lacks anything of the witness."""
    verify(toy.open(), ["toy"], selections=["latest"])
    [report] = toy.open().repository.snapshots(TAG)
    site = toy.configure(service=f", restore: {{to: 'local:{tmp_path}/back', start: 'true'}}")
    backups: list[BackupRecord] = site.repository.backups()
    with counted() as calls:
        restoration = restore(site, Order("toy", f"local:{tmp_path}/back"))
    assert restoration.verdict == "verified", restoration
    assert calls == {
        "snapshots": 1,
        f"dump {report.id} report.json": 1,
        **{f"dump {backup.snapshot} /manifest.json": 1 for backup in backups},
        "find": 1,
        "restore": 2,
    }


def test_a_verification_lists_the_repository_once_before_and_once_for_its_history(toy: ToySite) -> None:
    """And reads each manifest, and fetches each backup, once: the latest is the worst here, and is drilled once."""
    backups = toy.open().repository.backups()
    with counted() as calls:
        assert verify(toy.open(), ["toy"]).verdict == "verified"
    assert calls == {
        "version": 1,
        "snapshots": 2,
        **{f"dump {backup.snapshot} /manifest.json": 1 for backup in backups},
        "find": 1,
        "restore": 2,
        "backup": 1,
    }
