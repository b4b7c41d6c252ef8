"""Who is not let in by the server of `make server`: whoever has no password, pages of others, and a command of a run's own."""

import asyncio
import json
import os
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.e2e.server.conftest import ROOT, Station, ToySites
from tests.servers import postgresql

pytestmark = pytest.mark.docker

OPEN = {"/health", "/ready"}
"""What says only that the server is there."""


def test_nobody_without_the_password_is_told_or_does_anything(station: Station) -> None:
    """Every route of the API as the server itself lists them, without a password, with a wrong one, and with half of it."""
    routes = httpx.get(f"{station.url}/openapi.json", timeout=60).json()["paths"]
    assert len(routes) > 100
    answers = {}
    with httpx.Client(base_url=station.url, timeout=60) as client:
        for path, methods in routes.items():
            asked = path.removeprefix("/api").replace("{id}", "00000000-0000-0000-0000-000000000000")
            for method in set(methods) & {"get", "post", "put", "patch", "delete"} if asked not in OPEN else ():
                answers[method, asked] = client.request(method, f"/api{asked}", headers=station.token).status_code
        for wrong in (("lifeboat", ""), ("lifeboat", "x"), ("", station.password[1])):
            answers["get", str(wrong)] = client.get("/api/admin/settings", auth=wrong).status_code
        forged = {"Host": "evil.example", "Authorization": "Bearer x"}
        answers["get", "forged"] = client.get("/api/admin/settings", headers=forged).status_code
    assert set(answers.values()) == {401}, {asked: status for asked, status in answers.items() if status != 401}
    assert station.get("admin/version"), "with the password it answers"


def test_no_websocket_opens_without_the_password(station: Station) -> None:
    """Events in and out and the log: refused at once, without a word or with a wrong one."""

    async def answer(route: str, subprotocols: list[Any] | None, message: object) -> str:
        try:
            async with websockets.connect(
                f"{station.url.replace('http', 'ws')}/api/{route}", subprotocols=subprotocols, proxy=None
            ) as socket:
                await socket.send(json.dumps(message))
                return str(await socket.recv())
        except websockets.exceptions.InvalidStatus as refused:
            return str(refused.response.status_code)
        except websockets.exceptions.ConnectionClosed as closed:
            return str(closed.rcvd.code if closed.rcvd else None)

    right = {"type": "auth", "token": ":".join(station.password)}
    for route in ("events/in", "events/out", "logs/out"):
        assert asyncio.run(answer(route, None, right)) == "403"
        for wrong in ({"type": "auth"}, {"type": "auth", "token": "lifeboat:x"}, {"event": "mine"}):
            assert asyncio.run(answer(route, [websockets.Subprotocol("prefect")], wrong)) == "1008", route
    assert "auth_success" in asyncio.run(answer("events/out", [websockets.Subprotocol("prefect")], right))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_somebody_else_may_not_ask(station: Station, origin: str) -> None:
    """The preflight of another origin is refused; with the password that a browser had remembered, nothing is changed."""
    wanted = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = httpx.options(f"{station.url}/api/flow_runs/", headers=wanted, timeout=60)
    assert preflight.status_code == 400
    answer = httpx.get(f"{station.url}/api/admin/version", headers={"Origin": origin}, auth=station.password, timeout=60)
    assert not {preflight.headers.get("access-control-allow-origin"), answer.headers.get("access-control-allow-origin")} - {None}
    posted = httpx.post(f"{station.url}/api/flow_runs/filter", json={}, auth=station.password, timeout=60)
    assert posted.status_code == 403, "without the token that only the UI's own pages can read"


def test_the_ui_may_ask(station: Station) -> None:
    wanted = {"Origin": station.url, "Access-Control-Request-Method": "POST"}
    assert httpx.options(f"{station.url}/api/flow_runs/", headers=wanted, timeout=60).is_success


@pytest.mark.parametrize(
    "variables",
    [
        {"command": "touch {mark}"},
        {"env": {"PYTHONPATH": "{mark}"}},
        {"env.PYTHONPATH": "{mark}"},
        {"working_dir": "{mark}"},
        {"labels": {"a": "b"}},
        {"name": "x"},
        {"stream_output": False},
        {"anything": 1},
    ],
    ids=lambda each: next(iter(each)),
)
def test_a_run_takes_no_command_and_no_environment(station: Station, toys: ToySites, variables: dict[str, Any]) -> None:
    """Who may start what is deployed cannot say how: refused for a run, and for a deployment that is made or changed."""
    mark = toys.folder / "mark"
    said = json.loads(json.dumps(variables).replace("{mark}", str(mark)))
    deployment = station.deployments()["incremental-backup"]
    run = station.send(f"deployments/{deployment['id']}/create_flow_run", job_variables=said, parameters={"config": "/none"})
    assert run.status_code == 422, run.text
    made = station.send(
        "deployments/", name="mine", flow_id=deployment["flow_id"], work_pool_name="backup", job_variables=said, entrypoint="a.b"
    )
    assert made.status_code == 422, made.text
    assert not mark.exists()


def test_the_password_is_random_and_only_root_reads_it(station: Station) -> None:
    """It is in no command line and no log, and the home is root's alone."""
    password = station.password[1]
    assert len(set(password)) > 8
    assert len(password) == 48
    assert stat.S_IMODE((station.home / "prefect.env").stat().st_mode) == 0o600
    assert stat.S_IMODE(station.home.stat().st_mode) == 0o700
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                assert password.encode() not in (process / "cmdline").read_bytes()
            except OSError:
                continue
    for log in station.home.glob("*.log"):
        assert password not in log.read_text(), log


def test_the_doctor_finds_nothing_to_mend_about_the_server(station: Station, toys: ToySites) -> None:
    """It finds the password in the environment, as `this shell` of `make server` has it; both pools take no command."""
    site = toys.make("site", {"toy": ""})
    settings = f"set -a; . {station.home / 'prefect.env'}; set +a; exec lifeboat doctor --config {site.configuration}"
    path = f"{ROOT / '.venv' / 'bin'}:{station.environment['PATH']}"
    told = subprocess.run(
        ["sh", "-c", settings], env={**station.environment, "PATH": path}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "✓ work pool backup: a worker was heard" in told.stdout, told.stdout + told.stderr
    assert "✗ work pool" not in told.stdout
    assert "✗ Prefect" not in told.stdout


def test_a_home_of_before_gets_a_password_and_its_server_is_started_again_on_postgresql(
    station: Station, databases: ExitStack
) -> None:
    """`make server` after an update, with an address: what ran without a password ends, and what is deployed is in that database.

    The tests that follow have a server on PostgreSQL; those before had it on SQLite.
    """
    database = databases.enter_context(postgresql.running())
    settings, before = station.home / "prefect.env", station.worker("backup")
    settings.unlink()
    old = station.password
    begun = station.script("start", LIFEBOAT_SERVER_DATABASE=database.address)
    assert begun.returncode == 0, begun.stdout + begun.stderr
    assert "database       PostgreSQL" in begun.stdout
    assert station.worker("backup") != before
    del station.__dict__["password"], station.__dict__["token"]
    assert station.password != old
    assert httpx.get(f"{station.url}/api/admin/version", auth=old, timeout=60).status_code == 401
    assert station.get("admin/version")
    assert set(station.deployments()) == set(database.column("SELECT name FROM deployment")) > {"verification", "drill"}
    assert stat.S_IMODE((station.home / "database.env").stat().st_mode) == 0o600
