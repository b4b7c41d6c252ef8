"""How a new container starts on a restored Grafana: with its world about it, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.services.base import Delivery
from backups.services.grafana.files import environment, hand_over
from backups.services.grafana.files.database import FILE, opened
from tests.unit.grafana.files.conftest import KEY, MANIFEST


def test_it_starts_with_its_configuration_and_its_key(handed: Callable[..., Delivery]) -> None:
    delivery = handed()
    assert (delivery.configuration_inside, delivery.unready) == ("/etc/grafana", [])
    assert delivery.environment["GF_PATHS_CONFIG"] == "/etc/grafana/grafana.ini"
    assert delivery.environment["GF_PATHS_PROVISIONING"] == "/etc/grafana/provisioning"
    assert not {name for name in delivery.environment if "SECRET" in name}


ELSEWHERE = [
    ("", {"GF_SECURITY_SECRET_KEY": KEY}, {}),
    ("[security]\nsecret_key = $__file{/run/key}\n", None, {"/run/key": f"{KEY}\n"}),
    ("[security]\nsecret_key = ${MY_KEY}\n", {"MY_KEY": KEY}, {}),
    ("", {"GF_SECURITY_SECRET_KEY__FILE": "/run/key"}, {"/run/key": KEY}),
]


@pytest.mark.parametrize(("ini", "seen", "readable"), ELSEWHERE)
def test_a_key_from_outside_its_grafana_ini_comes_along_as_a_file(
    handed: Callable[..., Delivery], ini: str, seen: dict[str, str] | None, readable: dict[str, str]
) -> None:
    """The image's start script refuses a key and a key's file at once, and a process's environment is no place for a key."""
    delivery = handed(ini, seen=seen, readable=readable)
    assert delivery.unready == []
    assert delivery.configuration is not None
    assert (delivery.configuration / hand_over.KEY).read_text().strip() == KEY
    assert delivery.environment["GF_SECURITY_SECRET_KEY__FILE"] == f"/etc/grafana/{hand_over.KEY}"
    assert "GF_SECURITY_SECRET_KEY" not in delivery.environment


@pytest.mark.parametrize(
    ("kept", "value"),
    [
        ("GF_AUTH_ANONYMOUS_ENABLED", "true"),
        ("GF_SMTP_PASSWORD", "of the mail"),
        ("DB_PASSWORD", "of the source"),
        ("GF_PATHS_DATA", None),
        ("GF_PATHS_PLUGINS", None),
        ("GF_SERVER_PROTOCOL", None),
        ("GF_DATABASE_PASSWORD", None),
        ("GF_INSTALL_PLUGINS", None),
        ("GF_PLUGINS_PREINSTALL", None),
        ("LD_PRELOAD", None),
        ("PATH", None),
        ("AWS_SECRET_ACCESS_KEY", None),
    ],
)
def test_of_a_containers_environment_comes_along_what_its_grafana_needs_and_nothing_else(
    handed: Callable[..., Delivery], kept: str, value: str | None
) -> None:
    files = {
        "config/provisioning/datasources/a.yaml": "datasources: [{secureJsonData: {p: $DB_PASSWORD, q: $LD_PRELOAD, r: $PATH}}]"
    }
    delivery = handed(seen={kept: value or "/of/the/source"}, files=files)
    assert delivery.environment.get(kept) != "/of/the/source"
    assert delivery.environment.get(kept) == (value or {"GF_PATHS_DATA": "/var/lib/grafana"}.get(kept))


UNREADY = [
    ("[smtp]\npassword = $__file{/run/smtp}\n", {}, "[smtp] password: it comes from the file /run/smtp"),
    ("[a]\nb = $__vault{c}\n", {}, "[a] b: $__vault{…} takes it from where only Grafana can read"),
    ("[smtp]\npassword = ${SMTP}\n", {}, "[smtp] password: it comes from the variable SMTP"),
    ("[database]\nurl = mysql://a@b/c\n", {}, "[database] url"),
    ("[security\n", {}, "cannot be read: line 3"),
    ("", {"config/provisioning/datasources/a.yml": "datasources: [{url: $WHERE}]"}, "provisioning files take WHERE"),
    ("", {"config/provisioning/plugins/a.yaml": "apps: [{type: an-app}]"}, "configure an-app, which has to be installed first"),
]


@pytest.mark.parametrize(("ini", "files", "why"), UNREADY)
def test_a_server_that_something_of_its_world_would_ruin_is_not_started(
    handed: Callable[..., Delivery], ini: str, files: dict[str, str], why: str
) -> None:
    delivery = handed(f"[security]\nsecret_key = {KEY}\n{ini}", files=files, plugins=("an-app",))
    assert [line for line in delivery.unready if why in line], delivery.unready


def test_without_the_key_or_the_provisioning_of_what_was_provided_it_is_not_started(handed: Callable[..., Delivery]) -> None:
    delivery = handed(None, sql="UPDATE data_source SET is_prunable = 1 WHERE uid = 'agama-mysql'")
    assert any("deletes 1 provided object" in line for line in delivery.unready)
    assert any("the backup has not the secret_key that sealed them" in line for line in delivery.unready)


def test_what_the_source_listened_on_is_not_what_a_new_container_listens_on(handed: Callable[..., Delivery]) -> None:
    delivery = handed(
        f"[security]\nsecret_key = {KEY}\n[server]\nprotocol = https\nhttp_addr = 10.0.0.7\nhttp_port = 443\n[database]\npath = other.db\n"
    )
    wanted = {
        "GF_SERVER_PROTOCOL": "http", "GF_SERVER_HTTP_ADDR": "0.0.0.0", "GF_SERVER_HTTP_PORT": "3000",
        "GF_DATABASE_TYPE": "sqlite3", "GF_DATABASE_PATH": "/var/lib/grafana/grafana.db",
    }  # fmt: skip
    assert {name: delivery.environment.get(name) for name in wanted} == wanted
    assert any("its source spoke https" in note for note in delivery.notes)
    assert delivery.unready == []


def test_it_starts_on_the_file_that_is_handed_over_whatever_its_name(handed: Callable[..., Delivery], tmp_path: Path) -> None:
    handed(seen={"GF_DATABASE_PATH": "other.db"})
    (tmp_path / "data" / FILE).rename(tmp_path / "data" / "other.db")
    named = MANIFEST.model_copy(update={"details": {**MANIFEST.details, "file": "other.db"}})
    with opened(tmp_path / "data" / "other.db") as database:
        delivery = hand_over.delivery(tmp_path / "backup", database, named, tmp_path / "data")
    assert delivery.environment["GF_DATABASE_PATH"] == "/var/lib/grafana/other.db"


def test_directories_come_back_where_the_server_has_them(handed: Callable[..., Delivery]) -> None:
    paths = ("/var/lib/grafana/dashboards", "/etc/grafana/boards", "/srv/boards")
    listed = [{"name": path, "options": {"path": path}} for path in paths]
    files = {f"directories{path}/one.json": "{}" for path in paths}
    delivery = handed(files=files | {"config/provisioning/dashboards/a.yaml": json.dumps({"providers": listed})})
    assert delivery.configuration is not None
    assert (delivery.data / "dashboards/one.json").is_file()
    assert (delivery.configuration / "boards/one.json").is_file()
    assert sorted(delivery.outside) == ["/srv/boards"]
    assert any("its providers of dashboards read /srv/boards" in note for note in delivery.notes)


@pytest.mark.parametrize(("ini", "seen"), [("[paths]\ndata = /data\n", None), ("", {"GF_PATHS_DATA": "/data"})])
def test_directories_below_the_sources_own_data_come_back_with_them(
    handed: Callable[..., Delivery], ini: str, seen: dict[str, str] | None
) -> None:
    """In their own place they are there at the start; a new container has them where its provider looks."""
    listed = {"providers": [{"name": "p", "options": {"path": "/data/boards"}}]}
    files = {"directories/data/boards/one.json": "{}", "config/provisioning/dashboards/a.yaml": json.dumps(listed)}
    delivery = handed(ini, seen=seen, files=files)
    assert (delivery.data / "boards/one.json").is_file()
    assert list(delivery.outside) == ["/data/boards"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"LD_PRELOAD": "x", "a b": "c", "GF_A": 1}'])
def test_a_forged_environment_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / environment.NOTED).write_text(text)
    assert not environment.noted(tmp_path)
