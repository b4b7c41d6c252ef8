"""A real Prefect server in a process of its own, all its services running; and programs that use it as an operator's would."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest

from backups.machine.wait import wait_until
from tests import side_by_side

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys
from backups.services import registry
from tests.contract.toy_site import REGISTRY_LINE
registry.SERVICE_TYPES["toy"] = REGISTRY_LINE
"""
_COMMAND = _PROGRAM + "from flows.commands.main import main\nmain()"


@dataclass(frozen=True)
class Ended:
    """How a program ended: exit code, standard output, error output."""

    code: int
    out: str
    err: str


@dataclass
class PrefectServer:
    """A running server. `home` holds its database and log; `environment` is what a client needs."""

    url: str
    home: Path
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """End it as a power cut does; nothing more can be asked of it."""
        self.process.kill()
        self.process.wait()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_HOME": str(self.home / "client"),
            "DO_NOT_TRACK": "1",
            **one_authority(self.home),
        }

    def found(self, route: str, **filters: Any) -> list[Any]:
        """What the server holds under a route, as `/{route}/filter` tells it."""
        return self.post(f"{route}/filter", **filters).json()

    def events(self, prefix: str) -> list[Any]:
        """The events whose names begin with `prefix`, newest first."""
        wanted = {"filter": {"event": {"prefix": [prefix]}, "occurred": {}}, "limit": 50}
        return self.post("events/filter", **wanted).json()["events"]

    def post(self, route: str, **body: object) -> httpx.Response:
        """Post to a route; see `_ask`."""
        return self._ask("POST", route, json=body)

    def delete(self, route: str) -> None:
        """Delete what the server holds at a route; see `_ask`."""
        self._ask("DELETE", route)

    def _ask(self, method: str, route: str, **request: Any) -> httpx.Response:
        """As Prefect's own client does: 503 is a server whose database is busy, and asked again."""
        answers: list[httpx.Response] = []

        def taken() -> bool:
            # There is no TLS: the certificates of all the world need not be read.
            answers.append(httpx.request(method, f"{self.url}/api/{route}", timeout=120, verify=False, **request))
            return answers[-1].status_code != 503

        assert wait_until(taken, seconds=120, interval=0.5)
        # Gone already, where the first of two tries was taken after all.
        return answers[-1] if (method, answers[-1].status_code) == ("DELETE", 404) else answers[-1].raise_for_status()

    def lifeboat(self, *arguments: str, config: Path, environment: Mapping[str, str] = {}) -> Ended:
        """Type `lifeboat …`; the toy service is one of its types."""
        return self.python(_COMMAND, *arguments, environment={"LIFEBOAT_CONFIG": str(config), **environment})

    def python(self, program: str, *arguments: str, environment: Mapping[str, str] = {}) -> Ended:
        """Run a program of Python's, in the project's root, against this server."""
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=ROOT,
            env={**clean_environment(), **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@dataclass
class Listener:
    """Takes what a webhook is sent: the `text` of each message."""

    url: str
    messages: list[str] = field(default_factory=list)

    def heard(self, words: str) -> list[str]:
        return [message for message in self.messages if words in message]

    def wait_for(self, *words: str, seconds: float = 120) -> None:
        """Return once a message with each of `words` has come."""
        came = wait_until(lambda: all(self.heard(each) for each in words), seconds=seconds, interval=0.2)
        assert came, f"{[each for each in words if not self.heard(each)]} did not come; heard: {self.messages}"


StartPrefect = Callable[..., PrefectServer]


@contextmanager
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPrefect]:
    started: list[subprocess.Popen[bytes]] = []

    def start(**settings: str) -> PrefectServer:
        home = tmp_path_factory.mktemp("prefect")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            # Silence is looked for every 5 s otherwise; tests have windows of seconds.
            "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
            **settings,
        }
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "prefect", "server", "start"]
        with (home / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                env={**clean_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        started.append(process)
        server = PrefectServer(f"http://127.0.0.1:{port}", home, process)
        assert wait_until(lambda: _healthy(server, process), seconds=300, interval=0.3), (home / "server.log").read_text()
        return server

    try:
        yield start
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def prefect_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPrefect]:
    """Start a server on a database of its own: `prefect_factory(**settings)`. All end with the file's tests: one computes all the time."""
    with _servers(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def prefect_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """The server that tests share."""
    with side_by_side.until_their_end("prefect_process") as stack:
        yield stack.enter_context(_servers(tmp_path_factory))()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A webhook's other end."""
    heard = Listener("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.messages.append(json.loads(body)["text"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield heard
        server.shutdown()
        thread.join()


def one_authority(folder: Path) -> dict[str, str]:
    """Settings by which a client of a server without TLS reads one certificate when it starts, not those of all the world's authorities."""
    file = folder / "authority.pem"
    if not file.exists():
        first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----\n")
        file.write_text(first + end)
    return {"SSL_CERT_FILE": str(file), "PREFECT_API_SSL_CERT_FILE": str(file)}


def clean_environment() -> dict[str, str]:
    """This process's environment, less whatever would configure Lifeboat, restic or Prefect."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LIFEBOAT_", "RESTIC_", "PREFECT_"))}


def _healthy(server: PrefectServer, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"the server ended: {(server.home / 'server.log').read_text()}"
    try:
        return httpx.get(f"{server.url}/api/health", timeout=5, verify=False).status_code == 200
    except httpx.HTTPError:
        return False


def toy_program(lines: Sequence[str]) -> str:
    """A program that knows the toy service."""
    return _PROGRAM + "\n".join(lines)
