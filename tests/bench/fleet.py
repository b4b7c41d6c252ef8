"""What a drill on a machine of a fleet costs besides itself: from one drill to the next, on one machine, less what the drill takes."""

import http
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from backups.machine.wait import wait_until
from backups.services import registry
from backups.services.registry import ServiceType
from backups.site import Site
from tests.bench.table import Row, at_most
from tests.e2e.server import slow_toy
from tests.servers import restic
from verification import verify

ROOT = Path(os.environ.get("BENCH_FLEET_ROOT", Path(__file__).parents[2]))
"""The code that is measured: another version's folder, to compare the two on one machine."""
_DRILLS = int(os.environ.get("BENCH_DRILLS", "12"))
_MACHINE = "bench-machine"
_IMAGE = "lifeboat/prometheus:3.5"


@dataclass
class _Server:
    url: str
    home: Path
    environment: dict[str, str]

    @property
    def settings(self) -> dict[str, str]:
        lines = (self.home / "prefect.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line[0] != "#")

    def ask(self, route: str, body: dict[str, Any] | None = None) -> Any:
        word = b64encode(self.settings["PREFECT_API_AUTH_STRING"].encode()).decode()
        headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
        if body is not None:
            client = uuid.uuid4().hex
            token = self.ask(f"csrf-token?client={client}")["token"]
            headers |= {"Prefect-Csrf-Client": client, "Prefect-Csrf-Token": token}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}/api/{route}", data=data, headers=headers)
        while True:
            try:
                with urllib.request.urlopen(asked, timeout=60) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as fault:
                # A busy SQLite; Prefect's own client asks again, too.
                if fault.code != http.HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                time.sleep(0.5)
            except TimeoutError:
                # Once SQLite left a question unanswered: what changes nothing is asked again, as Prefect's own client does.
                if body is not None:
                    raise


def rows() -> list[Row]:
    """Measure a verification of small services by one machine that runs one drill at a time, and tell the phases of its runs."""
    registry.SERVICE_TYPES["toy"] = ServiceType(slow_toy.SlowToySettings, slow_toy.make)
    shim = restic.install()
    folder = Path(tempfile.mkdtemp(prefix="lifeboat-bench-fleet-", dir=os.environ.get("BENCH_DIR")))
    try:
        config = _site(folder)
        with _server(folder) as server:
            before = _used()
            with _worker(server, folder, config):
                seconds, drill, phases = _measure(server, folder, config)
            used = (_used() - before) / _DRILLS
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(shim, ignore_errors=True)
    detail = f" (one every {seconds:.1f} s, of which the drill itself {drill:.1f} s; {used:.1f} s of the processor a drill, with the worker; {phases})"
    return [at_most("a drill on a machine of a fleet, besides the drill itself", seconds - drill, 3, " s", detail=detail)]


def _used() -> float:
    """Processor time of the programs that have ended, and of theirs."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def _site(folder: Path) -> Path:
    source = folder / "source"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(30_000))
    (folder / "key").write_text("bench\n")
    services = "".join(f"  toy-{n:02}: {{type: toy, image: '{_IMAGE}', source: '{source}'}}\n" for n in range(_DRILLS))
    config = folder / "lifeboat.yaml"
    config.write_text(
        f"state: {folder}/state\nrepository: {{url: {folder}/repository, password_file: {folder}/key}}\n"
        f"fleet: {{machines: {{{_MACHINE}: {{memory: 4GiB, disk: 4GiB, side_by_side: 1}}}}}}\nservices:\n{services}"
    )
    site = Site.open(config)
    for name in site.settings.services:
        site.back_up(name, kind="full")
    # As on any Monday but the first: how long they take is known.
    verify.verify(site, list(site.settings.services), selections=["latest"])
    return config


@contextmanager
def _server(folder: Path) -> Iterator[_Server]:
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text("from tests.e2e.server import hook\n\nhook.register()\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LIFEBOAT_", "RESTIC_", "PREFECT_"))}
    home = folder / "home"
    environment = clean | {
        "LIFEBOAT_SERVER_HOME": str(home),
        "LIFEBOAT_SERVER_PORT": str(port),
        "PYTHONPATH": f"{folder / 'hook'}:{ROOT}",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    home.mkdir()
    script = ROOT / "deployments" / "server" / "server.sh"
    try:
        subprocess.run([script, "start"], check=True, env=environment, cwd=home, stdout=subprocess.DEVNULL)
        yield _Server(f"http://127.0.0.1:{port}", home, environment)
    finally:
        subprocess.run([script, "stop"], check=False, env=environment, cwd=home, stdout=subprocess.DEVNULL)


@contextmanager
def _worker(server: _Server, folder: Path, config: Path) -> Iterator[None]:
    """The worker of the machine, as its systemd unit starts it."""
    unit = (ROOT / "deployments" / "server" / "systemd" / "lifeboat-worker-machine.service").read_text()
    known = [word for line in unit.splitlines() if line.startswith("Environment=PREFECT_") for word in line[12:].split()]
    # As machine.env has it, for the three drills at once that it has there.
    told = (ROOT / "deployments" / "server" / "systemd" / "machine.env").read_text()
    drills = int(next(line for line in told.splitlines() if line.startswith("LIFEBOAT_DRILLS=")).partition("=")[2]) // 3
    machine = {"LIFEBOAT_POOL": "verification", "LIFEBOAT_MACHINE": _MACHINE, "LIFEBOAT_DRILLS": str(drills)}
    begun = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    words = begun.removeprefix("ExecStart=").replace("/opt/lifeboat", str(ROOT))
    for name, value in machine.items():
        words = words.replace(f"${{{name}}}", value)
    (folder / "machine").mkdir()
    environment = {
        **server.environment,
        **server.settings,
        **dict(word.split("=", 1) for word in known),
        **machine,
        "PREFECT_HOME": str(folder / "machine"),
        "LIFEBOAT_CONFIG": str(config),
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
    }
    with (folder / "machine" / "log").open("wb") as log:
        worker = subprocess.Popen(
            words.split(), env=environment, cwd=folder / "machine", stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()


def _measure(server: _Server, folder: Path, config: Path) -> tuple[float, float, str]:
    def online() -> bool:
        workers = server.ask("work_pools/verification/workers/filter", {})
        return any(each["name"] == _MACHINE and each["status"] == "ONLINE" for each in workers)

    if not wait_until(online, seconds=120, interval=0.5):
        raise RuntimeError(f"the worker was not heard: {(folder / 'machine' / 'log').read_text()}")
    deployments = {each["name"]: each["id"] for each in server.ask("deployments/filter", {})}
    parameters = {"config": str(config), "backup": ["latest"], "out": str(folder / "out")}
    wanted = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    run = server.ask(f"deployments/{deployments['verification']}/create_flow_run", wanted)["id"]
    final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    if not wait_until(lambda: server.ask(f"flow_runs/{run}")["state"]["type"] in final, seconds=900, interval=1):
        raise RuntimeError("the verification did not end")
    state = server.ask(f"flow_runs/{run}")["state"]
    if state["type"] != "COMPLETED":
        raise RuntimeError(f"the verification ended as {state['type']}: {state['message']}")
    report = json.loads((folder / "out" / "report.json").read_text())
    drills = sorted(report["drills"], key=lambda each: each["started_at"])
    starts = [datetime.fromisoformat(each["started_at"]) for each in drills]
    took = statistics.median(sum(phase["seconds"] for phase in each["phases"]) for each in drills)
    # The first ones begin on a machine that is still starting.
    apart = [(later - earlier).total_seconds() for earlier, later in pairwise(starts[1:])]
    tag = f"verification:{run.replace('-', '')}"
    return statistics.mean(apart), took, _phases(server, tag, starts)


def _phases(server: _Server, tag: str, starts: list[datetime]) -> str:
    """Say from the states of the runs where the time goes, by medians."""
    spans: dict[str, list[float]] = {}
    runs = server.ask("flow_runs/filter", {"flow_runs": {"tags": {"all_": [tag]}}, "sort": "START_TIME_ASC"})
    before: datetime | None = None
    for run in runs:
        states = server.ask(f"flow_run_states/?flow_run_id={run['id']}")
        at = {each["type"]: datetime.fromisoformat(each["timestamp"]) for each in states}
        sent, taken, begun, ended = (at[name] for name in ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED"))
        mine = [each for each in starts if begun <= each <= ended]
        steps = {"sent": before and (sent - before), "taken": taken - sent, "running": begun - taken, "ended": ended - begun}
        if mine:
            steps["drilling"] = mine[0] - begun
        for name, span in steps.items():
            if span is not None:
                spans.setdefault(name, []).append(span.total_seconds())
        before = ended
    return ", ".join(f"{name} {statistics.median(each):.1f}" for name, each in spans.items())


if __name__ == "__main__":
    started = time.monotonic()
    for row in rows():
        print(row)
    print(f"{time.monotonic() - started:.0f} s")
