"""What a real Prefect server is asked: who works for a pool, and which runs of the watch are old enough to go."""

import json
import threading
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from backups.machine.wait import wait_until
from tasks.maintenance import settable
from tests.contract.toy_site import ToySite
from tests.servers.prefect import ROOT, PrefectServer, StartPrefect, toy_program

_DELETE = """
import sys
from datetime import UTC, datetime, timedelta

from tasks import maintenance
maintenance._BATCH, maintenance._MOST = 2, int(sys.argv[2])
print(maintenance.delete_old_watches(now=datetime.now(UTC) + timedelta(days=int(sys.argv[1]))))
"""


@pytest.fixture(scope="module")
def server(prefect_factory: StartPrefect) -> PrefectServer:
    """Its own: the runs and the pools of others would be in the way."""
    return prefect_factory()


def post(server: PrefectServer, route: str, **body: object) -> dict[str, object]:
    answer = server.post(route, **body)
    return answer.json() if answer.content else {}


def run_of(server: PrefectServer, flow: str, state: str, *tags: str) -> str:
    flow_id = post(server, "flows/", name=flow)["id"]
    run = post(server, "flow_runs/", flow_id=flow_id, tags=list(tags), name=f"{flow} {state} {' '.join(tags)}")
    for step in ("RUNNING", state):
        post(server, f"flow_runs/{run['id']}/set_state", state={"type": step}, force=True)
    return str(run["id"])


def test_old_finished_runs_of_the_watch_go_in_batches_and_nothing_else_does(server: PrefectServer) -> None:
    going = {
        run_of(server, "watch", state, "lifeboat", "watch") for state in ("COMPLETED", "FAILED", "CRASHED", "COMPLETED", "FAILED")
    }
    staying = {
        run_of(server, "watch", "RUNNING", "lifeboat", "watch"),
        run_of(server, "watch", "COMPLETED", "somebody-else"),
        run_of(server, "backup", "COMPLETED", "lifeboat", "backup"),
        run_of(server, "other", "COMPLETED", "lifeboat", "watch"),
    }

    def held() -> set[str]:
        return {run["id"] for run in server.found("flow_runs")}

    def delete(days: int, most: int) -> str:
        done = server.python(_DELETE, str(days), str(most))
        assert done.code == 0, done.err
        return done.out.strip()

    assert delete(30, 100) == "0", "they are not old yet"
    assert held() == going | staying
    assert delete(32, 3) == "3", "never more than it may"
    assert staying < held()
    assert delete(32, 100) == "2"
    assert held() == staying


def test_the_doctor_tells_of_pools_that_nobody_works_for(server: PrefectServer, toy: ToySite) -> None:
    def doctor() -> str:
        return server.lifeboat("doctor", config=toy.folder / "lifeboat.yaml").out

    assert "✗ work pool backup: it is not there" in doctor()
    ours = json.loads((ROOT / "deployments" / "server" / "work-pool.json").read_text())
    prefects = {
        "job_configuration": {"command": "{{ command }}", "env": "{{ env }}", "stream_output": True},
        "variables": {"type": "object", "properties": {"command": {"type": "string"}, "env": {"type": "object"}}},
    }
    post(server, "work_pools/", name="backup", type="process", base_job_template=prefects)
    post(server, "work_pools/", name="verification", type="process", base_job_template=ours)
    post(server, "work_pools/backup/workers/heartbeat", name="one")
    told = doctor()
    assert "✗ work pool backup: whoever starts a run there may set its command and env: any program, as the worker's user" in told
    assert "prefect work-pool update backup --base-job-template deployments/server/work-pool.json" in told
    assert "work pool verification: whoever" not in told
    assert "✗ Prefect: its server asks for no password: whoever reaches it is root on the workers' machines" in told
    assert "✓ work pool backup: a worker was heard" in told
    assert "✗ work pool verification: no worker was ever heard" in told
    assert "prefect worker start --pool verification" in told


def test_the_doctor_tells_of_machines_without_a_worker_and_of_the_database(server: PrefectServer, toy: ToySite) -> None:
    """One is heard, one never was, a pool nobody serves; and a fleet whose server has SQLite."""
    machines = "{m1: {memory: 4GiB, disk: 4GiB}, m2: {pool: big, memory: 4GiB, disk: 4GiB}}"
    toy.configure(more=f"fleet: {{machines: {machines}}}", service=", pool: huge")
    ours = json.loads((ROOT / "deployments" / "server" / "work-pool.json").read_text())
    if not server.found("work_pools", work_pools={"name": {"any_": ["verification"]}}):
        post(server, "work_pools/", name="verification", type="process", base_job_template=ours)
    post(server, "work_pools/verification/workers/heartbeat", name="m1")
    told = server.lifeboat("doctor", config=toy.folder / "lifeboat.yaml").out
    assert "✓ machine m1: its worker was heard" in told
    assert "✗ work pool verification: no worker was ever heard" in told, "a machine's worker begins no verification"
    assert "prefect worker start --pool verification --work-queue default" in told
    assert "✗ machine m2: no worker of that name was ever heard in the pool big: it gets no drill" in told
    assert "PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30 prefect worker start --pool big --work-queue m2 --name m2 --limit 6" in told
    assert "✗ work pool big: it is not there" in told
    assert "✗ pool of toy: no machine under fleet.machines serves its pool huge" in told
    assert "its server keeps its data in SQLite, unless it was given the address of another database; for a fleet" in told


@pytest.mark.parametrize(("ahead", "found"), [(600, "✗ machine m1: its worker was not heard for 10 min"), (0, "✓ machine m1")])
def test_the_doctor_goes_by_the_servers_clock_whatever_its_own_is(
    server: PrefectServer, toy: ToySite, ahead: int, found: str
) -> None:
    """What the server says that it is with its answers: the times of heartbeats are by that one."""

    class Forwards(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = httpx.request(
                self.command,
                f"{server.url}{self.path}",
                content=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                headers={"Content-Type": "application/json"},
                timeout=60,
                verify=False,
            )
            self.send_response_only(asked.status_code)
            self.send_header("Date", formatdate(parsedate_to_datetime(asked.headers["date"]).timestamp() + ahead, usegmt=True))
            self.send_header("Content-Length", str(len(asked.content)))
            self.end_headers()
            self.wfile.write(asked.content)

        do_POST = do_GET  # noqa: N815 - as the base class calls it

        def log_message(self, *arguments: object) -> None:
            pass

    toy.configure(more="fleet: {machines: {m1: {memory: 4GiB, disk: 4GiB}}}")
    ours = json.loads((ROOT / "deployments" / "server" / "work-pool.json").read_text())
    if not server.found("work_pools", work_pools={"name": {"any_": ["verification"]}}):
        post(server, "work_pools/", name="verification", type="process", base_job_template=ours)
    with ThreadingHTTPServer(("127.0.0.1", 0), Forwards) as clock:
        thread = threading.Thread(target=clock.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        post(server, "work_pools/verification/workers/heartbeat", name="m1")
        there = {"PREFECT_API_URL": f"http://127.0.0.1:{clock.server_address[1]}/api"}
        told = server.lifeboat("doctor", config=toy.folder / "lifeboat.yaml", environment=there).out
        clock.shutdown()
        thread.join()
    assert found in told, told


@pytest.mark.parametrize(
    ("configuration", "properties", "more", "found"),
    [
        ({"command": "{{ command }}"}, {"command": {}}, {}, ["command"]),
        ({"command": "nice {{ command }} -x"}, {"command": {}}, {}, ["command"]),
        ({"command": "python -m prefect.engine"}, {"command": {}}, {}, []),
        ({"env": {"A": "b"}}, {}, {}, ["env"]),
        ({"env": {"A": "b"}}, {}, {"additionalProperties": False}, []),
        ({"env": {"A": "{{ level }}"}, "working_dir": "{{working_dir}}"}, {"working_dir": {}}, {}, ["env", "working_dir"]),
        ({}, {}, {}, []),
    ],
)
def test_what_a_pool_lets_a_run_set_is_read_from_its_template(
    configuration: dict[str, object], properties: dict[str, object], more: dict[str, object], found: list[str]
) -> None:
    """Prefect adds a run's `env` to a fixed one, too."""
    assert settable({"job_configuration": configuration, "variables": {"properties": properties, **more}}) == found


def test_the_doctor_tells_of_a_server_that_is_away(server: PrefectServer, toy: ToySite) -> None:
    away = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    told = server.lifeboat("doctor", config=toy.folder / "lifeboat.yaml", environment=away)
    assert "✗ Prefect: the Prefect server at http://127.0.0.1:9/api does not answer" in told.out
    assert told.code == 1


_BACKUP = toy_program(
    """
import sys, time
from pathlib import Path
from tests.contract.toy import ToyService
from flows.commands.main import main
capture, folder = ToyService.capture, Path(sys.argv.pop())
def when_the_server_is_gone(self, job):
    (folder / "capturing").touch()
    while not (folder / "gone").exists():
        time.sleep(0.1)
    return capture(self, job)
ToyService.capture = when_the_server_is_gone
main()
""".splitlines()
)


def test_a_server_that_dies_in_the_middle_of_a_backup_is_told_with_what_was_taken(
    server: PrefectServer, toy: ToySite, tmp_path: Path
) -> None:
    """The last test here: the server is killed while the toy is captured. The backup is in the repository; it is no bug."""
    before = {backup.id for backup in toy.open().repository.backups()}

    def kill() -> None:
        assert wait_until((tmp_path / "capturing").exists, seconds=200)
        server.kill()
        (tmp_path / "gone").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    quick = {"PREFECT_CLIENT_MAX_RETRIES": "0", "LIFEBOAT_CONFIG": str(toy.folder / "lifeboat.yaml")}
    told = server.python(_BACKUP, "backup", str(tmp_path), environment=quick)
    killer.join()
    (taken,) = {backup.id for backup in toy.open().repository.backups()} - before
    assert told.code == 2, told.err
    assert f"the Prefect server at {server.url}/api went away; the backups taken: {taken}" in " ".join(told.err.split())
    assert "bug in Lifeboat" not in told.err + told.out
    assert "Traceback" not in told.out
