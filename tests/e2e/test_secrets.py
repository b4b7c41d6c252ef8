"""No secret leaks: marked ones are planted everywhere a user may put one, everything is run, and then everything is searched.

Searched are the Prefect server's database and log, all output, the state directory, reports, the repository's tags, manifests and
evidence, the process list and the containers' settings while it ran.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from os.path import commonprefix
from pathlib import Path

import pytest
import yaml

from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from tests.contract.toy_site import IMAGE
from tests.integration.grafana.api.harness import built
from tests.servers.command_lines import command_lines
from tests.servers.grafana import IMAGE as GRAFANA_IMAGE
from tests.servers.mysql import IMAGE as MYSQL_IMAGE
from tests.servers.mysql import PRIVILEGES, MySQLServer
from tests.servers.prefect import ROOT, Listener, PrefectServer, StartPrefect, clean_environment

MARKS = {
    name: f"leaked{number}{name.replace(' ', '')}Zq7"
    for number, name in enumerate(
        [
            "repository password file",
            "repository environment",
            "repository environment variable",
            "service variable",
            "service literal",
            "wrong service password",
            "wrong repository password",
            "url password",
            "webhook",
            "worker environment",
            "grafana token",
            "wrong grafana password",
        ]
    )
}
_DEBUG = {
    "LIFEBOAT_DEBUG": "1",
    "PREFECT_LOGGING_LEVEL": "DEBUG",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "backups,verification",
}


def _base64(mark: str) -> list[str]:
    """What every base64 of a text around the mark holds, wherever in it the mark begins."""
    return [b64encode(b"x" * shift + mark.encode())[4 * bool(shift) : -4].decode() for shift in range(3)]


_ANY = re.compile(
    "|".join(
        f"(?P<{name.replace(' ', '_')}>(?i:{mark}|{mark.encode().hex()})|{'|'.join(map(re.escape, _base64(mark)))})"
        for name, mark in MARKS.items()
    ).encode()
)


_BEGINNING = commonprefix(list(MARKS.values()))  # noqa: RUF071 - by characters, as is meant
_IN_ANY_CASE = (_BEGINNING.lower().encode(), _BEGINNING.encode().hex().encode())
_IN_BASE64 = tuple(commonprefix(shifted).encode() for shifted in zip(*map(_base64, MARKS.values()), strict=True))  # noqa: RUF071


def found_in(text: str | bytes) -> list[str]:
    """The names of the marks that a text holds: as they are, in any case, or in base64 or hexadecimal, which hide nothing."""
    content = text if isinstance(text, bytes) else text.encode()
    # What holds no mark's beginning holds no mark. The expression takes a third of a second for a megabyte, and a hundred are searched.
    lower = content.lower()
    if not any(each in lower for each in _IN_ANY_CASE) and not any(each in content for each in _IN_BASE64):
        return []
    return sorted({str(match.lastgroup).replace("_", " ") for match in _ANY.finditer(content)})


def leaks_below(directory: Path) -> dict[str, list[str]]:
    """Which files below a directory hold a mark."""
    found = {}
    for path in (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()):
        if held := found_in(path.read_bytes()):
            found[str(path)] = held
    return found


@contextmanager
def watched() -> Iterator[set[str]]:
    """Look at every process's arguments, and every container's settings, all the while; yields what held a mark."""
    seen: set[str] = set()
    # Told of each container as it is made, and of those of the seconds before: to ask five times a second costs a fifth of a core.
    told = ["docker", "events", "--since", str(int(time.time()) - 2), "--filter", "type=container", "--filter", "event=create"]
    events = subprocess.Popen([*told, "--format", "{{.ID}}"], stdout=subprocess.PIPE, text=True)

    def containers() -> None:
        there = subprocess.run(["docker", "ps", "-aq"], capture_output=True, text=True, check=False).stdout.split()
        for made in chain([there], map(str.split, events.stdout or ())):
            inspected = subprocess.run(["docker", "inspect", *made], capture_output=True, text=True, check=False)
            seen.update(f"a container's settings: {name}" for name in found_in(inspected.stdout))

    thread = threading.Thread(target=containers)
    thread.start()
    try:
        with command_lines() as lines:
            yield seen
    finally:
        events.terminate()
        thread.join()
        with events:
            pass
        seen.update(line.replace(b"\0", b" ").decode(errors="replace") for line in lines if found_in(line))


class Secretive:
    """A site full of secrets, and what was said about it."""

    def __init__(self, folder: Path, mysql: MySQLServer, server: PrefectServer, grafana: str) -> None:
        self.folder, self.mysql, self.server, self.grafana = folder, mysql, server, grafana
        self.said: dict[str, str] = {}
        (folder / "source").mkdir()
        (folder / "source" / "log.txt").write_text("ahoy\n")
        (folder / "key").write_text(MARKS["repository password file"] + "\n")

    def configure(self, name: str = "lifeboat.yaml", *, toy: bool = True, **repository: object) -> Path:
        """Write a configuration; `repository` changes that section."""
        section = {
            "url": "repository",
            "password_file": "key",
            "environment": {"MARKED": MARKS["repository environment"], "MARKED_TOO": "${REPOSITORY_VARIABLE}"},
        }
        agama = {"type": "mysql", "image": MYSQL_IMAGE, "host": self.mysql.host, "user": "marked"}
        services: dict[str, object] = {"agama": {**agama, "password": "${AGAMA_PASSWORD}"}}
        if toy:
            services["literal"] = {
                "type": "toy",
                "image": IMAGE,
                "source": str(self.folder / "source"),
                "password": MARKS["service literal"],
            }
            services["wrong"] = {**agama, "password": MARKS["wrong service password"]}
            board = {"type": "grafana", "image": GRAFANA_IMAGE, "url": self.grafana, "method": "api"}
            services["board"] = {**board, "token": MARKS["grafana token"]}
            services["strange"] = {**board, "user": "admin", "password": MARKS["wrong grafana password"]}
        content = {
            "state": str(self.folder / "state"),
            "watch": {"pause": "0s"},
            "repository": {key: value for key, value in {**section, **repository}.items() if value is not None},
            "services": services,
        }
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        path.chmod(0o600)
        return path

    def type(self, *arguments: str, config: Path, code: int, environment: Mapping[str, str] = {}) -> str:
        """Run a command with every secret at hand; it must end with `code`. Returns what it said."""
        secrets = {
            "AGAMA_PASSWORD": MARKS["service variable"],
            "REPOSITORY_VARIABLE": MARKS["repository environment variable"],
            "HOOK": f"{environment.get('HOOK', '')}?token={MARKS['webhook']}",
        }
        ended = self.server.lifeboat(*arguments, config=config, environment={**environment, **secrets})
        said = ended.out + ended.err
        assert ended.code == code, said
        self.said[f"{len(self.said)} {' '.join(arguments)}"] = said
        return said


@pytest.fixture(scope="module")
def secretive(
    tmp_path_factory: pytest.TempPathFactory, mysql_server: MySQLServer, prefect_factory: StartPrefect
) -> Iterator[Secretive]:
    """A site of its own, on a server of its own whose database holds nothing else."""
    folder = tmp_path_factory.mktemp("secretive")
    for path in (folder, *folder.parents):
        if path.owner() == "root" and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o111)
    mysql_server.sql(
        "DROP USER IF EXISTS marked@'%'",
        f"CREATE USER marked@'%' IDENTIFIED BY '{MARKS['service variable']}'",
        f"GRANT {', '.join(PRIVILEGES)} ON *.* TO marked@'%'",
    )
    with built(folder / "grafana", token=MARKS["grafana token"]) as url:
        yield Secretive(folder, mysql_server, prefect_factory(PREFECT_SERVER_LOGGING_LEVEL="DEBUG"), url)
    mysql_server.sql("DROP USER IF EXISTS marked@'%'")


def test_a_mark_would_be_found(tmp_path: Path) -> None:
    """The search below can fail: in a file, in an argument, in base64, in a container's settings."""
    mark = MARKS["service literal"]
    (tmp_path / "log").write_text(f"password={mark.upper()}")
    assert leaks_below(tmp_path) == {str(tmp_path / "log"): ["service literal"]}
    for name, each in MARKS.items():
        for before in ("", "x", "xy"):
            assert found_in(b64encode(f"{before}{each}:tail".encode())) == [name]
        assert found_in(f"-{each.upper()}-") == found_in(each.encode().hex().upper()) == [name]
    assert all(len(each) >= 4 for each in (*_IN_ANY_CASE, *_IN_BASE64))
    with watched() as seen:
        subprocess.run(["sh", "-c", f"sleep 1 # {mark}"], check=True)
        made = ["docker", "create", "-e", f"MARKED={mark}", IMAGE]
        container = subprocess.run(made, check=True, capture_output=True, text=True).stdout.strip()
        try:
            assert wait_until(lambda: "a container's settings: service literal" in seen, seconds=120)
        finally:
            subprocess.run(["docker", "rm", "-v", container], check=True)
    assert any(mark in each for each in seen)


def test_nothing_that_is_run_shows_a_secret(secretive: Secretive, listener: Listener) -> None:
    """Successes and failures of every command, with Prefect and without, as loud as they can be."""
    config = secretive.configure()
    alone = {"PREFECT_API_URL": ""}
    out = secretive.folder / "out"
    with watched() as seen:
        said = secretive.type("backup", config=config, code=2, environment=_DEBUG)
        assert "refuses user marked" in said
        assert "HTTP 401" in said
        secretive.type(
            *("verify", "agama", "literal", "board", "--backup", "latest", "--out", str(out)),
            config=config,
            code=0,
            environment=_DEBUG,
        )
        secretive.type("restore", "board", "--to", "api", "--replace", config=config, code=0, environment=_DEBUG)
        secretive.type("watch", config=config, code=2, environment=_DEBUG)
        secretive.type("alerts", "--webhook", "${HOOK}", config=config, code=0, environment={"HOOK": listener.url})
        secretive.type("backup", "literal", "wrong", config=config, code=2, environment={**alone, **_DEBUG})
        secretive.type("doctor", config=config, code=1, environment=alone)
        for command in (
            *(
                ["list"],
                ["list", "--json"],
                ["list", "-v"],
                ["prune", "--dry-run"],
                ["show", "literal"],
                ["show", "agama", "--json", "-v"],
            ),
            *(["config", "check"], ["config", "show"], ["config", "show", "--json"]),
        ):
            secretive.type(*command, config=config, code=0, environment=alone)
        secretive.type("status", "--json", "--metrics", str(out / "lifeboat.prom"), config=config, code=1, environment=alone)

        another = secretive.configure("another.yaml", password=MARKS["wrong repository password"], password_file=None)
        away = secretive.configure("away.yaml", url=f"rest:http://rower:{MARKS['url password']}@127.0.0.1:9/")
        # Under Prefect a backup waits minutes for a repository that is away, and tries again.
        for broken, environment in ((another, _DEBUG), (away, {**alone, **_DEBUG})):
            for command in (["backup", "literal"], ["watch", "literal"]):
                secretive.type(*command, config=broken, code=2, environment=environment)
        (secretive.folder / "source").rename(secretive.folder / "burnt")
        said = secretive.type("watch", "literal", config=config, code=1)
        assert "calls for a restore" in said
        (secretive.folder / "burnt").rename(secretive.folder / "source")
    assert {words: found_in(said) for words, said in secretive.said.items() if found_in(said)} == {}
    assert seen == set()
    assert_nothing_leaked(secretive)
    assert leaks_below(out) == {}
    assert json.loads((out / "report.json").read_text())["verdict"] == "verified"


def test_a_secret_in_a_workers_environment_reaches_its_runs_and_shows_nowhere(secretive: Secretive) -> None:
    """A real worker, a deployment of prefect.yaml, a run that goes well. (Prefect's Secret blocks are no way: see docs/configuration.md.)"""
    config = secretive.configure("worker.yaml", toy=False, environment=None)
    secretive.mysql.sql(f"ALTER USER marked@'%' IDENTIFIED BY '{MARKS['worker environment']}'")
    secrets = {"AGAMA_PASSWORD": MARKS["worker environment"], "LIFEBOAT_CONFIG": str(config), **_DEBUG}

    def prefect(*arguments: str) -> str:
        environment = {**clean_environment(), **secretive.server.environment, **secrets}
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    with watched() as seen:
        said = prefect("work-pool", "create", "backup", "--type", "process")
        said += prefect("deploy", "--name", "full-backup")
        said += prefect("deployment", "run", "backup/full-backup")
        said += prefect("worker", "start", "--pool", "backup", "--run-once")

    runs = [run for run in secretive.server.found("flow_runs") if run["deployment_id"]]
    assert [run["state"]["type"] for run in runs if not run["auto_scheduled"]] == ["COMPLETED"], said
    assert found_in(said) == []
    assert seen == set()
    assert_nothing_leaked(secretive)


def assert_nothing_leaked(site: Secretive) -> None:
    """What stays behind: the server's database and log, the state directory, and what the repository lets anybody read."""
    databases = [path for path in site.server.home.rglob("*.db*") if path.stat().st_size]
    assert databases
    assert leaks_below(site.server.home) == {}
    assert leaks_below(site.folder / "state") == {}
    assert leaks_below(site.folder / "repository") == {}
    environment = {
        **os.environ,
        "RESTIC_PASSWORD_FILE": str(site.folder / "key"),
        "RESTIC_REPOSITORY": str(site.folder / "repository"),
    }

    def restic(*arguments: str) -> str:
        return subprocess.run(["restic", *arguments], env=environment, capture_output=True, text=True, check=True).stdout

    snapshots = restic("snapshots", "--json")
    assert found_in(snapshots) == []
    for snapshot in json.loads(snapshots):
        names = re.findall(r"^/\S+\.(?:json|html|xml)$", restic("ls", snapshot["id"]), re.MULTILINE)
        assert names, snapshot
        for name in names:
            assert found_in(restic("dump", snapshot["id"], name)) == [], name


@pytest.fixture(autouse=True)
def _docker_is_there() -> None:
    Docker().client()
