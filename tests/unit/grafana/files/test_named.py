"""Every way to name Grafana's database, read as Grafana reads it: where it is named, what goes before what, and what is unclear."""

from pathlib import Path

import pytest

from backups.services.grafana.files import in_force
from backups.services.grafana.files.in_force import InForce, Outside
from backups.services.grafana.files.named import MYSQL, POSTGRES, SQLITE, Named, Unclear, named

SECRET = "pa55w0rd"


def said(
    directory: Path, text: str = "", *arguments: str, defaults: str = "", environment: dict[str, str] | None = None
) -> InForce:
    """The settings of a server with this grafana.ini, command line and environment."""
    (directory / "grafana.ini").write_text(text)
    (directory / "defaults.ini").write_text(
        f"[database]\ntype = sqlite3\npath = grafana.db\nurl =\n[paths]\ndata = data\n{defaults}"
    )
    return in_force.read(directory, Outside(environment or {}, None, arguments))


FILES = [
    ("", "grafana.db"),
    ("[database]\npath = other.db", "other.db"),
    ("[database]\npath = sub/../deep/other.db", "deep/other.db"),
    ("[database]\npath = /srv/g/other.db", "/srv/g/other.db"),
    ("[database]\npath =", "grafana.db"),
    ("[database]\ntype = SQLITE3\npath = other.db", "other.db"),
    ("[paths]\ndata = /data\n[database]\npath = x.db", "/data/x.db"),
    ("[paths]\ndata = /data\n[database]\npath = ../x.db", "/x.db"),
    ("[paths]\ndata = /data/\n", "/data/grafana.db"),
    ("[database]\nurl = sqlite3:///ignored/by/grafana.db\npath = x.db", "x.db"),
    ("[database]\nname = other.db\nhost = other.db", "grafana.db"),
    ("[database]\nconnection_string = file:/srv/y.db?cache=private&mode=rwc", "/srv/y.db"),
    ("[database]\nconnection_string = file:///srv/y.db", "/srv/y.db"),
    ("[database]\nconnection_string = /srv/y.db\npath = x.db", "/srv/y.db"),
    ("[database]\nurl = sqlite3://x\nconnection_string = /srv/y.db\npath = x.db", "x.db"),
    ("[paths]\nroot = /data\ndata = %(root)s/g\n", "/data/g/grafana.db"),
    ("[database]\npath = one.db\n[database]\npath = two.db", "two.db"),
]


@pytest.mark.parametrize(("text", "path"), FILES)
def test_a_file(tmp_path: Path, text: str, path: str) -> None:
    found = named(said(tmp_path, text))

    assert (found.kind, found.path) == (SQLITE, path)


SERVERS = [
    ("[database]\ntype = mysql\nhost = 10.0.0.5:3306\nname = grafana", MYSQL, "10.0.0.5:3306", "grafana"),
    ("[database]\ntype = mysql\nhost = /run/mysqld.sock\nname = g", MYSQL, "/run/mysqld.sock", "g"),
    ("[database]\ntype = postgres\nhost = db\nname = g", POSTGRES, "db", "g"),
    (f"[database]\nurl = mysql://grafana:{SECRET}@db:3306/graf", MYSQL, "db:3306", "graf"),
    (f"[database]\nurl = postgres://grafana:{SECRET}@db/graf?sslmode=disable", POSTGRES, "db", "graf"),
    (f'[database]\nurl = "mysql://g:{SECRET}%23@db/g"', MYSQL, "db", "g"),
    (f"[database]\nurl = mysql://g:{SECRET}/x@db/g", MYSQL, "", ""),
    (f"[database]\nurl = postgres://g:{SECRET}@[db/g", POSTGRES, "", ""),
    (f"[database]\nurl = mysql://g:{SECRET}@[::1]:3306/g", MYSQL, "[::1]:3306", "g"),
    ("[database]\ntype = postgres\nurl = mysql://db/g\nhost = other", MYSQL, "db", "g"),
    ("[database]\ntype = mysql\nconnection_string = g:p@tcp(db)/g\nhost = db\nname = g", MYSQL, "db", "g"),
    ("[database]\ntype = oracle", "oracle", "", ""),
]


@pytest.mark.parametrize(("text", "kind", "address", "database"), SERVERS)
def test_a_server(tmp_path: Path, text: str, kind: str, address: str, database: str) -> None:
    found = named(said(tmp_path, text))

    assert (found.kind, found.address, found.database) == (kind, address, database)
    assert SECRET not in found.words


LAYERS = [
    (("[database]\npath = ini.db", [], {}), "ini.db"),
    (("[database]\npath = ini.db", ["cfg:default.database.path=default.db"], {}), "ini.db"),
    (("", ["cfg:default.database.path=default.db"], {}), "default.db"),
    (("", ["cfg:default.database.path=default.db"], {"GF_DATABASE_PATH": "env.db"}), "env.db"),
    (("[database]\npath = ini.db", [], {"GF_DATABASE_PATH": "env.db"}), "env.db"),
    (("[database]\npath = ini.db", [], {"GF_DATABASE_PATH": ""}), "ini.db"),
    (("[database]\npath = ini.db", ["cfg:database.path=line.db"], {"GF_DATABASE_PATH": "env.db"}), "line.db"),
    (("", ["cfg:database.path=one.db", "cfg:database.path=two.db"], {}), "two.db"),
    (("[database]\npath = ${WHERE}/x.db", [], {"WHERE": "/srv"}), "/srv/x.db"),
    (("[database]\npath = $__env{WHERE}.db", [], {"WHERE": "w"}), "w.db"),
    (("", [], {"GF_DATABASE_PATH": "$WHERE.db"}), "$WHERE.db"),
    (("", ["cfg:default.paths.data=/var/lib/grafana"], {}), "/var/lib/grafana/grafana.db"),
    (("", [], {"GF_PATHS_DATA": "/var/lib/grafana"}), "/var/lib/grafana/grafana.db"),
    (("", ["cfg:paths.data=/a"], {"GF_PATHS_DATA": "/b"}), "/a/grafana.db"),
]


@pytest.mark.parametrize(("layers", "path"), LAYERS)
def test_what_goes_before_what(tmp_path: Path, layers: tuple[str, list[str], dict[str, str]], path: str) -> None:
    text, arguments, environment = layers

    assert named(said(tmp_path, text, *arguments, environment=environment)).path == path


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"GF_DATABASE_TYPE": "mysql"}, MYSQL),
        ({"GF_DATABASE_TYPE": "postgres"}, POSTGRES),
        ({"GF_DATABASE_URL": f"mysql://g:{SECRET}@db/g"}, MYSQL),
        ({"GF_DATABASE_URL": f"postgres://g:{SECRET}@db/g", "GF_DATABASE_TYPE": "sqlite3"}, POSTGRES),
        ({"GF_DATABASE_URL": "${DB}", "DB": "mysql://db/g"}, MYSQL),
    ],
)
def test_the_environment_names_a_server(tmp_path: Path, variables: dict[str, str], kind: str) -> None:
    found = named(said(tmp_path, "[database]\ntype = sqlite3", environment=variables))

    assert (found.kind, SECRET in repr(found)) == (kind, False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[database]\nurl = $__vault{db}", "where only Grafana can read"),
        ("[database]\nurl = $__file{/run/url}", "cannot be read|not in the configuration"),
        ("[database]\nurl = *********", "names no kind"),
        ("[database]\nurl = //g:{SECRET}@db/g", "names no kind"),
        ("[database]\nconnection_string = file::memory:?cache=shared", "in memory"),
        ("[database]\nconnection_string = data.db", "below the directory"),
        ("[database]\npath = %(nothing)s.db", "no key nothing"),
    ],
)
def test_what_cannot_be_known_is_unclear(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Unclear, match=why) as caught:
        named(said(tmp_path, text))

    assert SECRET not in str(caught.value)


def test_folders_and_dashboards_may_be_kept_elsewhere(tmp_path: Path) -> None:
    assert named(said(tmp_path)).elsewhere == ""
    assert named(said(tmp_path, "[grafana-apiserver]\nstorage_type = unified")).elsewhere == ""
    assert "etcd" in named(said(tmp_path, "[grafana-apiserver]\nstorage_type = etcd")).elsewhere
    found = named(said(tmp_path, "[resource_api]\ndb_type = mysql\ndb_host = db:3306\ndb_name = unified"))
    assert "MySQL unified at db:3306" in found.elsewhere


def test_a_database_in_words() -> None:
    assert Named(MYSQL, address="db:3306", database="g").words == "MySQL (database g at db:3306)"
    assert Named(SQLITE, path="/x.db").words == "the file /x.db"
