"""Cancelled, killed, its worker killed: whatever ends a run in whatever phase, nothing of it is left, and the next one works."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from backups.machine import runs
from backups.machine.wait import wait_until
from tests.e2e.server.conftest import FINAL, Station, ToyFolder, ToySites, family
from tests.servers import restic

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Afloat:
    """A flow run that dwells in a phase."""

    run: str
    site: ToyFolder
    before: list[str]


@pytest.fixture
def afloat(station: Station, toys: ToySites) -> Iterator[Mapping[str, Afloat]]:
    """A run in each phase: in a command and in a container of a capture, in restic's save, in the container of a drill."""
    command = toys.make("command", {"toy": ", dwell: command"})
    container = toys.make("container", {"toy": ", dwell: container"})
    saving = toys.make("saving", {"toy": ""}, slowly=True)
    drilled = toys.make("drilled", {"toy": ""})
    drilled.open().back_up("toy", kind="full")
    drilled.configuration.write_text(drilled.configuration.read_text().replace("{type: toy,", "{type: toy, dwell: drill,"))
    sites = {"command": command, "container": container, "saving": saving, "drilled": drilled}
    deployments = ("full-backup", "incremental-backup", "monthly-service-backup", "verification")
    begun = {
        phase: station.run(deployment, config=str(site.configuration))
        for deployment, (phase, site) in zip(deployments, sites.items(), strict=True)
    }
    reached: Mapping[str, Callable[[], bool]] = {
        "command": lambda: _executes(begun["command"], "sleep"),
        "container": lambda: bool(container.containers()),
        "saving": lambda: _executes(begun["saving"], "restic --limit-upload 20 backup"),
        "drilled": lambda: bool(drilled.containers()),
    }
    try:
        yield _once_there(station, sites, begun, reached)
    finally:
        for run in begun.values():
            if station.state(run)[0] not in FINAL:
                station.cancel(run)


def _once_there(
    station: Station, sites: Mapping[str, ToyFolder], begun: Mapping[str, str], reached: Mapping[str, Callable[[], bool]]
) -> Mapping[str, Afloat]:
    for phase, there in reached.items():
        assert wait_until(there, seconds=400, interval=0.3), f"{phase} was not reached\n{station.logs(begun[phase])}"
    return {
        phase: Afloat(run, sites[phase], [each.id for each in sites[phase].open().repository.backups()])
        for phase, run in begun.items()
    }


def test_cancelled_in_the_ui(station: Station, afloat: Mapping[str, Afloat]) -> None:
    """Four runs, each in another phase, are cancelled: each is Cancelled, and has cleared itself away."""
    for each in afloat.values():
        station.cancel(each.run)
    for phase, each in afloat.items():
        assert station.ended(each.run)[0] == "CANCELLED", f"{phase}: {station.logs(each.run)}"
    nothing_is_left(afloat)


def test_one_that_hears_nothing_ends_when_it_is_cancelled(station: Station, toys: ToySites) -> None:
    """A thread that waits for a peer that never answers: the process does not wait for the thread, and nothing is left."""
    site = toys.make("deaf", {"toy": ", dwell: deaf"})
    run = station.run("full-backup", config=str(site.configuration))
    assert wait_until(lambda: "toy: deaf" in station.logs(run), seconds=400, interval=0.3), station.logs(run)
    station.cancel(run)
    assert station.ended(run)[0] == "CANCELLED", station.logs(run)
    nothing_is_left({"deaf": Afloat(run, site, [])})


def test_killed(station: Station, afloat: Mapping[str, Afloat]) -> None:
    """SIGKILL to each flow's process: the worker tells the server, and clears what the dead run left."""
    for each in afloat.values():
        os.kill(_engine(each.run), signal.SIGKILL)
    for phase, each in afloat.items():
        assert station.ended(each.run)[0] == "CRASHED", f"{phase}: {station.logs(each.run)}"
    nothing_is_left(afloat)


def test_their_workers_killed(station: Station, afloat: Mapping[str, Afloat]) -> None:
    """SIGKILL to both workers: their flows end, clear themselves away and say so; the next worker goes on."""
    for pool in ("backup", "verification"):
        os.kill(station.worker(pool), signal.SIGKILL)
    for phase, each in afloat.items():
        assert wait_until(lambda each=each: not family(each.run), seconds=180, interval=0.3), f"{phase}: {family(each.run)}"
    nothing_is_left(afloat)
    assert station.script("status").returncode == 1
    assert station.script("start").returncode == 0
    run = station.run("full-backup", config=str(_harmless(afloat["command"].site)))
    assert station.ended(run)[0] == "COMPLETED", station.logs(run)
    for phase, each in afloat.items():
        assert station.ended(each.run)[0] == "CRASHED", f"{phase}: {station.logs(each.run)}"


def nothing_is_left(afloat: Mapping[str, Afloat]) -> None:
    """No process, no container, no network, no directory, no half backup, and no lock that keeps the next backup out."""
    for phase, each in afloat.items():
        assert wait_until(lambda each=each: not family(each.run), seconds=180, interval=0.2), f"{phase}: {family(each.run)}"
        assert wait_until(lambda each=each: not each.site.containers(), seconds=180, interval=0.2), phase
        assert wait_until(lambda each=each: not any((each.site.state / "runs").iterdir()), seconds=180, interval=0.2), phase
        repository = each.site.open().repository
        assert [backup.id for backup in repository.backups()] == each.before, phase
        with runs.one_at_a_time(each.site.state, "toy"):
            pass
        _harmless(each.site)
        taken = each.site.open().back_up("toy", kind=None)
        assert [backup.id for backup in repository.backups()] == [*each.before, taken.id]
        # Asks for the repository alone, as prune does: a lock that a dead restic left would keep it out.
        repository.check()
        assert restic.locks(each.site.folder / repository.url) == [], phase


def _harmless(site: ToyFolder) -> object:
    """Let the site's toy dwell no more, and its restic go at full speed."""
    text = site.configuration.read_text()
    for dwell in ("command", "container", "drill", "deaf"):
        text = text.replace(f", dwell: {dwell}", "")
    if "repository-slowly" in text:
        (site.folder / "repository").symlink_to("repository-slowly")
        text = text.replace("repository-slowly", "repository")
    site.configuration.write_text(text)
    return site.configuration


def _executes(run: str, words: str) -> bool:
    return any(words in command for command in family(run).values())


def _engine(run: str) -> int:
    return next(process for process, command in family(run).items() if "prefect.engine" in command)
