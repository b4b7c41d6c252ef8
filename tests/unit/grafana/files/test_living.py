"""Which file of a place the running server uses: what the server says goes first, a dead file is refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from backups.machine.docker import Docker
from backups.places.local.place import LocalPlace
from backups.services.grafana.files import in_force, living
from backups.services.grafana.files.in_force import InForce, Outside, Setting
from backups.services.grafana.files.ini import read
from backups.services.grafana.files.living import Living, NotLiving, find
from backups.services.grafana.settings import GrafanaSettings

Said = Callable[[GrafanaSettings], tuple[InForce | None, str]]


class Containers:
    """Docker with one container, whose mounts are these."""

    def __init__(self, **mounts: Path) -> None:
        self.mounts = {f"/{name.replace('_', '/')}": path for name, path in mounts.items()}

    def host_path(self, container: str, path: str) -> Path:
        assert container == "grafana"
        for inside, outside in self.mounts.items():
            if path == inside or path.startswith(f"{inside}/"):
                return outside / path.removeprefix(inside).lstrip("/")
        return Path("/layer") / path.lstrip("/")


def server(**keys: str) -> Said:
    """A server that says these of its settings, `section__key`."""
    known = {tuple(name.split("__", 1)): Setting((value,), "the server itself") for name, value in keys.items()}
    return lambda _: (InForce(known=cast("dict[tuple[str, str], Setting]", known)), "")


def silent(_: GrafanaSettings) -> tuple[InForce | None, str]:
    return None, "it does not say"


def found(
    tmp_path: Path, *, ini: str | None = None, said: Said = silent, place: str | None = None, docker: Any = None, **seen: Any
) -> Living:
    root = tmp_path / "data"
    root.mkdir(exist_ok=True)
    config = tmp_path / "config"
    config.mkdir(exist_ok=True)
    if ini is not None:
        (config / "grafana.ini").write_text(ini)
    text = place or f"local:{root}"
    settings = GrafanaSettings.model_validate({"type": "grafana", "image": "g", "url": "http://127.0.0.1:3000", "place": text})
    force = in_force.read(config, Outside(**seen))
    where = LocalPlace(root, name=text)
    return find(settings, where, force, cast("Docker", docker), configured=ini is not None, said=said)


ELSEWHERE = [
    ("[database]\ntype = mysql\nhost = db:3306\nname = g", "MySQL (database g at db:3306)", "database: "),
    ("[database]\ntype = postgres\nhost = db\nname = g", "PostgreSQL (database g at db)", "pg_dump"),
    ("[database]\nurl = mysql://u:geheim@db/g", "MySQL (database g at db)", "database: "),
    ("[database]\nurl = postgres://u:geheim@db/g", "PostgreSQL (database g at db)", "pg_dump"),
    ("[database]\ntype = oracle", "oracle", "sqlite3, mysql and postgres"),
    ("[database]\npath = /srv/elsewhere/g.db", "the file /srv/elsewhere/g.db", "set place:"),
    ("[database]\nconnection_string = file:/srv/elsewhere/g.db?mode=rwc", "the file /srv/elsewhere/g.db", "set place:"),
    ("[database]\npath = ../g.db", "the file ../g.db", "plain name"),
    ("[paths]\ndata = /etc\n[database]\npath = hostname", "the file /etc/hostname", "set place:"),
]


@pytest.mark.parametrize(("ini", "words", "hint"), ELSEWHERE)
def test_a_dead_file_is_refused_by_name(tmp_path: Path, ini: str, words: str, hint: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "grafana.db").touch()
    with pytest.raises(NotLiving) as caught:
        found(tmp_path, ini=ini)

    assert words in caught.value.message
    assert hint in str(caught.value.hint)
    assert "geheim" not in caught.value.message


@pytest.mark.parametrize(("ini", "words", "hint"), ELSEWHERE)
def test_so_it_is_when_the_server_itself_says_so(tmp_path: Path, ini: str, words: str, hint: str) -> None:
    """The ini file says nothing: the server has it from its command line, or runs on what the file was before."""
    said = {f"{section}__{key}": value for (section, key), value in read(ini.encode()).items()}
    with pytest.raises(NotLiving) as caught:
        found(tmp_path, ini="", said=server(**said))

    assert (words in caught.value.message, hint in str(caught.value.hint)) == (True, True)


def test_the_server_goes_before_what_its_files_say_now(tmp_path: Path) -> None:
    """An ini file that was changed counts when the server is started again, and not before."""
    said = server(database__type="sqlite3", database__path="grafana.db", paths__data=str(tmp_path / "data"))

    there = found(tmp_path, ini="[database]\ntype = mysql", environment={"GF_DATABASE_TYPE": "postgres"}, said=said)

    assert (there.file, there.doubt, there.origin) == ("grafana.db", "", "the server itself")


INSIDE = [
    ("[database]\npath = other.db", "other.db"),
    ("[database]\npath = deep/other.db", "deep/other.db"),
    ("[database]\npath = {data}/deep/other.db", "deep/other.db"),
    ("[paths]\ndata = {data}\n[database]\npath = x.db", "x.db"),
    ("[paths]\ndata = {link}\n[database]\npath = x.db", "x.db"),
    ("[database]\npath = {link}/x.db", "x.db"),
]


@pytest.mark.parametrize(("ini", "file"), INSIDE)
def test_another_file_of_the_place_is_taken(tmp_path: Path, ini: str, file: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    text = ini.format(data=tmp_path / "data", link=tmp_path / "link")

    there = found(tmp_path, ini=text, environment={})

    assert (there.file, there.doubt) == (file, "")


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({"GF_PATHS_DATA": "/var/lib/grafana"}, "grafana.db"),
        ({"GF_PATHS_DATA": "/var/lib/grafana", "GF_DATABASE_PATH": "deep/o.db"}, "deep/o.db"),
        ({"GF_PATHS_DATA": "/other", "GF_DATABASE_PATH": "o.db"}, "o.db"),
        ({"GF_PATHS_DATA": "/elsewhere"}, None),
        ({"GF_DATABASE_PATH": "/elsewhere/o.db"}, None),
    ],
)
def test_a_containers_paths_are_its_own(tmp_path: Path, environment: dict[str, str], file: str | None) -> None:
    """/other is a second mount of the same directory."""
    docker = Containers(var_lib_grafana=tmp_path / "data", other=tmp_path / "data")

    def look() -> Living:
        return found(tmp_path, ini="", environment=environment, place="docker:grafana:/var/lib/grafana", docker=docker)

    if file is None:
        with pytest.raises(NotLiving, match="is not in docker:grafana"):
            look()
    else:
        assert (look().file, look().doubt) == (file, "")


@pytest.mark.parametrize(
    ("ini", "environment", "words"),
    [
        (None, None, "its ini file and the environment of its process cannot be seen"),
        ("", None, "the environment of its process cannot be seen"),
        (None, {}, "its ini file cannot be seen"),
        ("[database]\nurl = ${URL}", None, "the variable URL"),
        ("[database]\nurl = $__vault{url}", {}, "only Grafana can read"),
        ("[paths]\ndata = /var/lib/no-such-grafana", None, "has no such file on that machine"),
    ],
)
def test_what_nobody_tells_is_said_to_be_unknown(tmp_path: Path, ini: str | None, environment: Any, words: str) -> None:
    there = found(tmp_path, ini=ini, environment=environment)

    assert there.file == "grafana.db"
    assert words in there.doubt
    assert any("whether grafana.db is the database that the running server uses" in limit for limit in there.limits())


def test_a_process_that_was_found_by_its_data_directory_has_it_there(tmp_path: Path) -> None:
    """It runs in a container, where the place has another path; this machine has that path, too, with a file of that name."""
    (tmp_path / "stale").mkdir()
    (tmp_path / "stale" / "x.db").touch()
    environment = {"GF_PATHS_DATA": f"{tmp_path}/stale", "GF_DATABASE_PATH": "x.db"}

    there = found(tmp_path, ini="", environment=environment)

    assert (there.file, there.doubt) == ("x.db", "")


def test_what_is_known_is_not_doubted(tmp_path: Path) -> None:
    there = found(tmp_path, ini="", environment={})

    assert (there.file, there.limits(), there.partial()) == ("grafana.db", [], [])


def test_dashboards_elsewhere_make_a_backup_partial(tmp_path: Path) -> None:
    there = found(tmp_path, ini="[resource_api]\ndb_type = mysql\ndb_host = db\ndb_name = u", environment={})

    assert there.partial() == ["folders and dashboards are kept in MySQL u at db ([resource_api])"]


@pytest.mark.parametrize("answer", [{}, [], {"database": []}, {"DEFAULT": {}}, "", None])
def test_a_server_that_says_nothing_of_its_database(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr("backups.services.grafana.client.Client.get", lambda *_, **__: answer)
    section = {"type": "grafana", "image": "g", "url": "http://127.0.0.1:3000", "place": "local:/g", "user": "a", "password": "b"}

    assert living.said(GrafanaSettings.model_validate(section)) == (None, "it says nothing of its database")
