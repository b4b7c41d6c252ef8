"""What a new container reads is there: its ini file, what that takes from elsewhere, and its database."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backups.services.base import Delivery
from backups.services.grafana.details import Elsewhere
from backups.services.grafana.files import environment, hand_over, secrets
from backups.services.grafana.files.in_force import Outside
from tests.unit.grafana.files.conftest import KEY, MANIFEST

WHOLE = [
    ("[smtp]\npassword = ${SMTP}\n", {"SMTP": "of the mail"}, {}),
    ("[smtp]\npassword = $__env{SMTP}\n", {"SMTP": "of the mail"}, {}),
    ("[server]\ndomain = ${NOT_SET_AT_THE_SOURCE}\n", {}, {}),
    ("[DEFAULT]\ninstance_name = ${HOSTNAME}\n", {}, {}),
    ("", None, {"config/defaults.ini": "instance_name = ${HOSTNAME}\n"}),
    ("[database]\nurl = sqlite3://grafana\n", {}, {}),
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


@pytest.mark.parametrize(("path", "there"), [("/run/secrets/db", False), ("/etc/grafana/db", True), ("/etc/grafana/lost", False)])
@pytest.mark.parametrize("seen", [None, {}])
def test_a_value_that_a_provisioning_file_takes_from_a_file_needs_that_file(
    handed: Callable[..., Delivery], path: str, there: bool, seen: dict[str, str] | None
) -> None:
    """A real server ends when it is not there, or seals an empty password."""
    text = f"datasources: [{{secureJsonData: {{password: '$__file{{{path}}}'}}}}]"
    delivery = handed(
        f"[security]\nsecret_key = {KEY}\n", seen=seen, files={"config/provisioning/datasources/a.yaml": text, "config/db": ""}
    )
    why = [f"provisioning files take a value from the file {path}, which is not in the backup"]
    assert delivery.unready == ([] if there else why)


@pytest.mark.parametrize(
    ("ini", "seen", "said"),
    [
        ("", {"GF_UNIFIED_ALERTING_HA_PEERS": "one:9094", "GF_UNIFIED_ALERTING_HA_LISTEN_ADDRESS": "x"}, "container is alone"),
        ("", {"GF_UNIFIED_ALERTING_HA_REDIS_ADDRESS": "redis:6379"}, "container is alone"),
        ("[unified_alerting]\nha_peers = one:9094\n", {}, "joins that cluster"),
        ("", {"GF_UNIFIED_ALERTING_HA_PEERS": ""}, None),
    ],
)
def test_a_new_container_is_not_put_into_its_sources_cluster(
    handed: Callable[..., Delivery], ini: str, seen: dict[str, str], said: str | None
) -> None:
    """It would change the silences of a source that lives."""
    delivery = handed(ini, seen=seen)
    assert [note for note in delivery.notes if "cluster" in note] == [note for note in delivery.notes if said and said in note]
    assert any("cluster" in note for note in delivery.notes) is (said is not None)
    assert not [name for name in delivery.environment if "_HA_" in name]


def test_what_its_provisioning_files_provide_is_provided_again(handed: Callable[..., Delivery]) -> None:
    """Also where no ini file is beside them: their server has its settings from its environment."""
    prunable = "UPDATE data_source SET is_prunable = 1 WHERE uid = 'agama-mysql'"
    assert handed(None, seen={"GF_SECURITY_SECRET_KEY": KEY}, files=PROVIDED, sql=prunable).unready == []


@pytest.mark.parametrize(
    ("ini", "wanted"),
    [
        ("[database]\nconnection_string = file:/data/a.db\n", "file:/var/lib/grafana/grafana.db?cache=private&mode=rwc"),
        ("[database]\npath = /data/a.db\n", None),
    ],
)
def test_a_connection_string_leads_to_the_file_that_is_handed_over(
    handed: Callable[..., Delivery], ini: str, wanted: str | None
) -> None:
    assert handed(ini).environment.get("GF_DATABASE_CONNECTION_STRING") == wanted
