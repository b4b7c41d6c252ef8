"""The story of a backup, with a service that does what a test asks of it: whole or not at all, whatever happens in between."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from backups.backup import back_up
from backups.errors import ChainBroken, ConfigError, LifeboatError
from backups.machine import runs
from backups.machine.docker import Docker
from backups.machine.runs import Run
from backups.manifest import BackupRecord, Kind, Manifest
from backups.proofs import Proofs
from backups.repository.repository import Repository
from backups.services.base import Captured, Copy, Fetched, Finding, Job, Sandbox
from backups.services.continuous import Transaction
from backups.services.settings import ServiceSettings
from backups.witness import Fact
from tests.integration.conftest import AT, Child, repository_at, said
from tests.servers import restic

IMAGE = "lifeboat/prometheus:3.5"


@dataclass
class Scripted:
    """A service whose capture runs `script`, then holds one file."""

    script: Callable[[Job], object] = lambda job: None
    name: str = "agama"
    settings: ServiceSettings = field(default_factory=lambda: ServiceSettings(type="scripted", image="none"))
    jobs: list[Job] = field(default_factory=list)
    continuous: bool = True

    def examine(self, docker: Docker) -> Iterator[Finding]:
        yield Finding("source", True, "here")

    def capture(self, job: Job) -> Captured:
        self.jobs.append(job)
        assert list(job.directory.iterdir()) == []
        assert list(job.work.iterdir()) == []
        (job.directory / "sub").mkdir()
        (job.directory / "sub" / "file").write_text(f"{job.kind} {len(job.chain)}")
        (job.work / "scratch").write_text("not kept")
        self.script(job)
        facts = [Fact("file", "rows", len(job.chain))]
        return Captured(job.now(), "1.0", facts, {"chain": len(job.chain)})

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[Sequence[str] | None]:
        return [None for _ in chain]

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        raise AssertionError("nobody makes a copy of it")

    def holds(self, manifest: Manifest, position: str) -> bool:
        return False

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        return False

    def log(self, manifest: Manifest) -> Sequence[str]:
        return ()

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        raise AssertionError("nobody reads what is in the log")


def at(day: float) -> Callable[[], datetime]:
    return lambda: AT + timedelta(days=day)


class Site:
    """Takes backups of one scripted service, each in a run of its own."""

    def __init__(self, repository: Repository, state: Path) -> None:
        self.repository = repository
        self.state = state

    def back_up(
        self,
        kind: Kind | None = None,
        *,
        service: Scripted | None = None,
        day: float = 0,
        standalone: bool = False,
        repository: Repository | None = None,
        failed: Mapping[str, datetime] | None = None,
    ) -> Manifest:
        with runs.start(self.state) as run:
            return back_up(
                service or Scripted(),
                repository or self.repository,
                run,
                self.state,
                kind=kind,
                standalone=standalone,
                proofs=Proofs(failed=lambda *_: failed or {}),
                now=at(day),
            )

    def left_on_disk(self) -> list[Path]:
        return list((self.state / "runs").iterdir())

    def listed(self) -> list[tuple[str, int]]:
        return [(record.kind, record.sequence) for record in self.repository.backups()]


@pytest.fixture
def site(repository: Repository, state: Path) -> Iterator[Site]:
    site = Site(repository, state)
    yield site
    assert site.left_on_disk() == [], "the staging directory must not grow"


def test_a_full_then_incrementals_that_build_on_it(site: Site, tmp_path: Path) -> None:
    service = Scripted()
    full, second, third = (site.back_up(service=service, day=day) for day in (0, 1, 2))
    assert [(each.kind, each.sequence, each.parent, each.reason) for each in (full, second, third)] == [
        ("full", 0, None, None),
        ("incremental", 1, full.id, None),
        ("incremental", 2, second.id, None),
    ]
    assert {each.chain for each in (full, second, third)} == {full.id} == {"agama-20261123T000005Z"}
    assert [manifest.id for manifest in service.jobs[2].chain] == [full.id, second.id]
    record = site.repository.backups()[2]
    assert site.repository.manifest(record) == third
    site.repository.fetch(record.snapshot, tmp_path / "back")
    held = sorted(path.relative_to(tmp_path / "back").as_posix() for path in (tmp_path / "back").rglob("*"))
    assert held == ["data", "data/sub", "data/sub/file", "manifest.json"]
    assert [(entry.path, entry.size) for entry in third.files] == [("sub/file", len("incremental 2"))]
    assert (third.taken_at, third.size) == (AT + timedelta(days=2), 13)


def test_a_week_later_a_full_begins_a_new_chain_and_knows_the_one_that_it_follows(site: Site) -> None:
    service, snapshots = Scripted(), Scripted(continuous=False)
    site.back_up(service=service)
    last = site.back_up(service=service, day=1)
    site.back_up(service=service, day=2, standalone=True)
    full = site.back_up(service=service, day=7)
    assert (full.kind, full.chain, full.reason) == ("full", full.id, "the chain's full is 7 d 0 h old")
    assert [job.before and job.before.id for job in service.jobs] == [None, None, None, last.id]
    site.back_up(service=snapshots, day=14)
    assert snapshots.jobs[0].before is None


def test_an_incremental_without_a_chain_becomes_a_full_and_says_so(site: Site) -> None:
    full = site.back_up("incremental")
    assert (full.kind, full.reason) == ("full", "there is no chain to extend")


def test_a_standalone_full_is_kept_but_not_built_on(site: Site) -> None:
    weekly = site.back_up()
    monthly = site.back_up(day=1, standalone=True)
    assert (monthly.kind, monthly.standalone, monthly.chain) == ("full", True, monthly.id)
    assert site.back_up(day=2).chain == weekly.id
    with pytest.raises(LifeboatError, match="a standalone backup is a full"):
        site.back_up("incremental", standalone=True)


def test_when_the_source_broke_the_chain_a_full_is_taken_and_the_reason_kept(site: Site) -> None:
    def broken(job: Job) -> None:
        if job.kind == "incremental":
            raise ChainBroken("the log binlog.000007 was purged")

    first = site.back_up()
    service = Scripted(broken)
    full = site.back_up(service=service, day=1)
    assert (full.kind, full.sequence, full.reason) == ("full", 0, "the log binlog.000007 was purged")
    assert [job.before and job.before.id for job in service.jobs] == [None, first.id], "the full may reach back to that chain"
    assert [(entry.path, entry.size) for entry in full.files] == [("sub/file", len("full 0"))], "nothing of the first attempt"
    with pytest.raises(ChainBroken):
        site.back_up("full", service=Scripted(lambda job: (_ for _ in ()).throw(ChainBroken("still"))), day=2)


def test_a_chain_that_failed_its_drill_is_not_built_on_and_the_full_that_follows_is(site: Site) -> None:
    first = site.back_up()
    failed = {first.chain: AT + timedelta(hours=6), "agama-of-another-year": AT}
    reason = "the chain of agama-20261123T000005Z failed its drill on 2026-11-23 06:00 UTC"
    for day, kind in ((1, None), (2, "incremental")):
        full = site.back_up(kind, day=day, failed=failed)  # type: ignore[arg-type]
        assert (full.kind, full.sequence, full.reason) == ("full", 0, reason)
        site.repository.forget([site.repository.backups()[-1].snapshot])
    full = site.back_up("full", day=3, failed=failed)
    assert full.reason is None
    assert site.back_up(day=4, failed=failed).chain == full.id


def test_a_chain_with_a_missing_backup_is_not_built_on(site: Site) -> None:
    for day in range(3):
        site.back_up(day=day)
    site.repository.forget([site.repository.backups()[1].snapshot])
    full = site.back_up(day=3)
    assert full.kind == "full"
    assert full.reason is not None
    assert full.reason.startswith("chain agama-20261123T000005Z is broken: backup agama-20261125T000005Z needs 3 backups, 2 are")


def test_a_listing_that_is_damaged_leads_to_a_full_not_to_silence(site: Site) -> None:
    site.back_up()
    [snapshot] = (Path(site.repository.url) / "snapshots").iterdir()
    snapshot.chmod(0o600)
    content = snapshot.read_bytes()
    snapshot.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    subprocess.run(["rm", "-rf", str(site.repository.cache)], check=True)
    full = site.back_up(day=1)
    assert full.kind == "full"
    assert full.reason is not None
    assert "could not load snapshot" in full.reason


def test_a_capture_that_fails_leaves_nothing_even_by_a_bug(site: Site) -> None:
    def failing(job: Job) -> None:
        job.docker.run(
            f"lifeboat-{job.docker.labels['lifeboat.run']}", job.docker.image(IMAGE), entrypoint=["sleep"], command=["600"]
        )
        raise ZeroDivisionError

    site.back_up()
    with pytest.raises(ZeroDivisionError):
        site.back_up(service=Scripted(failing), day=1)
    assert site.listed() == [("full", 0)]
    assert not list(Docker().labelled(f"lifeboat.state={site.state}"))
    assert site.back_up(day=2).sequence == 1


def test_two_backups_of_one_service_at_the_same_time_are_refused_and_of_two_are_not(site: Site) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def waiting(job: Job) -> None:
        begun.set()
        assert go_on.wait(120)

    first = threading.Thread(target=lambda: site.back_up(service=Scripted(waiting)))
    first.start()
    try:
        assert begun.wait(120)
        with pytest.raises(
            LifeboatError, match=rf"a backup of agama is already running on this machine \(process {os.getpid()}\)"
        ):
            site.back_up()
        assert site.back_up(service=Scripted(name="other")).service == "other"
    finally:
        go_on.set()
        first.join()
    assert len(site.repository.backups()) == 2


def test_a_disk_that_fills_during_the_capture_is_reported(repository: Repository, small_disk: Path) -> None:
    small = Site(repository, small_disk / "state")
    with pytest.raises(LifeboatError, match=r"the disk filled during the backup of agama: .* left") as fault:
        small.back_up(service=Scripted(lambda job: (job.directory / "large").write_bytes(b"x" * 20_000_000)))
    assert "nothing was kept of this attempt" in str(fault.value)
    assert small.listed() == []
    assert small.left_on_disk() == []


def test_a_wrong_repository_password_is_reported_before_the_source_is_asked(site: Site) -> None:
    service = Scripted()
    with pytest.raises(ConfigError, match="the password is wrong"):
        site.back_up(service=service, repository=repository_at(Path(site.repository.url), "wrong"))
    assert service.jobs == []


CHILD = """
import sys, time
from pathlib import Path
from backups.machine import runs
from tests.integration.conftest import repository_at
from tests.integration.backup.test_backup import Scripted
from backups.backup import back_up

url, state, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def script(job):
    if moment == "capture":
        image = job.docker.image("lifeboat/prometheus:3.5")
        job.docker.run("lifeboat-" + job.docker.labels["lifeboat.run"], image, entrypoint=["sleep"], command=["600"])
        print("begun")
        time.sleep(600)
    import subprocess
    subprocess.run(["dd", "if=/dev/urandom", f"of={job.directory / 'large'}", "bs=1M", "count=300", "status=none"], check=True)
    print("begun")

with runs.start(state) as run:
    back_up(Scripted(script), repository_at(url), run, state, kind="full")
"""


@pytest.mark.parametrize("moment", ["capture", "save"])
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT])
def test_a_backup_ended_in_the_middle_is_never_listed_and_the_next_one_works(
    repository: Repository, state: Path, child: Child, moment: str, signal_: signal.Signals
) -> None:
    site = Site(repository, state)
    process = child(CHILD, repository.url, state, moment)
    assert said(process) == "begun"
    data = Path(repository.url) / "data"
    while moment == "save" and not any(path.is_file() for path in data.rglob("*")):
        assert process.poll() is None
    process.send_signal(signal_)
    process.wait()
    if signal_ == signal.SIGINT:
        assert site.left_on_disk() == []
        assert not list(Docker().labelled(f"lifeboat.state={state}"))
    assert repository.backups() == []
    assert site.back_up().kind == "full"
    assert site.listed() == [("full", 0)]
    assert site.left_on_disk() == []
    assert not list(Docker().labelled(f"lifeboat.state={state}"))
    # Takes the repository for itself. Interrupted among directories, restic 0.14 often panics, and now and then before its
    # lock is gone: what is left is then a dead process's lock, as after SIGKILL.
    repository.prune()
    assert not restic.locks(Path(repository.url))


def test_a_file_that_restic_cannot_read_leaves_no_backup(repository: Repository, state: Path) -> None:
    """As root without the right to read everything, as a user of its own would be."""
    code = f"""
from pathlib import Path
from tests.integration.conftest import repository_at
from tests.integration.backup.test_backup import Scripted, Site
Site(repository_at(Path({repository.url!r})), Path({str(state)!r})).back_up(service=Scripted(lambda job: (job.directory / "sub" / "file").chmod(0)))
"""
    ended = subprocess.run(
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "cannot save to the repository" in ended.stderr
    assert "sub/file" in ended.stderr
    assert repository.backups() == []


def test_two_backups_of_the_same_second_have_names_of_their_own(run: Run, repository: Repository, state: Path) -> None:
    ids = [back_up(Scripted(), repository, run, state, kind="full", now=at(0)).id for _ in range(2)]
    assert ids == ["agama-20261123T000005Z", "agama-20261123T000005Z-2"]
