"""How a new container starts on a restored Grafana: with its world about it, or not at all."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.manifest import Manifest, Source
from backups.services.base import Delivery
from backups.services.grafana.details import Elsewhere
from backups.services.grafana.files import environment, hand_over, in_force, outside, secrets
from backups.services.grafana.files.database import FILE, opened
from backups.services.grafana.files.in_force import Outside
from deployments.grafana_standin.database import build

NOW = datetime(2026, 11, 30, tzinfo=UTC)
KEY = "an operator's own key"
MANIFEST = Manifest.model_construct(
    lifeboat="1", id="b", service="g", type="grafana", kind="full", chain="b", sequence=0, parent=None, started_at=NOW, taken_at=NOW,
    finished_at=NOW, source=Source(version="12.4.3", image="g"), files=(), witness=(), details={},
)  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / FILE
    build(path, layout="resource", secret_key=KEY)
    return path


@pytest.fixture
def handed(template: Path, tmp_path: Path) -> Callable[..., Delivery]:
    """Take a backup as a capture does, and hand it over as a copy does."""

    def over(
        ini: str | None = f"[security]\nsecret_key = {KEY}\n",
        *,
        seen: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        sql: str = "",
        plugins: tuple[str, ...] = (),
        readable: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> Delivery:
        backup, data = tmp_path / "backup", tmp_path / "data"
        backup.mkdir(exist_ok=True)
        data.mkdir()
        for path, text in ({"config/grafana.ini": ini} if ini is not None else {}).items() | (files or {}).items():
            (backup / path).parent.mkdir(parents=True, exist_ok=True)
            (backup / path).write_text(str(text))
        shutil.copyfile(template, data / FILE)
        if sql:
            with closing(sqlite3.connect(data / FILE)) as connection, connection:
                connection.executescript(sql)
        read = (lambda path: (readable or {})[path].encode()) if readable is not None else None
        beyond = Outside(seen, read, arguments)
        found = in_force.read(backup / "config", beyond)
        outside.note(found, [outside.SECRET_KEY], backup, opens=True)
        environment.note(beyond, backup / "config", backup)
        with opened(data / FILE) as database:
            witness = tuple(secrets.judge(database, (KEY,)).facts)
            details = {"plugins": [{"id": plugin, "version": "1"} for plugin in plugins]}
            manifest = MANIFEST.model_copy(update={"witness": witness, "details": details})
            return hand_over.delivery(backup, database, manifest, data)

    return over


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


WHOLE = [
    ("[smtp]\npassword = ${SMTP}\n", {"SMTP": "of the mail"}, {}),
    ("[smtp]\npassword = $__env{SMTP}\n", {"SMTP": "of the mail"}, {}),
    ("[server]\ndomain = ${NOT_SET_AT_THE_SOURCE}\n", {}, {}),
    ("[DEFAULT]\ninstance_name = ${HOSTNAME}\n", {}, {}),
    ("[smtp]\npassword = $__file{/etc/grafana/smtp}\n", {}, {"config/smtp": "of the mail"}),
    ("[smtp]\npassword = $__file{/etc/grafana/secret/smtp}\n", None, {"config/secret/smtp": "of the mail"}),
    ("[smtp]\npassword = $__file{/run/smtp}\n", {"GF_SMTP_PASSWORD": "of the mail"}, {}),
]


@pytest.mark.parametrize(("ini", "seen", "files"), WHOLE)
def test_a_server_is_started_where_all_that_its_settings_take_from_elsewhere_is_there(
    handed: Callable[..., Delivery], ini: str, seen: dict[str, str] | None, files: dict[str, str]
) -> None:
    assert handed(f"[security]\nsecret_key = {KEY}\n{ini}", seen=seen, files=files).unready == []


@pytest.mark.parametrize("path", ["/etc/grafana/lost", "/etc/grafana/../shadow", "/etc/grafana", "/etc/grafana/link"])
def test_a_file_that_is_not_in_the_backup_is_none(handed: Callable[..., Delivery], tmp_path: Path, path: str) -> None:
    (tmp_path / "backup/config").mkdir(parents=True)
    (tmp_path / "backup/config/link").symlink_to("/etc/hosts")
    delivery = handed(f"[security]\nsecret_key = {KEY}\n[smtp]\npassword = $__file{{{path}}}\n")
    assert [line for line in delivery.unready if f"the file {path}" in line]


@pytest.mark.parametrize(
    ("environ", "arguments"),
    [
        ({"GF_PATHS_CONFIG": "/etc/grafana/prod.ini"}, ()),
        ({}, ("/run.sh", "--config=/etc/grafana/prod.ini")),
        ({"GF_PATHS_CONFIG": "/etc/grafana/grafana.ini"}, ("grafana", "server", "-config", "/etc/grafana/prod.ini")),
    ],
)
@pytest.mark.parametrize("ini", [None, "[security]\nsecret_key = of no server\n"])
def test_the_ini_file_that_the_source_read_is_the_one_that_counts(
    handed: Callable[..., Delivery], tmp_path: Path, environ: dict[str, str], arguments: tuple[str, ...], ini: str | None
) -> None:
    """Whoever drills or restores reads the key where the backup was seen to have it."""
    files = {"config/prod.ini": f"[security]\nsecret_key = {KEY}\n"}
    delivery = handed(ini, seen=environ, arguments=arguments, files=files)
    assert secrets.keys(hand_over.settings(tmp_path / "backup"))[0] == KEY
    assert delivery.environment["GF_PATHS_CONFIG"] == "/etc/grafana/prod.ini"
    assert delivery.unready == []


PROVIDED = {"config/provisioning/datasources/a.yaml": "apiVersion: 1\n"}


@pytest.mark.parametrize(
    ("ini", "seen", "files"),
    [
        (None, {"GF_SECURITY_SECRET_KEY": KEY}, {}),
        (None, {"GF_SECURITY_SECRET_KEY": KEY, "GF_PATHS_CONFIG": "/etc/grafana/grafana.ini"}, PROVIDED),
        (None, None, {"config/defaults.ini": ""}),
        (None, None, {"config/a.ini": ""}),
        (None, {"GF_SECURITY_SECRET_KEY": KEY}, {"config/lifeboat-no-settings.ini": "[users]\n"}),
        ("", {"GF_SECURITY_SECRET_KEY": KEY}, PROVIDED),
    ],
)
def test_the_file_that_a_new_container_is_told_to_read_is_there(
    handed: Callable[..., Delivery], ini: str | None, seen: dict[str, str] | None, files: dict[str, str]
) -> None:
    """A real server ends when it is not, and the volume of its configuration hides the image's own."""
    delivery = handed(ini, seen=seen, files=files)
    assert delivery.configuration is not None
    told = delivery.environment["GF_PATHS_CONFIG"]
    assert (delivery.configuration / Path(told).relative_to("/etc/grafana")).is_file()
    assert "[users]" not in (delivery.configuration / Path(told).name).read_text()


def test_without_any_configuration_the_image_reads_its_own(handed: Callable[..., Delivery]) -> None:
    delivery = handed(None)
    assert delivery.configuration is None
    assert not {"GF_PATHS_CONFIG", "GF_PATHS_PROVISIONING"} & set(delivery.environment)


def test_an_ini_file_that_nobody_is_seen_to_read_is_not_guessed(handed: Callable[..., Delivery]) -> None:
    delivery = handed(None, files={"config/prod.ini": f"[security]\nsecret_key = {KEY}\n"})
    assert any("which ini file Grafana reads is not known, it may be one of prod.ini" in line for line in delivery.unready)


@pytest.mark.parametrize("ini", ["[database]\nurl = mysql://a:b@db/g\n", "[database]\ntype = mysql\nhost = db\nname = g\n"])
def test_a_database_of_another_service_is_the_one_that_its_settings_name(tmp_path: Path, ini: str) -> None:
    (tmp_path / "backup/config").mkdir(parents=True)
    (tmp_path / "backup/config/grafana.ini").write_text(f"{ini}[security]\nsecret_key = {KEY}\n")
    environment.note(Outside({"GF_DATABASE_PASSWORD": "of the database"}), tmp_path / "backup/config", tmp_path / "backup")
    (tmp_path / "data").mkdir()
    elsewhere = Elsewhere(service="agama", name="g")
    delivery = hand_over.delivery_without_data(tmp_path / "backup", elsewhere, MANIFEST, tmp_path / "data")
    assert delivery.unready == ["its database g has to be there first: lifeboat restore agama"]
    assert delivery.environment["GF_DATABASE_PASSWORD"] == "of the database"
    assert not {"GF_DATABASE_TYPE", "GF_DATABASE_PATH"} & set(delivery.environment)


@pytest.mark.parametrize(
    ("variable", "path", "said"),
    [
        ("GF_SMTP_PASSWORD__FILE", "/run/secrets/smtp", True),
        ("GF_SERVER_CERT_FILE", "/srv/tls/a.crt", True),
        ("GF_AUTH_LDAP_CONFIG_FILE", "/etc/grafana/ldap.toml", False),
        ("GF_AUTH_LDAP_CONFIG_FILE", "/etc/ldap/ldap.toml", True),
    ],
)
def test_a_file_that_only_the_environment_names_is_named_unless_it_is_there(
    handed: Callable[..., Delivery], variable: str, path: str, said: bool
) -> None:
    delivery = handed(seen={variable: path}, files={"config/ldap.toml": ""})
    assert (f"{variable} of the environment names the file {path}, which is not in the backup" in delivery.notes) is said


@pytest.mark.parametrize(
    ("ini", "seen", "elsewhere"),
    [
        ("", None, {}),
        ("", {"GF_PATHS_PROVISIONING": "/etc/grafana/provisioning"}, {}),
        ("", {"GF_PATHS_PROVISIONING": "/own/provisioning", "GF_PATHS_CONFIG": "/own/grafana.ini"}, {}),
        ("", {"GF_PATHS_PROVISIONING": "/srv/prov/"}, {"provisioning": "/srv/prov"}),
        ("[paths]\nprovisioning = /srv/prov\n", None, {"provisioning": "/srv/prov"}),
        ("[paths]\nprovisioning = conf/provisioning\n", None, {}),
        ("[paths]\nprovisioning = /srv/../etc\n", None, {}),
    ],
)
def test_where_the_source_reads_its_provisioning_files_comes_along(
    handed: Callable[..., Delivery], ini: str, seen: dict[str, str] | None, elsewhere: dict[str, str]
) -> None:
    assert handed(ini, seen=seen).read_elsewhere == elsewhere


def test_what_its_provisioning_files_provide_is_provided_again(handed: Callable[..., Delivery]) -> None:
    """Also where no ini file is beside them: their server has its settings from its environment."""
    prunable = "UPDATE data_source SET is_prunable = 1 WHERE uid = 'agama-mysql'"
    assert handed(None, seen={"GF_SECURITY_SECRET_KEY": KEY}, files=PROVIDED, sql=prunable).unready == []


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


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"LD_PRELOAD": "x", "a b": "c", "GF_A": 1}'])
def test_a_forged_environment_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / environment.NOTED).write_text(text)
    assert not environment.noted(tmp_path)
