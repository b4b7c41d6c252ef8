"""The systemd units and the compose files, as far as they can be asked without starting them: systemd and Compose themselves read them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
UNITS = sorted(
    path
    for folder in ("server/systemd", "monitoring")
    for path in (ROOT / "deployments" / folder).glob("lifeboat-*.[st][ei][rm]*")
)
COMPOSE = ROOT / "deployments" / "server" / "compose.yaml"
DATABASE = COMPOSE.with_name("compose.postgresql.yaml")
SETTINGS = COMPOSE.parent / "systemd" / "prefect.env"


def verify(unit: Path, folder: Path) -> str:
    """What systemd says of a unit, its paths below /opt/lifeboat being this checkout's."""
    for other in unit.parent.glob("lifeboat-*"):
        if other.suffix in (".service", ".timer"):
            (folder / other.name).write_text(other.read_text().replace("/opt/lifeboat/", f"{ROOT}/"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(folder / unit.name)], capture_output=True, text=True, check=False
    )
    # Of other units of this machine it tells, too.
    lines = [line for line in done.stderr.splitlines() if "lifeboat" in line]
    return "\n".join(lines)


@pytest.fixture
def _systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd: nothing was verified")


@pytest.mark.usefixtures("_systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    assert verify(unit, tmp_path) == ""


@pytest.mark.usefixtures("_systemd")
def test_a_unit_with_a_mistake_is_reported(tmp_path: Path) -> None:
    """The check above can fail."""
    (tmp_path / "units").mkdir()
    (tmp_path / "seen").mkdir()
    broken = tmp_path / "units" / "lifeboat-server.service"
    text = (ROOT / "deployments" / "server" / "systemd" / broken.name).read_text()
    broken.write_text(text.replace("RestartSec=5", "RestartSecs=5").replace("bin/prefect", "bin/perfect"))
    told = verify(broken, tmp_path / "seen")
    assert "RestartSecs" in told
    assert "perfect is not executable" in told


def test_the_servers_unit_starts_with_a_password_alone_and_its_workers_keep_what_they_hold_to_themselves(tmp_path: Path) -> None:
    """What `server.sh password` adds to the settings is what the unit asks for, once, and whoever else reads them is kept out."""
    folder = ROOT / "deployments" / "server"
    settings = tmp_path / "prefect.env"
    shutil.copy(folder / "systemd" / "prefect.env", settings)
    (check,) = re.findall(
        r"^ExecStartPre=/bin/grep -q (\S+) ", (folder / "systemd" / "lifeboat-server.service").read_text(), re.MULTILINE
    )
    assert not re.search(check, settings.read_text(), re.MULTILINE)
    for _ in range(2):
        subprocess.run([folder / "server.sh", "password", settings], check=True)
    read = dict(line.split("=", 1) for line in settings.read_text().splitlines() if line and not line.startswith("#"))
    assert len(re.findall(check, settings.read_text(), re.MULTILINE)) == 1
    assert read["PREFECT_SERVER_API_AUTH_STRING"] == read["PREFECT_API_AUTH_STRING"]
    assert re.fullmatch(r"lifeboat:[0-9a-f]{48}", read["PREFECT_API_AUTH_STRING"])
    assert "*" not in read["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
    assert settings.stat().st_mode & 0o777 == 0o600
    for unit in (folder / "systemd").glob("*.service"):
        assert "StateDirectoryMode=0700" in unit.read_text(), unit.name


def test_the_compose_file_runs_the_version_of_the_workers_on_this_machine_alone() -> None:
    """What `docker compose config` would not see: the version, and whom the port is open to."""
    content = yaml.safe_load(COMPOSE.read_text())
    (service,) = content["services"].values()
    locked = re.search(r"^prefect==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    assert service["image"] == f"prefecthq/prefect:{locked[1]}-python3.11"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    told = service["environment"]
    assert told["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_SERVER_API_AUTH_STRING:?"), "not without a password"
    assert "*" not in told["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
    assert service["cap_drop"] == ["ALL"]
    assert {volume.partition(":")[0] for volume in service["volumes"]} == set(content["volumes"])


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """`docker compose` of this machine, or the one that test-tools.sh installs for the tests."""
    own = str(ROOT / ".tools" / "compose" / "docker-compose")
    for words in (["docker", "compose"], [own]):
        if shutil.which(words[0]) and subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0:
            return words
    pytest.skip(
        "`docker compose` is not on this machine, and test-tools.sh could not install it: the files were only read as YAML"
    )


@pytest.fixture
def settings(tmp_path: Path) -> list[Path]:
    """The files of settings that README.md and the headers of the compose files have an operator make: for all, and for the database."""
    everybody, database = tmp_path / "prefect.env", tmp_path / "database.env"
    shutil.copy(SETTINGS, everybody)
    subprocess.run([COMPOSE.with_name("server.sh"), "password", everybody], check=True)
    database.write_text("LIFEBOAT_DATABASE_PASSWORD=hunter2\n")
    return [everybody, database]


def read_by(compose: list[str], files: list[Path], settings: list[Path]) -> subprocess.CompletedProcess[str]:
    """What Compose itself makes of the files, as JSON, or says against them."""
    options = [word for path in settings for word in ("--env-file", str(path))] + [
        word for path in files for word in ("-f", str(path))
    ]
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [*compose, *options, "config", "--format", "json"], env=clean, capture_output=True, text=True, check=False
    )


def test_compose_itself_accepts_the_files(compose: list[str], settings: list[Path]) -> None:
    """With the settings that they ask for, each password is where it is used and nowhere else, and only the server has a port, here alone."""
    done = read_by(compose, [COMPOSE], settings[:1])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    done = read_by(compose, [COMPOSE, DATABASE], settings)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    read = json.loads(done.stdout)
    ports = {name: [port["host_ip"] for port in service.get("ports", [])] for name, service in read["services"].items()}
    assert ports == {"database": [], "prefect": ["127.0.0.1"]}
    holding = {
        (name, key)
        for name, service in read["services"].items()
        for key, value in service["environment"].items()
        if "hunter2" in value
    }
    assert holding == {("database", "POSTGRES_PASSWORD"), ("prefect", "PREFECT_SERVER_DATABASE_CONNECTION_URL")}
    assert read["name"] == "lifeboat-server", "not that of its folder, which others have, too"


@pytest.mark.parametrize("left_out", [0, 1])
def test_compose_starts_nothing_without_a_password(compose: list[str], settings: list[Path], left_out: int) -> None:
    done = read_by(compose, [COMPOSE, DATABASE], [path for number, path in enumerate(settings) if number != left_out])
    assert done.returncode != 0
    assert ["PREFECT_SERVER_API_AUTH_STRING", "LIFEBOAT_DATABASE_PASSWORD"][left_out] in done.stderr
    assert "make one" in done.stderr


def test_a_compose_file_with_a_mistake_is_reported(compose: list[str], settings: list[Path], tmp_path: Path) -> None:
    """The check above can fail."""
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("restart:", "restarts:"))
    done = read_by(compose, [broken], settings[:1])
    assert done.returncode != 0
    assert "restarts" in done.stderr


def test_the_server_in_a_container_tells_browsers_what_prefect_env_says(compose: list[str], settings: list[Path]) -> None:
    """A proxy in front has an address of its own: Compose takes what the units take."""
    changed = settings[0].read_text().replace("http://127.0.0.1:4200", "https://prefect.example")
    settings[0].write_text(changed)
    told = json.loads(read_by(compose, [COMPOSE], settings[:1]).stdout)["services"]["prefect"]["environment"]
    assert told["PREFECT_SERVER_UI_API_URL"] == "https://prefect.example/api"
    assert told["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "https://prefect.example,http://localhost:4200"


def test_each_container_says_by_tcp_when_it_is_ready() -> None:
    """Else `up --wait`, and what waits for the database, take one that is still being made, or a server that ends again and again, for healthy."""
    for path in (COMPOSE, DATABASE):
        for name, service in yaml.safe_load(path.read_text())["services"].items():
            if "image" in service:
                assert "127.0.0.1" in " ".join(service["healthcheck"]["test"]), name
    waits = yaml.safe_load(DATABASE.read_text())["services"]["prefect"]["depends_on"]
    assert waits == {"database": {"condition": "service_healthy"}}


def test_the_database_of_the_compose_files_is_open_to_nobody_and_has_a_password_that_is_written_nowhere() -> None:
    """It is beside the server alone; without a password in the environment neither starts, and no worker reads that password's file."""
    content = yaml.safe_load(DATABASE.read_text())
    database, server = content["services"]["database"], content["services"]["prefect"]
    assert "ports" not in database
    assert database["environment"]["POSTGRES_PASSWORD"].startswith("${LIFEBOAT_DATABASE_PASSWORD:?")
    address = server["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert re.fullmatch(r"postgresql\+asyncpg://prefect:\$\{LIFEBOAT_DATABASE_PASSWORD:\?[^}]*\}@database/prefect", address)
    assert server["environment"]["PREFECT_SERVER_DATABASE_DRIVER"] == "postgresql+asyncpg"
    (file,) = re.findall(r"echo \"LIFEBOAT_DATABASE_PASSWORD=.*>(\S+)\)", DATABASE.read_text())
    assert f"--env-file {file}" in DATABASE.read_text()
    for unit in UNITS:
        assert file not in unit.read_text(), unit.name


@pytest.mark.parametrize("address", ["postgres://lifeboat:hunter2@db/prefect", "postgresql+asyncpg://", "mysql://x", "SQLITE"])
def test_an_address_that_is_no_postgresql_is_refused_and_not_printed(tmp_path: Path, address: str) -> None:
    """Before anything is started: the server goes on with what it has."""
    script = ROOT / "deployments" / "server" / "server.sh"
    environment = {"PATH": os.environ["PATH"], "LIFEBOAT_SERVER_HOME": str(tmp_path), "LIFEBOAT_SERVER_DATABASE": address}
    done = subprocess.run([script, "start"], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "LIFEBOAT_SERVER_DATABASE is no address of PostgreSQL" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert not (tmp_path / "database.env").exists()
