"""Nine drills on three machines, one of which is killed: each is in the one evidence once."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups.machine import runs
from backups.machine.wait import wait_until
from tests.e2e.server.conftest import FINAL, ROOT, Station, ToyFolder, ToySites, docker_of
from verification.evidence import delivered, store
from verification.evidence.evidence import Evidence

pytestmark = pytest.mark.docker

MACHINES, SERVICES = ("m1", "m2", "m3"), ("toy-1", "toy-2", "toy-3")
NINE = tuple(f"toy-{number}" for number in range(1, 10))
FLEET = """
fleet:
  silence: 30s
  machines:
    m1: {memory: 4GiB, disk: 4GiB, side_by_side: 1}
    m2: {memory: 4GiB, disk: 4GiB, side_by_side: 1}
    m3: {memory: 4GiB, disk: 4GiB, side_by_side: 1}
"""


@dataclass
class Machine:
    """A worker with a state directory, a configuration and a name of its own, on this machine."""

    name: str
    folder: Path
    station: Station
    configuration: Path

    def start(self) -> None:
        password = dict(
            line.split("=", 1) for line in (self.station.home / "prefect.env").read_text().splitlines() if line[0] != "#"
        )
        environment = {
            **self.station.environment,
            **password,
            "PREFECT_HOME": str(self.folder),
            "LIFEBOAT_MACHINE": self.name,
            "LIFEBOAT_CONFIG": str(self.configuration),
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "3",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        }
        command = ["worker", "start", "--pool", "verification", "--work-queue", self.name, "--name", self.name, "--limit", "2"]
        with (self.folder / "log").open("ab") as log:
            subprocess.Popen(
                [ROOT / ".venv" / "bin" / "prefect", *command],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def processes(self) -> list[int]:
        """Its worker, and all that the worker has started."""
        found = []
        for process in (path for path in Path("/proc").iterdir() if path.name.isdigit()):
            with suppress(OSError):
                environment = (process / "environ").read_bytes()
                if b"LIFEBOAT_MACHINE=%s\0" % self.name.encode() in environment and str(self.folder).encode() in environment:
                    found.append(int(process.name))
        return found

    def containers(self) -> list[str]:
        """What Docker holds of its runs."""
        return docker_of(self.folder / "state")

    def cut_the_power(self) -> None:
        """Nothing of it says a word any more."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(process, number)


@contextmanager
def fleet(station: Station, site: ToyFolder) -> Iterator[dict[str, Machine]]:
    """Machines that have the repository's key, and a state directory of their own."""
    machines = {}
    for name in MACHINES:
        folder = site.folder / name
        folder.mkdir()
        text = site.configuration.read_text().replace("state: state", f"state: {folder}/state")
        (folder / "lifeboat.yaml").write_text(
            text.replace("url: repository", f"url: {site.folder}/repository").replace(
                "password_file: key", f"password_file: {site.folder}/key"
            )
        )
        machines[name] = Machine(name, folder, station, folder / "lifeboat.yaml")
    try:
        for machine in machines.values():
            machine.start()
        yield machines
    finally:
        for machine in machines.values():
            machine.cut_the_power()
            runs.reap(machine.folder / "state")


def test_nine_drills_on_three_machines_of_which_one_is_killed(station: Station, toys: ToySites) -> None:
    """Its drill is run elsewhere, every drill is in the one evidence once, and what it left is gone with the next run there.

    At the next verification the machines that are left do short drills several in one run.

    Of each service one backup is there: the usual drills of the latest and the worst are one.

    On a machine that is held up others may be taken for dead, too: what must hold, holds then as well.
    """
    site = toys.make("site", dict.fromkeys(NINE, ""), more=FLEET)
    for name in NINE:
        site.open().back_up(name, kind="full")
    with fleet(station, site) as machines:
        first = machines["m1"]
        first.configuration.write_text(first.configuration.read_text().replace("{type: toy,", "{type: toy, dwell: drill,"))
        assert wait_until(lambda: online(station) >= set(MACHINES), seconds=300, interval=0.5)
        wanted = {"together": False, "out": str(site.folder / "out")}
        run = station.run("verification", config=str(site.configuration), **wanted)
        assert wait_until(lambda: bool(first.containers()), seconds=400, interval=0.5), station.logs(run)
        first.cut_the_power()
        assert station.ended(run)[0] == "COMPLETED", station.logs(run)

        evidence = Evidence.model_validate_json((site.folder / "out" / "report.json").read_bytes())
        drilled = [(each.service, each.chosen) for each in evidence.drills]
        assert sorted(drilled) == [(name, "latest and worst") for name in NINE]
        assert {each.verdict for each in evidence.drills} == {"verified"}
        assert {each.machine for each in evidence.drills} <= {"m2", "m3"}
        assert "taken for dead; it is run again" in station.logs(run)
        # A cancelled run is its worker's to end.
        assert wait_until(lambda: set(states(station, run)) <= {*FINAL, "CANCELLING"}, seconds=60, interval=0.5), states(
            station, run
        )
        assert "CRASHED" in states(station, run)
        repository = site.open().repository
        assert len(repository.snapshots(store.TAG)) == 1
        # What was taken for dead, and was not, may deliver later than that.
        assert len(repository.snapshots(delivered.TAG)) < len(drilled), "what was collected is removed"

        # How long they take is known from now on.
        run = station.run("verification", config=str(site.configuration), **wanted)
        assert station.ended(run)[0] == "COMPLETED", station.logs(run)
        evidence = Evidence.model_validate_json((site.folder / "out" / "report.json").read_bytes())
        assert {(each.service, each.chosen): each.verdict for each in evidence.drills} == dict.fromkeys(drilled, "verified")
        assert len(states(station, run)) < len(drilled), "short ones are sent several in one run"

        assert first.containers(), "nobody else touches what is of that machine"
        assert wait_until(lambda: gone(first), seconds=60, interval=0.5)


def gone(machine: Machine) -> bool:
    """Do what the next drill on a machine does first, and look whether nothing of a dead one is left."""
    runs.reap(machine.folder / "state")
    return not machine.containers()


def online(station: Station) -> set[str]:
    """The workers that have reported, and are thought alive."""
    workers = station.post("work_pools/verification/workers/filter")
    return {each["name"] for each in workers if each["status"] == "ONLINE"}


def states(station: Station, run: str) -> list[str]:
    """Those of all the runs that a verification has sent to machines."""
    sent = station.post("flow_runs/filter", flow_runs={"tags": {"all_": [f"verification:{run.replace('-', '')}"]}})
    return [each["state"]["type"] for each in sent]
