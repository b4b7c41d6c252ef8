"""A Prefect server with its workers, started as an operator starts it (`make server`), and sites of the toy service."""

import os
import random
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest

from backups.machine.wait import wait_until
from backups.services import registry
from backups.services.registry import ServiceType
from backups.site import Site
from tests.e2e.server import slow_toy
from tests.servers import leftovers, restic
from tests.servers.prefect import one_authority

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deployments" / "server" / "server.sh"
IMAGE = "lifeboat/prometheus:3.5"
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

_SLOW_RESTIC = """#!/bin/sh
# The real restic, held back when it saves for a site that wants it so.
case "$RESTIC_REPOSITORY" in *-slowly) export RESTIC_COMPRESSION=auto; exec OLDEST --limit-upload 20 "$@";; esac
exec RESTIC "$@"
"""
"""The oldest: once interrupted, 0.19 goes on until it has stored the packs at hand, which takes minutes at that speed."""


@dataclass
class Station:
    """The server and its workers. `environment` is what they were started with."""

    url: str
    home: Path
    environment: Mapping[str, str]

    def script(self, verb: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Call the script that `make server` calls, as in the background of another; `more` is added to its environment."""
        return subprocess.run(
            ["sh", "-c", 'trap \'\' INT; exec "$0" "$1"', SCRIPT, verb],
            check=False,
            env={**self.environment, **more},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=300,
        )

    @cached_property
    def password(self) -> tuple[str, str]:
        """Name and password, as `make server` has written them down."""
        settings = dict(line.split("=", 1) for line in (self.home / "prefect.env").read_text().splitlines() if line[0] != "#")
        name, _, password = settings["PREFECT_API_AUTH_STRING"].partition(":")
        return name, password

    @cached_property
    def token(self) -> dict[str, str]:
        """What a browser sends along with what changes something."""
        client = uuid.uuid4().hex
        return {"Prefect-Csrf-Client": client, "Prefect-Csrf-Token": self.get(f"csrf-token?client={client}")["token"]}

    def send(self, route: str, **body: Any) -> httpx.Response:
        # A busy SQLite refuses, or lets wait: Prefect's own client asks again, too. There is no TLS: no authorities need be read.
        transport = httpx.HTTPTransport(retries=3, verify=False)
        with httpx.Client(transport=transport, timeout=120, auth=self.password, headers=self.token) as client:
            for _ in range(60):
                answer = client.post(f"{self.url}/api/{route}", json=body)
                if answer.status_code != 503:
                    break
                time.sleep(0.5)
        return answer

    def post(self, route: str, **body: Any) -> Any:
        answer = self.send(route, **body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def get(self, route: str) -> Any:
        return httpx.get(f"{self.url}/api/{route}", timeout=120, auth=self.password, verify=False).raise_for_status().json()

    def deployments(self) -> dict[str, Any]:
        return {each["name"]: each for each in self.post("deployments/filter")}

    def run(self, deployment: str, **parameters: Any) -> str:
        """Press "Run"; returns the run's id."""
        chosen = self.deployments()[deployment]["id"]
        # The key makes asking twice the same as asking once.
        wanted = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "idempotency_key": uuid.uuid4().hex}
        return str(self.post(f"deployments/{chosen}/create_flow_run", **wanted)["id"])

    def state(self, run: str) -> tuple[str, str]:
        """A run's state: its type and its message."""
        state = self.get(f"flow_runs/{run}")["state"]
        return state["type"], state["message"] or ""

    def ended(self, run: str, seconds: float = 600) -> tuple[str, str]:
        """Wait for a run's end; returns its state. A killed run may hold its deployment's slot until its lease ends, in five minutes."""
        assert wait_until(lambda: self.state(run)[0] in FINAL, seconds=seconds, interval=0.5), (
            f"{self.state(run)}\n{self.logs(run)}"
        )
        return self.state(run)

    def logs(self, run: str) -> str:
        """What a run has said."""
        entries = self.post("logs/filter", logs={"flow_run_id": {"any_": [run]}}, sort="TIMESTAMP_ASC")
        return "\n".join(entry["message"] for entry in entries)

    def artifacts(self, run: str) -> dict[str, str]:
        found = self.post("artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
        return {each["key"]: str(each["data"]) for each in found}

    def cancel(self, run: str) -> None:
        """Press "Cancel"."""
        self.post(f"flow_runs/{run}/set_state", state={"type": "CANCELLING", "name": "Cancelling"}, force=False)

    def pause(self, deployment: str) -> None:
        """Press the deployment's switch: none of its schedules starts another run."""
        self.post(f"deployments/{deployment}/pause_deployment")

    def worker(self, pool: str) -> int:
        return int((self.home / f"worker-{pool}.pid").read_text())


@pytest.fixture(scope="package")
def databases() -> Iterator[ExitStack]:
    """What a server's database is started in: it ends after the server."""
    with ExitStack() as started:
        yield started


@pytest.fixture(scope="package")
def station(tmp_path_factory: pytest.TempPathFactory, databases: ExitStack) -> Iterator[Station]:
    """`make server` on a port of its own, with workers that know the toy and look for work often."""
    folder = tmp_path_factory.mktemp("station")
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text("from tests.e2e.server import hook\n\nhook.register()\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "restic").write_text(
        _SLOW_RESTIC.replace("RESTIC ", f"{shutil.which('restic')} ").replace("OLDEST", str(restic.programs()[-1]))
    )
    (folder / "bin" / "restic").chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LIFEBOAT_", "RESTIC_", "PREFECT_"))}
    environment = clean | {
        "LIFEBOAT_SERVER_HOME": str(folder / "home"),
        "LIFEBOAT_SERVER_PORT": str(port),
        "PATH": f"{folder / 'bin'}:{clean['PATH']}",
        "PYTHONPATH": f"{folder / 'hook'}:{ROOT}",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        leftovers.VARIABLE: str(os.getpid()),
        **one_authority(folder),
        # The quick scheduler forgets a deployment after seconds; this one sees it on its next round.
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "15",
    }
    (folder / "home").mkdir()
    station = Station(f"http://127.0.0.1:{port}", folder / "home", environment)
    try:
        begun = station.script("start")
        assert begun.returncode == 0, begun.stdout + begun.stderr
        assert f"Prefect is running: {station.url}" in begun.stdout
        yield station
    finally:
        station.script("stop")


@dataclass(frozen=True)
class ToySites:
    """Makes sites of toys: folders with lifeboat.yaml, source, repository and state."""

    folder: Path

    def make(self, name: str, services: Mapping[str, str], *, slowly: bool = False, more: str = "") -> "ToyFolder":
        """`services`: names and what is added to their sections. slowly: restic saves at 20 KiB a second."""
        site = ToyFolder(self.folder / name)
        site.source.mkdir(parents=True)
        (site.source / "noise.bin").write_bytes(random.Random(name).randbytes(12_000_000 if slowly else 30_000))
        (site.folder / "key").write_text("correct horse\n")
        sections = "".join(
            f"  {each}: {{type: toy, image: '{IMAGE}', source: '{site.source}'{added}}}\n" for each, added in services.items()
        )
        repository = "repository-slowly" if slowly else "repository"
        site.configuration.write_text(
            f"state: state\nrepository: {{url: {repository}, password_file: key}}\n{more}\nservices:\n{sections}"
        )
        return site


@dataclass(frozen=True)
class ToyFolder:
    """One site's folder."""

    folder: Path

    @property
    def configuration(self) -> Path:
        return self.folder / "lifeboat.yaml"

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def open(self) -> Site:
        return Site.open(self.configuration)

    def containers(self) -> list[str]:
        """What Docker holds of this site's runs."""
        return docker_of(self.state)


def docker_of(state: Path) -> list[str]:
    """The containers and networks of runs in a state directory."""
    label = f"label=lifeboat.state={state}"
    found = [["ps", "-aq", "--filter", label], ["network", "ls", "-q", "--filter", label]]
    return [line for arguments in found for line in _docker(*arguments).split()]


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToySites:
    """Sites of toys, known in this process too."""
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", ServiceType(slow_toy.SlowToySettings, slow_toy.make))
    return ToySites(tmp_path)


_members: dict[str, set[tuple[int, str]]] = {}
"""The processes that were seen of each flow run, by id and start: one whose parent has died is still one of them."""


def family(run: str) -> dict[int, str]:
    """The living processes of a flow run, its own and its commands': process ids and what they execute.

    Its own have its id in their environment. Commands inherit nothing of that, and are known by their parents.
    """
    mark = f"PREFECT__FLOW_RUN_ID={run}".encode()
    members, begun, parents = _members.setdefault(run, set()), {}, {}
    for process in (path for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            # Behind the program's name, which may hold anything: state, parent, …, start.
            stat = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
            begun[int(process.name)], parents[int(process.name)] = stat[19], int(stat[1])
            if mark in (process / "environ").read_bytes():
                members.add((int(process.name), stat[19]))
        except OSError:
            continue
    alive = {number for number, start in members if begun.get(number) == start}
    while born := {number for number, parent in parents.items() if parent in alive and number not in alive}:
        alive |= born
    members |= {(number, begun[number]) for number in alive}
    found = {}
    for number in alive:
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            continue
        if command:
            found[number] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout
