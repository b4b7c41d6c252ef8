"""Nine drills on three machines, one of which is killed: each is in the one evidence once."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backups.machine import runs
from backups.machine.wait import wait_until
from tests.e2e.server.conftest import ROOT, Station, ToyFolder, ToySites, docker_of
from verification.evidence import delivered, store
from verification.evidence.evidence import Evidence

pytestmark = pytest.mark.docker

MACHINES, SERVICES = ("m1", "m2", "m3"), ("toy-1", "toy-2", "toy-3")
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
        command = ["worker", "start", "--pool", "verification", "--work-queue", self.name, "--name", self.name, "--limit", "1"]
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
    """Its drill is run elsewhere, every drill is in the evidence once, and what it left is gone once it is back."""
    site = toys.make("site", dict.fromkeys(SERVICES, ""), more=FLEET)
    for name in SERVICES:
        site.open().back_up(name, kind="full")
    with fleet(station, site) as machines:
        first = machines["m1"]
        healthy = first.configuration.read_text()
        first.configuration.write_text(healthy.replace("{type: toy,", "{type: toy, dwell: drill,"))
        wanted = {"backup": ["latest", "worst", "random"], "together": False, "out": str(site.folder / "out")}
        assert wait_until(lambda: online(station) >= set(MACHINES), seconds=200, interval=0.5), "no machine is late for its drill"
        run = station.run("verification", config=str(site.configuration), **wanted)
        assert wait_until(lambda: bool(first.containers()), seconds=400, interval=0.3), station.logs(run)
        first.cut_the_power()
        left = first.containers()
        first.configuration.write_text(healthy)
        assert wait_until(lambda: "taken for dead; it is run again" in station.logs(run), seconds=120, interval=0.5), (
            station.logs(run)
        )
        first.start()
        assert station.ended(run)[0] == "COMPLETED", station.logs(run)
        require_whole(station, site, run, wanted)

        if set(left) & set(first.containers()):
            # The others were done with all drills before it was back: its next drill is of another verification.
            alone = site.folder / "alone.yaml"
            alone.write_text(re.sub(r"    m[23]: .*\n", "", site.configuration.read_text()))
            again = station.run("verification", config=str(alone), services=["toy-1"], backup=["latest"], together=False)
            assert station.ended(again)[0] == "COMPLETED", station.logs(again)
        assert wait_until(lambda: not set(left) & set(first.containers()), seconds=60, interval=0.3)


def online(station: Station) -> set[str]:
    """The workers that have reported."""
    workers = station.post("work_pools/verification/workers/filter")
    return {each["name"] for each in workers if each["status"] == "ONLINE"}


def require_whole(station: Station, site: ToyFolder, run: str, wanted: Mapping[str, Any]) -> None:
    """Raise unless every drill is in the one evidence once, and nothing is left of it elsewhere."""
    evidence = Evidence.model_validate_json((site.folder / "out" / "report.json").read_bytes())
    drilled = [(each.service, each.selection) for each in evidence.drills]
    assert sorted(drilled) == sorted((name, selection) for name in SERVICES for selection in wanted["backup"])
    assert {each.verdict for each in evidence.drills} == {"verified"}
    assert {each.machine for each in evidence.drills} >= {"m2", "m3"}
    sent = station.post("flow_runs/filter", flow_runs={"tags": {"all_": [f"verification:{run.replace('-', '')}"]}})
    # On a machine that is held up others may be taken for dead, too: more are sent then, and none is counted twice.
    ended = [each["state"]["type"] for each in sent]
    assert ended.count("COMPLETED") >= 9
    assert "CRASHED" in ended
    assert not {"SCHEDULED", "PENDING", "RUNNING", "FAILED"} & set(ended)
    assert "taken for dead; it is run again" in station.logs(run)
    repository = site.open().repository
    # What was taken for dead, and was not, may deliver after the end: that goes with a prune.
    late = station.logs(run).count("it is run again") - 1
    assert len(repository.snapshots(delivered.TAG)) <= late, "what was collected is removed"
    assert len(repository.snapshots(store.TAG)) == 1
