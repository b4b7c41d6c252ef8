"""The coordinator of a fleet is killed, and Retry is pressed: the same verification goes on, and drills nothing twice."""

import os
import signal
import subprocess
from contextlib import suppress

import pytest

from backups.machine.wait import wait_until
from tests.e2e.server.conftest import FINAL, Station, ToySites, family
from tests.e2e.server.test_fleet import SERVICES, fleet, online, states
from verification.evidence.evidence import Evidence

pytestmark = pytest.mark.docker

ONE = """
fleet:
  machines:
    m1: {memory: 4GiB, disk: 4GiB, side_by_side: 1}
"""


def test_retry_of_a_killed_coordinator_goes_on_where_it_was(station: Station, toys: ToySites) -> None:
    """Pressed when its worker has done with the killed one, as docs/fleet.md says; before that the worker ends the new one with it."""
    site = toys.make("site", dict.fromkeys(SERVICES, ""), more=ONE)
    for name in SERVICES:
        site.open().back_up(name, kind="full")
    with fleet(station, site) as machines:
        first = machines["m1"]
        first.configuration.write_text(first.configuration.read_text().replace("{type: toy,", "{type: toy, dwell: drill,"))
        assert wait_until(lambda: online(station) >= {"m1"}, seconds=300, interval=0.5)
        wanted = {"backup": ["latest"], "together": False, "out": str(site.folder / "out")}
        run = station.run("verification", config=str(site.configuration), **wanted)
        assert wait_until(lambda: bool(first.containers()), seconds=400, interval=0.5), station.logs(run)
        for process in family(run):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        assert wait_until(lambda: done_with(station, run), seconds=300, interval=0.5), station.logs(run)
        assert station.state(run)[0] == "CRASHED"
        assert "RUNNING" in states(station, run), "what it sent goes on"

        retried = {"type": "SCHEDULED", "name": "AwaitingRetry"}
        station.post(f"flow_runs/{run}/set_state", state=retried, force=True)
        assert wait_until(lambda: "this verification goes on: " in station.logs(run), seconds=300, interval=0.5), station.logs(
            run
        )

        def ended() -> bool:
            """The command of a copy ends, and its drill with it, as if that had taken its time."""
            subprocess.run(["docker", "kill", *first.containers()], check=False, capture_output=True)
            return station.state(run)[0] in FINAL

        assert wait_until(ended, seconds=400, interval=1), station.logs(run)
        assert station.state(run)[0] == "COMPLETED", station.logs(run)
        assert len(states(station, run)) == len(SERVICES), "nothing was sent again"
    evidence = Evidence.model_validate_json((site.folder / "out" / "report.json").read_bytes())
    assert sorted((each.service, each.verdict) for each in evidence.drills) == [(name, "verified") for name in SERVICES]


def done_with(station: Station, run: str) -> bool:
    """Whether the worker has done with a run's process: it reports a killed one twice, and this comes after the second time."""
    wanted = {"event": {"name": ["prefect.worker.executed-flow-run"]}, "related": {"id": [f"prefect.flow-run.{run}"]}}
    return bool(station.post("events/filter", filter=wanted, limit=1)["events"])
