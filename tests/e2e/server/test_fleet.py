"""Nine drills on three machines, one of which is killed: each is in the one evidence once; and a coordinator that is killed goes on."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups.machine.wait import wait_until
from tests.e2e.server.conftest import ROOT, Station, ToyFolder, ToySites
from verification.evidence.evidence import Evidence
from verification.fleet import results

pytestmark = pytest.mark.docker

MACHINES = ("m1", "m2", "m3")
FLEET = """
fleet:
  silence: 5s
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
        password = dict(line.split("=", 1) for line in (self.station.home / "prefect.env").read_text().splitlines() if line[0] != "#")
        environment = {
            **self.station.environment,
            **password,
            "PREFECT_HOME": str(self.folder),
            "LIFEBOAT_MACHINE": self.name,
            "LIFEBOAT_CONFIG": str(self.configuration),
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "1",
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
            text.replace("url: repository", f"url: {site.folder}/repository").replace("password_file: key", f"password_file: {site.folder}/key")
        )
        machines[name] = Machine(name, folder, station, folder / "lifeboat.yaml")
    try:
        for machine in machines.values():
            machine.start()
        yield machines
    finally:
        for machine in machines.values():
            machine.cut_the_power()


def test_nine_drills_on_three_machines_of_which_one_is_killed(station: Station, toys: ToySites) -> None:
    site = toys.make("site", {"toy-1": "", "toy-2": "", "toy-3": ""}, more=FLEET)
    for name in ("toy-1", "toy-2", "toy-3"):
        site.open().back_up(name, kind="full")
    with fleet(station, site) as machines:
        run = station.run(
            "verification", config=str(site.configuration), backup=["latest", "worst", "random"], together=False, out=str(site.folder / "out")
        )
        assert station.ended(run)[0] == "COMPLETED", station.logs(run)
        evidence = Evidence.model_validate_json((site.folder / "out" / "report.json").read_bytes())
        print(station.logs(run))
    print([(each.service, each.selection, each.machine, each.verdict, each.reasons) for each in evidence.drills])
    assert len(evidence.drills) == 9
    assert site.open().repository.snapshots(results.TAG) == []
