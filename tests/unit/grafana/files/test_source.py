"""Which ini file a source's server reads, wherever it is, and what of it decides about its database."""

from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.hosts import NOWHERE
from backups.machine.docker import Docker
from backups.services.grafana.files import source
from backups.services.grafana.files.living import NotLiving
from backups.services.grafana.settings import GrafanaSettings

MYSQL = "[database]\ntype = mysql\nhost = db\nname = g\n"


class Container:
    """Docker with a container `grafana`, whose files are below a directory of this machine."""

    def __init__(self, root: Path, *arguments: str, **environment: str) -> None:
        self.root = root
        self._arguments = arguments
        self._environment = environment

    def environment(self, _: str) -> dict[str, str]:
        return self._environment

    def arguments(self, _: str) -> tuple[str, ...]:
        return self._arguments

    def host_path(self, container: str, path: str) -> Path:
        if container != "grafana":
            raise LifeboatError(f"there is no container {container}", hint="docker ps")
        return self.root / path.lstrip("/")


def settings(**places: str) -> GrafanaSettings:
    return GrafanaSettings.model_validate({"type": "grafana", "image": "g", "url": "http://127.0.0.1:9"} | places)


def file(directory: Path, text: str, name: str = "grafana.ini") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text)
    return directory


def locate(section: GrafanaSettings, docker: Any) -> source.Living:
    place = source.data_directory(section, cast("Docker", docker), NOWHERE)
    return source.locate(section, place, cast("Docker", docker), NOWHERE)


@pytest.mark.parametrize(
    ("where", "arguments", "environment"),
    [
        ("etc/grafana", (), {}),
        ("opt/own", (), {"GF_PATHS_CONFIG": "/opt/own/grafana.ini"}),
        ("opt/own", ("/run.sh", "--config=/opt/own/grafana.ini"), {"GF_PATHS_CONFIG": "/etc/grafana/grafana.ini"}),
        ("opt/own", ("/run.sh", "-config", "/opt/own/grafana.ini"), {}),
    ],
)
def test_the_containers_own_file_counts(tmp_path: Path, where: str, arguments: Any, environment: dict[str, str]) -> None:
    """config_place has another one, or there is none."""
    (tmp_path / "var/lib/grafana").mkdir(parents=True)
    file(tmp_path / where, MYSQL)
    docker = Container(tmp_path, *arguments, **environment)
    stale = file(tmp_path / "stale", "[database]\ntype = sqlite3\n")

    for section in (
        settings(place="docker:grafana:/var/lib/grafana"),
        settings(place="docker:grafana:/var/lib/grafana", config_place=f"local:{stale}"),
    ):
        with pytest.raises(NotLiving, match="MySQL"):
            locate(section, docker)


@pytest.mark.parametrize("name", ["grafana.ini", "custom.ini"])
@pytest.mark.parametrize("linked", [False, True])
def test_the_file_in_config_place_counts_also_behind_links(tmp_path: Path, name: str, *, linked: bool) -> None:
    """As Kubernetes mounts a ConfigMap: the file is a link to ..data, which is a link."""
    etc = tmp_path / "etc"
    file(etc / "..2026" if linked else etc, MYSQL, name)
    if linked:
        (etc / "..data").symlink_to("..2026")
        (etc / name).symlink_to(f"..data/{name}")
    (tmp_path / "data").mkdir()

    with pytest.raises(NotLiving, match="MySQL"):
        locate(settings(place=f"local:{tmp_path}/data", config_place=f"local:{etc}"), None)


def test_a_container_that_says_nothing_leaves_what_config_place_has(tmp_path: Path) -> None:
    (tmp_path / "var/lib/grafana").mkdir(parents=True)
    etc = file(tmp_path / "mine", "[database]\npath = own.db\n")

    found = locate(settings(place="docker:grafana:/var/lib/grafana", config_place=f"local:{etc}"), Container(tmp_path))

    assert (found.file, found.doubt) == ("own.db", "")


def test_defaults_alone_are_not_its_file(tmp_path: Path) -> None:
    etc = file(tmp_path / "etc", MYSQL.replace("mysql", "sqlite3"), "defaults.ini")
    (tmp_path / "data").mkdir()

    found = locate(settings(place=f"local:{tmp_path}/data", config_place=f"local:{etc}"), None)

    assert "its ini file" in found.doubt
