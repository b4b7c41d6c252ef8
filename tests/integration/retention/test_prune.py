"""Retention in a real repository: exactly the plan is deleted, and whatever kills it, the next run does the rest."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups import prune
from backups.chains import chains
from backups.errors import LifeboatError, Transient
from backups.machine import locks, runs
from backups.repository import ahead, chains_in_use
from backups.repository.repository import Repository
from tests.integration.conftest import Child, children, said
from tests.integration.flows.conftest import Said
from tests.integration.retention.conftest import AGES, BYTES, DAY, NOW, Harbour, chains_of, going, identifier
from tests.servers import restic
from verification.evidence.store import TAG

Lifeboat = Callable[..., Said]
EVERYTHING = {chain: list(range(len(ages))) for chain, ages in AGES.items()} | {"monthly": [0]}
STAYING = {chain: EVERYTHING[chain] for chain in ("lately", "monthly")}


def files(harbour: Harbour) -> set[Path]:
    return {path for path in (harbour.folder / "repository").rglob("*") if path.is_file()}


def prove(harbour: Harbour, backup: str) -> None:
    """Keep the evidence of a drill that proved it, as `verification.evidence.store` does."""
    (harbour.folder / "evidence").mkdir()
    (harbour.folder / "evidence" / "report.json").write_text("{}")
    tags = [TAG, "verdict=verified", f"proof={backup}|verified|3.0|{(NOW - DAY).isoformat()}"]
    harbour.open().repository.save(harbour.folder / "evidence", host="lighthouse", tags=tags, at=NOW - DAY)


def test_a_dry_run_prints_every_reason_and_deletes_nothing(harbour: Harbour, lifeboat: Lifeboat) -> None:
    before = files(harbour)
    done = lifeboat("prune", "--dry-run", "--config", str(harbour.config))
    assert done.code == 0, done.err
    told = {line.split()[1].partition("-")[0]: line for line in done.out.splitlines()[1:]}
    assert set(told) == set(EVERYTHING)
    assert " goes " in told["old"]
    assert re.search(r"its full is 75 d \d h old; chains go after 31 d 0 h", told["old"])
    assert " stays " in told["monthly"]
    assert files(harbour) == before


def test_prune_deletes_exactly_the_plan_and_frees_its_space(harbour: Harbour, lifeboat: Lifeboat) -> None:
    before = harbour.size()
    done = lifeboat("prune", "--config", str(harbour.config))
    assert done.code == 0, done.err
    assert "4 backups deleted" in done.out
    repository = harbour.open().repository
    assert chains_of(repository) == STAYING
    assert before - harbour.size() >= 4 * BYTES
    repository.check(read_data=True)
    assert "0 backups deleted" in lifeboat("prune", "--config", str(harbour.config)).out


def test_what_a_killed_backup_had_saved_ahead_goes_once_no_backup_can_be_at_work_on_it(
    harbour: Harbour, lifeboat: Lifeboat
) -> None:
    repository = harbour.open().repository
    (harbour.folder / "scratch" / "data").mkdir(parents=True)
    (harbour.folder / "scratch" / "data" / "file").write_text("half of it")
    tags = [ahead.TAG, "service=toy"]
    for age in (3, 1):
        repository.save(harbour.folder / "scratch", host="toy", tags=tags, at=NOW - age * DAY)
    old, young = repository.snapshots(ahead.TAG)
    said = lifeboat("prune", "--dry-run", "--config", str(harbour.config)).out
    assert re.search(rf"backup +{old.id[:8]} .* goes .* a backup that did not end has left it", said)
    assert young.id[:8] not in said
    assert "4 backups deleted" in lifeboat("prune", "--config", str(harbour.config)).out
    assert repository.snapshots(ahead.TAG) == [young]
    assert chains_of(repository) == STAYING


def test_the_newest_proven_chain_stays_until_a_newer_one_is_proven(harbour: Harbour, lifeboat: Lifeboat) -> None:
    """By the evidence in the repository."""
    prove(harbour, identifier("month", 1))
    done = lifeboat("prune", "--config", str(harbour.config))
    assert done.code == 0
    assert re.search(r"its full is 40 d \d h old, but it is the newest verified chain: nothing newer is proven", done.out)
    assert chains_of(harbour.open().repository) == STAYING | {"month": [0, 1]}


KILLED = """
import os, sys, time
from datetime import datetime
from pathlib import Path
from backups import prune
from backups.repository.repository import Repository
from backups.services import registry
from backups.site import Site
from tests.contract.toy_site import REGISTRY_LINE

registry.SERVICE_TYPES["toy"] = REGISTRY_LINE
events = []

def stop_at(event):
    events.append(event)
    if len(events) - 1 == int(sys.argv[3]):
        print("here")
        if sys.argv[4] == "between":
            time.sleep(600)

def watched(name):
    whole = getattr(Repository, name)
    def call(self, *arguments):
        stop_at(f"before {name}")
        whole(self, *arguments)
        stop_at(f"after {name}")
    setattr(Repository, name, call)

watched("forget")
watched("prune")
site = Site.open(Path(sys.argv[1]))
now = datetime.fromisoformat(sys.argv[2])
prune.carry_out(site, prune.plan(site, site.repository.backups(), {}, now=now), now=now)
print("ended", events)
"""


@pytest.mark.parametrize(
    ("event", "where"),
    [
        pytest.param(1, "between", id="after the first of four was forgotten"),
        pytest.param(4, "within", id="while restic forgets the third"),
        pytest.param(7, "between", id="between forget and prune"),
        pytest.param(8, "within", id="while restic prunes"),
        pytest.param(9, "between", id="after the prune, before that is noted"),
    ],
)
def test_killed_anywhere_it_leaves_whole_backups_and_the_next_run_does_the_rest(
    harbour: Harbour, child: Child, event: int, where: str
) -> None:
    process = child(KILLED, harbour.config, NOW.isoformat(), event, where)
    assert said(process) == "here"
    if where == "within":
        kill_within(process, harbour)
    process.kill()
    process.wait()
    site = harbour.open()
    held = chains(site.repository.backups())["toy"]
    for chain in held:
        chain.up_to(chain.last.id)
    assert STAYING.items() <= chains_of(site.repository).items()
    site.repository.check()

    prune.carry_out(site, prune.plan(site, site.repository.backups(), {}, now=NOW), now=NOW)
    assert chains_of(site.repository) == STAYING
    assert harbour.size() < (sum(map(len, STAYING.values())) + 1) * BYTES, "the space was not freed"
    site.repository.check(read_data=True)
    assert not restic.locks(harbour.folder / "repository")
    assert not (site.state / "prune-owed").exists()


def kill_within(process: "subprocess.Popen[str]", harbour: Harbour) -> None:
    """Kill restic while it holds the repository's lock, its parent stopped: neither can clean up."""
    while not restic.locks(harbour.folder / "repository"):
        assert process.poll() is None, "it ended too early to be killed"
    os.kill(process.pid, signal.SIGSTOP)
    # At once: a lock is held for some hundredths of a second.
    [child] = children(process)
    os.kill(child, signal.SIGKILL)
    assert restic.locks(harbour.folder / "repository"), "it had ended before it was killed"


def test_a_clock_far_from_everything_in_the_repository_deletes_nothing(
    harbour: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    """Two years ahead: nothing goes, and the log says why; told to trust it, retention does."""
    site = harbour.open()
    later = NOW + timedelta(days=730)
    decisions = prune.plan(site, site.repository.backups(), {}, now=later)
    assert going(decisions) == set()
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"this machine's clock says {later:%Y-%m-%d %H:%M}" in warning
    assert f"nothing was saved between {NOW - DAY:%Y-%m-%d %H:%M} and" in warning
    assert "lifeboat prune --trust-clock" in warning
    assert going(prune.plan(site, site.repository.backups(), {}, now=later, trust_clock=True)) == {"old", "month", "monthly"}


def test_a_silence_of_weeks_holds_the_command_up_until_the_clock_is_trusted(harbour: Harbour, lifeboat: Lifeboat) -> None:
    repository = harbour.open().repository
    repository.forget([record.snapshot for record in repository.backups() if record.chain == identifier("lately")])
    (harbour.open().state / "prune-deleted").write_text("yesterday\n")
    done = lifeboat("prune", "--config", str(harbour.config))
    assert (done.code, chains_of(repository).keys()) == (0, {"old", "month", "monthly"})
    assert done.err.count("prune-deleted, which says when the backups that prune deleted had been taken, cannot be read") == 1
    assert "clock that is doubted" in done.out
    assert f"if the clock is right and they must go now: lifeboat -c {harbour.config} prune --trust-clock" in done.err
    assert lifeboat("prune", "--trust-clock", "--config", str(harbour.config)).code == 0
    assert chains_of(repository).keys() == {"monthly"}


def test_what_prune_itself_emptied_leaves_the_clock_believed_and_nothing_else_does(harbour: Harbour) -> None:
    """As above, but prune had deleted what lies in the last weeks: chains and evidence go on going."""
    site = harbour.open()
    decisions = prune.plan(site, site.repository.backups(), {}, now=NOW)
    lately = [replace(each, keep=False) for each in decisions if each.chain.id == identifier("lately")]
    assert prune.carry_out(site, lately, now=NOW) == len(AGES["lately"])
    left = site.repository.backups()
    times = [*prune.gone_before(site), *(record.taken_at for record in left)]
    assert going(prune.plan(site, left, {}, now=NOW)) == {"old", "month"}
    assert prune.doubt(site, times, now=NOW) is None
    # Another machine knows nothing of it, and five days later something else has to be there.
    assert going(prune.plan(harbour.open("elsewhere"), left, {}, now=NOW)) == set()
    assert prune.doubt(site, times, now=NOW + 5 * DAY)


def test_a_chain_that_is_read_since_the_plan_stays_and_the_rest_goes(harbour: Harbour) -> None:
    """At the plan it shows as a reason; between plan and deletion it is seen, too. The reader gone, it goes."""
    site = harbour.open()
    decisions = prune.plan(site, site.repository.backups(), {}, now=NOW)
    assert going(decisions) == {"old", "month"}
    with chains_in_use.chain(site.state, identifier("old")), chains_in_use.chain(site.state, identifier("old")):
        assert going(prune.plan(site, site.repository.backups(), {}, now=NOW)) == {"month"}
        assert prune.carry_out(site, decisions, now=NOW) == 2
    assert chains_of(site.repository) == STAYING | {"old": [0, 1]}
    assert prune.carry_out(site, prune.plan(site, site.repository.backups(), {}, now=NOW), now=NOW) == 2
    assert list((site.state / "locks" / "chains").iterdir()) == []


def test_a_reader_that_dies_is_no_reader(harbour: Harbour, child: Child) -> None:
    code = "import sys, time\nfrom pathlib import Path\nfrom backups.repository import chains_in_use\n"
    code += "with chains_in_use.chain(Path(sys.argv[1]), sys.argv[2]):\n    print('reading')\n    time.sleep(600)\n"
    site = harbour.open()
    process = child(code, site.state, identifier("old"))
    assert said(process) == "reading"
    assert going(prune.plan(site, site.repository.backups(), {}, now=NOW)) == {"month"}
    process.kill()
    process.wait()
    assert going(prune.plan(site, site.repository.backups(), {}, now=NOW)) == {"old", "month"}


def test_the_chains_of_a_service_that_is_being_backed_up_stay_this_time(harbour: Harbour) -> None:
    """Its new incremental could build on what is going."""
    site = harbour.open()
    with runs.one_at_a_time(site.state, "toy"):
        assert prune.carry_out(site, prune.plan(site, site.repository.backups(), {}, now=NOW), now=NOW) == 0
    assert chains_of(site.repository) == EVERYTHING


def test_a_second_prune_on_this_machine_is_told_and_changes_nothing(harbour: Harbour) -> None:
    site = harbour.open()
    decisions = prune.plan(site, site.repository.backups(), {}, now=NOW)
    with (
        locks.at_once(site.state / "locks" / "prune.lock", "busy", hint=""),
        pytest.raises(LifeboatError, match=r"a prune is already running on this machine \(process \d+\)"),
    ):
        prune.carry_out(site, decisions, now=NOW)
    assert chains_of(site.repository) == EVERYTHING


def test_a_repository_that_is_away_is_told(harbour: Harbour, lifeboat: Lifeboat) -> None:
    shutil.move(harbour.folder / "repository", harbour.folder / "away")
    done = lifeboat("prune", "--config", str(harbour.config))
    assert done.code == 2
    assert "cannot list the repository" in done.err
    assert "there is no repository at that place" in done.err
    assert "hint: " in done.err


def test_a_repository_that_another_machine_reads_is_told_loses_nothing_and_the_next_run_goes_on(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restic that restores holds the repository: forget does not get in."""
    site = harbour.open()
    hurried = Repository(site.repository.url, site.repository.cache, password_file=site.repository.password_file, patience=1)
    monkeypatch.setattr("backups.site.Site.repository", hurried)
    decisions = prune.plan(site, site.repository.backups(), {}, now=NOW)
    with restoring(hurried, harbour), pytest.raises(Transient, match="it is locked"):
        prune.carry_out(site, decisions, now=NOW)
    assert chains_of(hurried) == EVERYTHING
    assert prune.carry_out(site, decisions, now=NOW) == 4


class restoring:  # noqa: N801 - reads as what it is
    """A restic that restores, stopped in the middle while it holds its lock."""

    def __init__(self, repository: Repository, harbour: Harbour) -> None:
        self.repository, self.harbour = repository, harbour

    def __enter__(self) -> None:
        snapshot = self.repository.backups()[0].snapshot
        self.process = subprocess.Popen(
            ["restic", "restore", snapshot, "--target", str(self.harbour.folder / "out"), "--limit-download", "1"],
            env={**os.environ, **self.repository._environment()},
            stdout=subprocess.DEVNULL,
        )
        while not restic.locks(self.harbour.folder / "repository"):
            assert self.process.poll() is None
            time.sleep(0.005)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def test_evidence_of_what_has_gone_does_not_confuse_the_next_plan(harbour: Harbour) -> None:
    """Proofs outlive the backups that they prove."""
    site = harbour.open()
    proofs = {identifier("old"): datetime.now(UTC), identifier("gone"): NOW - 50 * DAY}
    assert going(prune.plan(site, site.repository.backups(), proofs, now=NOW)) == {"month"}


def test_evidence_of_what_is_gone_goes_with_its_reason_and_the_rest_stays(harbour: Harbour, lifeboat: Lifeboat) -> None:
    """A proof of a chain that is gone, one of a chain that is there, and the newest."""
    repository = harbour.open().repository
    (harbour.folder / "evidence").mkdir()
    for age, backup in ((50, identifier("gone")), (45, identifier("lately")), (1, identifier("lately", 8))):
        (harbour.folder / "evidence" / "report.json").write_text(f'{{"age": {age}}}')
        at = NOW - age * DAY
        tags = [TAG, "verdict=verified", f"proof={backup}|verified|3.0|{at.isoformat()}"]
        repository.save(harbour.folder / "evidence", host="lighthouse", tags=tags, at=at)
    old, held, newest = (snapshot.id for snapshot in repository.snapshots(TAG))
    dry = lifeboat("prune", "--dry-run", "--config", str(harbour.config))
    assert re.search(rf"evidence +{old[:8]} +1 +goes +it is 50 d \d h old, and every backup that it covers is gone", dry.out)
    assert len(repository.snapshots(TAG)) == 3
    done = lifeboat("prune", "--config", str(harbour.config))
    assert done.code == 0, done.err
    assert [snapshot.id for snapshot in repository.snapshots(TAG)] == [held, newest]
    assert chains_of(repository) == STAYING
