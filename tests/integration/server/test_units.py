"""The systemd units and the compose file, as far as they can be asked without starting them: systemd itself reads the units."""

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


def test_compose_itself_accepts_the_file() -> None:
    tool = next((words for words in (["docker", "compose"], ["docker-compose"]) if _runs(words)), None)
    if tool is None:
        pytest.skip("neither `docker compose` nor docker-compose is on this machine: the file was only read as YAML")
    done = subprocess.run([*tool, "-f", str(COMPOSE), "config", "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _runs(words: list[str]) -> bool:
    return bool(shutil.which(words[0])) and subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0


def test_the_database_of_the_compose_files_is_open_to_nobody_and_has_a_password_that_is_written_nowhere() -> None:
    """It is beside the server alone; without a password in the environment neither starts."""
    content = yaml.safe_load(COMPOSE.with_name("compose.postgresql.yaml").read_text())
    database, server = content["services"]["database"], content["services"]["prefect"]
    assert "ports" not in database
    assert database["environment"]["POSTGRES_PASSWORD"].startswith("${LIFEBOAT_DATABASE_PASSWORD:?")
    address = server["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert re.fullmatch(r"postgresql\+asyncpg://prefect:\$\{LIFEBOAT_DATABASE_PASSWORD:\?[^}]*\}@database/prefect", address)
    assert server["environment"]["PREFECT_SERVER_DATABASE_DRIVER"] == "postgresql+asyncpg"


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
