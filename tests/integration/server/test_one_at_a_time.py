"""One backup of a service at a time: on one machine they wait or are refused, of two machines one takes its own back."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from backups import forks
from backups.backup import back_up
from backups.errors import LifeboatError
from backups.machine import commands_run, runs
from backups.machine.docker import Docker
from backups.machine.runs import Run
from backups.machine.wait import wait_until
from backups.services.base import Captured, Job, Service
from tests.contract.toy_site import ToySite
from tests.unit.test_manifest import manifest


def test_who_has_patience_waits_says_for_whom_and_then_goes_on(state: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    free = threading.Event()

    def hold() -> None:
        with runs.one_at_a_time(state, "agama"):
            held.set()
            free.wait(120)

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(120)
    waiter = threading.Thread(target=lambda: runs.one_at_a_time(state, "agama", patience=timedelta(seconds=30)).__enter__())
    waiter.start()
    assert wait_until(lambda: "agama: waiting for the backup that process" in caplog.text, seconds=120)
    free.set()
    holder.join()
    waiter.join(120)
    assert not waiter.is_alive()


def test_patience_has_an_end(state: Path) -> None:
    with runs.one_at_a_time(state, "agama"):  # noqa: SIM117 - the second is to fail
        with pytest.raises(LifeboatError, match=r"already running on this machine \(process \d+\), and still after"):
            with runs.one_at_a_time(state, "agama", patience=timedelta(seconds=0.2)):
                pass


def test_a_cancelled_run_waits_no_more(state: Path) -> None:
    """Else a cancelled flow would hang until its patience ends."""
    run = Run("r", state, Docker())
    run.cancelled.set()
    with runs.one_at_a_time(state, "agama"), pytest.raises(LifeboatError, match="interrupted"):  # noqa: SIM117
        with runs.one_at_a_time(state, "agama", patience=timedelta(hours=6), run=run):
            pass


def test_two_machines_never_fork_a_chain(toy: ToySite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one machine captures, another takes its incremental on the same backup: the first takes its own back and says so."""
    site, elsewhere = toy.open(), tmp_path / "state-of-another-machine"
    elsewhere.mkdir(mode=0o711)
    (toy.source / "log.txt").write_text("four\n" * 100)
    taken: list[str] = []
    capture = type(site.service("toy", Docker())).capture

    def capture_meanwhile(self: Service, job: Job) -> Captured:
        if not taken:
            taken.append("")
            with runs.start(elsewhere) as other:
                taken[0] = back_up(site.service("toy", other.docker), site.repository, other, elsewhere, kind="incremental").id
        return capture(self, job)

    monkeypatch.setattr(type(site.service("toy", Docker())), "capture", capture_meanwhile)
    before = [backup.id for backup in site.repository.backups()]
    with pytest.raises(LifeboatError, match=f"{taken[0] if taken else 'toy-'}.* at the same time, by another machine"):
        site.back_up("toy", kind="incremental")
    assert [backup.id for backup in site.repository.backups()] == [*before, *taken]
    assert site.back_up("toy", kind="incremental").parent == taken[0]


@pytest.mark.parametrize(("who", "listings"), [("another machine", 2), ("this one", 1)])
def test_whatever_else_is_saved_meanwhile_is_no_rival(
    toy: ToySite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str, listings: int
) -> None:
    """What another machine has saved is looked at once more; a backup of another service, of this machine, need not be."""
    site = toy.open()
    (tmp_path / "file").write_text("another backup")
    capture = type(site.service("toy", Docker())).capture

    def capture_meanwhile(self: Service, job: Job) -> Captured:
        snapshot = site.repository.save(tmp_path, host="another", tags=["another"], at=job.now())
        if who == "this one":
            forks.prevent(site.repository, site.state, manifest(parent=None), snapshot, None)
        return capture(self, job)

    monkeypatch.setattr(type(site.service("toy", Docker())), "capture", capture_meanwhile)
    asked: list[str] = []
    with commands_run.listening(lambda line, _: asked.append(line)):
        assert site.back_up("toy", kind="incremental").kind == "incremental"
    assert sum(" snapshots " in line for line in asked) == listings
