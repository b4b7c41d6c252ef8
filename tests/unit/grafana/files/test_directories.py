"""What a configuration names outside itself goes along into a backup, or is named; and comes back where the server looks for it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.services.grafana.files import directories, in_force, named_files
from backups.services.grafana.files.directories import Source
from backups.services.grafana.files.provisioned import apps, providers, variables
from backups.services.grafana.settings import GrafanaSettings


class Engine:
    """Docker with one container, whose `/path` is `<root>/path` of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def host_path(self, container: str, path: str) -> Path:
        return self.root / path.lstrip("/")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What Grafana sees as `/`."""
    for path in ("var/lib/grafana", "etc/grafana/provisioning/dashboards", "etc/grafana/provisioning/datasources"):
        (tmp_path / "root" / path).mkdir(parents=True)
    return tmp_path / "root"


def source(root: Path, *, local: bool = False, environment: dict[str, str] | None = None) -> Source:
    kind = f"local:{root}" if local else "docker:box:"
    settings = GrafanaSettings.model_validate(
        {
            "type": "grafana", "image": "g", "url": "http://g:3000", "place": f"{kind}/var/lib/grafana",
            "config_place": f"{kind}/etc/grafana",
        }
    )  # fmt: skip
    found = in_force.read(root / "etc/grafana", in_force.Outside(environment))
    return Source(settings, found, cast("Any", Engine(root)), cast("Any", SimpleNamespace()))


def provide(root: Path, *paths: str, interval: int | None = None) -> None:
    listed = [
        {"name": f"p{number}", "type": "file", "options": {"path": path}}
        | ({"updateIntervalSeconds": interval} if interval else {})
        for number, path in enumerate(paths)
    ]
    (root / "etc/grafana/provisioning/dashboards/all.yaml").write_text(json.dumps({"apiVersion": 1, "providers": listed}))


def board(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("{}")


def taken(root: Path, tmp_path: Path, of: Source) -> tuple[list[str], list[str]]:
    """The paths in the backup, and what was said not to be in it."""

    into = tmp_path / "backup"
    shutil.copytree(root / "etc/grafana/provisioning", into / "config/provisioning", dirs_exist_ok=True)
    limits = list(directories.take(of, into / "config", into, tmp_path / "work"))
    return sorted(path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()), limits


@pytest.mark.parametrize(
    "path",
    ["/var/lib/grafana/dashboards", "/etc/grafana/boards", "/srv/boards", "/opt/a b/ü", "/etc/dashboards", "/tmp/dashboards"],
)
def test_a_providers_directory_goes_along_wherever_it_is(root: Path, tmp_path: Path, path: str) -> None:
    provide(root, path)
    board(root, f"{path}/deep/one.json".lstrip("/"))
    (root / path.lstrip("/") / "shadow").write_text("of no dashboard")
    files, limits = taken(root, tmp_path, source(root))
    assert f"directories{path}/deep/one.json" in files
    assert not any("shadow" in file for file in files)
    assert limits == []


def test_a_configmaps_links_are_followed_and_what_it_hides_stays_hidden(root: Path, tmp_path: Path) -> None:
    provide(root, "/srv/boards")
    board(root, "srv/boards/..2026/one.json")
    (root / "srv/boards/..data").symlink_to("..2026")
    (root / "srv/boards/one.json").symlink_to("..data/one.json")
    (root / "srv/boards/lost.json").symlink_to("/nowhere.json")
    files, limits = taken(root, tmp_path, source(root))
    assert [file for file in files if file.startswith("directories")] == ["directories/srv/boards/one.json"]
    assert [limit for limit in limits if limit.startswith("lost.json")] == limits
    assert len(limits) == 1


@pytest.mark.parametrize("path", ["/not/there", "relative/path", "/srv/../etc"])
def test_a_directory_that_cannot_be_had_is_named_by_backup_and_doctor(root: Path, tmp_path: Path, path: str) -> None:
    provide(root, path)
    _, limits = taken(root, tmp_path, source(root))
    said = list(directories.examine(source(root), tmp_path / "backup/config", tmp_path / "examined"))
    assert len(limits) == len(said) == 1
    assert f"the directory {path} of the provider of dashboards 'p0'" in limits[0]
    assert limits == said


def test_more_than_a_backup_takes_along_is_named(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "_MOST", 10)
    provide(root, "/srv/boards")
    board(root, "srv/boards/one.json")
    (root / "srv/boards/two.json").write_text("[1, 2, 3, 4, 5]")
    files, limits = taken(root, tmp_path, source(root))
    assert not any(file.startswith("directories") for file in files)
    assert "at most 10 B are taken along" in limits[0]


@pytest.mark.parametrize("by", ["ini", "environment"])
def test_provisioning_files_that_are_elsewhere_are_the_ones_that_go_along(root: Path, tmp_path: Path, by: str) -> None:
    (root / "srv/prov/datasources").mkdir(parents=True)
    (root / "srv/prov/datasources/used.yaml").write_text("apiVersion: 1\n")
    (root / "etc/grafana/provisioning/datasources/unused.yaml").write_text("apiVersion: 1\n")
    if by == "ini":
        (root / "etc/grafana/grafana.ini").write_text("[paths]\nprovisioning = /srv/prov\n")
    environment = {"GF_PATHS_PROVISIONING": "/srv/prov"} if by == "environment" else {}
    found = source(root, environment=environment)
    files, limits = taken(root, tmp_path, found)
    # What only the environment sets is asked by name.
    assert ("config/provisioning/datasources/used.yaml" in files, limits) == (True, [])
    assert not any("unused" in file for file in files)


@pytest.mark.parametrize(
    ("ini", "path", "goes_along"),
    [
        ("[server]\ncert_file = /etc/grafana/certs/a.crt", "/etc/grafana/certs/a.crt", True),
        ("[auth.ldap]\nenabled = true\nconfig_file = /etc/grafana/deep/ldap.toml", "/etc/grafana/deep/ldap.toml", True),
        ("[server]\ncert_key = /srv/tls/a.key", "/srv/tls/a.key", False),
        ("[auth.generic_oauth]\nenabled = true\ntls_client_ca = /srv/ca.pem", "/srv/ca.pem", False),
        ("[smtp]\nenabled = yes\npassword = $__file{/run/secrets/smtp}", "/run/secrets/smtp", False),
        ("[auth.jwt]\nenabled = true\njwk_set_file = /srv/jwks.json", "/srv/jwks.json", False),
    ],
)
def test_a_file_that_a_setting_names_goes_along_from_below_config_place_and_is_named_else(
    root: Path, tmp_path: Path, ini: str, path: str, goes_along: bool
) -> None:
    (root / "etc/grafana/grafana.ini").write_text(ini + "\n")
    board(root, path.lstrip("/"))
    of = source(root)
    with_reader = in_force.Outside(None, lambda named: (root / named.lstrip("/")).read_bytes())
    of = Source(of.settings, in_force.read(root / "etc/grafana", with_reader), of.docker, of.hosts)
    files, limits = taken(root, tmp_path, of)
    assert (f"config/{path.removeprefix('/etc/grafana/')}" in files) is goes_along
    assert any(f"the file {path}, which [" in limit for limit in limits) is not goes_along
    assert (
        any(
            f"the file {path}, which [" in line
            for line in directories.examine(of, tmp_path / "backup/config", tmp_path / "examined")
        )
        is not goes_along
    )


@pytest.mark.parametrize(
    ("environment", "path", "goes_along"),
    [
        ({"GF_SMTP_PASSWORD__FILE": "/run/secrets/smtp"}, "/run/secrets/smtp", False),
        ({"GF_SERVER_CERT_KEY": "/srv/tls/a.key"}, "/srv/tls/a.key", False),
        ({"GF_AUTH_GENERIC_OAUTH_TLS_CLIENT_CA": "/srv/ca.pem"}, "/srv/ca.pem", False),
        ({"GF_AUTH_GENERIC_OAUTH_ENABLED": "true", "GF_AUTH_GENERIC_OAUTH_TLS_CLIENT_CA": "/srv/ca"}, "/srv/ca", False),
        ({"GF_AUTH_LDAP_CONFIG_FILE": "/etc/grafana/deep/ldap.toml"}, "/etc/grafana/deep/ldap.toml", True),
        ({"GF_PATHS_CONFIG": "/opt/own/grafana.ini", "GF_SERVER_CERT_FILE": "/opt/own/tls/a.crt"}, "/opt/own/tls/a.crt", True),
    ],
)
@pytest.mark.parametrize("configured", [True, False])
def test_a_file_that_a_variable_names_goes_along_or_is_named_too(
    root: Path, tmp_path: Path, environment: dict[str, str], path: str, goes_along: bool, configured: bool
) -> None:
    of = source(root, environment=environment)
    if not configured:
        of = replace(of, settings=of.settings.model_copy(update={"config_place": None}))
    elif "GF_PATHS_CONFIG" in environment:
        of = replace(of, settings=of.settings.model_copy(update={"config_place": "docker:box:/opt/own"}))
    board(root, path.lstrip("/"))
    goes_along = goes_along and configured
    files, limits = taken(root, tmp_path, of)
    below = path.removeprefix("/etc/grafana/").removeprefix("/opt/own/")
    assert (f"config/{below}" in files) is goes_along
    (name,) = [name for name, value in environment.items() if value == path]
    wanted = [] if goes_along else [f"the file {path}, which {name} of the environment names: it is not below config_place"]
    assert limits == wanted
    assert list(directories.examine(of, tmp_path / "backup/config", tmp_path / "examined")) == wanted


@pytest.mark.parametrize(
    "environment",
    [
        {"GF_PATHS_DATA": "/var/lib/grafana", "GF_PATHS_CONFIG": "/etc/grafana/grafana.ini"},
        {"GF_SECURITY_SECRET_KEY": "/of slashes", "GF_SECURITY_SECRET_KEY__FILE": "/run/key"},
        {"GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/admin"},
        {"GF_EXTERNAL_IMAGE_STORAGE_S3_SECRET_KEY": "/of/slashes", "GF_EXTERNAL_IMAGE_STORAGE_AZURE_BLOB_ACCOUNT_KEY": "/of"},
        {"GF_AUTH_LDAP_ENABLED": "false", "GF_AUTH_LDAP_CONFIG_FILE": "/srv/ldap.toml"},
        {"GF_SERVER_CERT_FILE": "relative.crt", "SERVER_CERT_FILE": "/srv/a"},
    ],
)
def test_a_variable_that_names_no_file_of_a_person_is_not_told(root: Path, environment: dict[str, str]) -> None:
    assert list(named_files.named_files(source(root, environment=environment).found)) == []


@pytest.mark.parametrize(
    ("kind", "text", "path", "goes_along"),
    [
        ("datasources", "datasources: [{secureJsonData: {p: $__file{/run/secrets/db}}}]", "/run/secrets/db", False),
        ("alerting", "{contactPoints: [{settings: {url: '$__file{/run/secrets/hook}'}}]}", "/run/secrets/hook", False),
        ("plugins", "apps: [{jsonData: {a: '$__file{/etc/grafana/deep/key}'}}]", "/etc/grafana/deep/key", True),
    ],
)
def test_a_file_that_a_provisioning_file_takes_a_value_from_goes_along_or_is_named(
    root: Path, tmp_path: Path, kind: str, text: str, path: str, goes_along: bool
) -> None:
    (root / f"etc/grafana/provisioning/{kind}").mkdir(exist_ok=True)
    (root / f"etc/grafana/provisioning/{kind}/a.yaml").write_text(text)
    board(root, path.lstrip("/"))
    files, limits = taken(root, tmp_path, source(root))
    assert (f"config/{path.removeprefix('/etc/grafana/')}" in files) is goes_along
    wanted = [] if goes_along else [f"the file {path}, which a provisioning file names: it is not below config_place"]
    assert limits == wanted
    assert list(directories.examine(source(root), tmp_path / "backup/config", tmp_path / "examined")) == wanted
    assert variables(tmp_path / "backup/config") == []


def test_a_secret_that_begins_with_a_slash_is_no_file(root: Path) -> None:
    (root / "etc/grafana/grafana.ini").write_text("[external_image_storage.s3]\nsecret_key = /of/slashes\naccess_key = /of\n")
    assert list(named_files.named_files(source(root).found)) == []


def test_a_file_is_named_once_however_often_it_is(root: Path) -> None:
    (root / "etc/grafana/grafana.ini").write_text("[smtp]\nenabled = true\ncert_file = /a\n[server]\ncert_file = /b\n")
    found = source(root, environment={"GF_SERVER_CERT_FILE": "/c", "GF_GRPC_SERVER_CERT_FILE": "/c"}).found
    assert [path for _, path in named_files.named_files(found)] == ["/c", "/a"]


def test_a_section_that_is_off_names_nothing(root: Path) -> None:
    (root / "etc/grafana/grafana.ini").write_text(
        "[auth.ldap]\nenabled = false\nconfig_file = /srv/ldap.toml\n[smtp]\ncert_file = /srv/x\n"
    )
    assert list(named_files.named_files(source(root).found)) == []


def test_local_places_are_what_the_server_sees(root: Path, tmp_path: Path) -> None:
    """A server of the machine itself names its directories by the paths of the places."""
    provide(root, f"{root}/var/lib/grafana/dashboards")
    board(root, "var/lib/grafana/dashboards/one.json")
    files, limits = taken(root, tmp_path, source(root, local=True))
    assert f"directories{root}/var/lib/grafana/dashboards/one.json" in files
    assert limits == []


FORGED = ["/", "/etc", "/usr/bin", "/bin/x", "/lib", "/srv/../bin", "relative", "/a:b", "/proc/1"]


@pytest.mark.parametrize("path", FORGED)
def test_a_forged_provider_puts_nothing_over_what_an_image_has(tmp_path: Path, path: str) -> None:
    config = tmp_path / "config"
    (config / "provisioning/dashboards").mkdir(parents=True)
    (config / "provisioning/dashboards/x.yaml").write_text(json.dumps({"providers": [{"name": "x", "options": {"path": path}}]}))
    (tmp_path / "directories" / path.strip("/")).mkdir(parents=True, exist_ok=True)
    assert directories.kept(tmp_path, config) == {}


def test_of_a_backups_directories_only_dashboards_come_back_and_each_once(tmp_path: Path) -> None:
    config = tmp_path / "config"
    (config / "provisioning/dashboards").mkdir(parents=True)
    listed = [
        {"name": name, "options": {"path": path}} for name, path in (("a", "/srv/x/"), ("b", "/srv/x/deep"), ("c", "/srv/y"))
    ]
    (config / "provisioning/dashboards/x.yaml").write_text(json.dumps({"providers": listed}))
    for path in ("srv/x/one.json", "srv/x/program", "srv/x/deep/two.json", "srv/y/three.JSON"):
        board(tmp_path / "directories", path)
    kept = directories.kept(tmp_path, config)
    assert sorted(kept) == ["/srv/x", "/srv/y"]
    assert not (kept["/srv/x"] / "program").exists()
    assert (kept["/srv/x"] / "deep/two.json").exists()


def test_what_provisioning_files_name_is_read_as_grafana_reads_it(tmp_path: Path) -> None:
    for kind, text in (
        (
            "datasources/a.yaml",
            "datasources: [{secureJsonData: {password: $DB_PASSWORD, b: '${Other}', c: $$not, d: $__env{THIRD}}}]",
        ),
        ("alerting/a.yaml", "groups: [{annotations: {x: '{{ $labels.a }} $values', y: $URL}}]"),
        ("plugins/a.yaml", "apps: [{type: an-app}, {org_id: 1}]"),
        ("dashboards/broken.yaml", "providers: [{name: x, options: {path: /a}"),
        ("dashboards/odd.yaml", "providers: [3, {options: 4}, {name: n, options: {folder: /old}, updateIntervalSeconds: true}]"),
        ("dashboards/dashboard.json", '{"providers": [{"name": "no", "options": {"path": "/no"}}]}'),
    ):
        (tmp_path / "provisioning" / kind).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "provisioning" / kind).write_text(text)
    assert variables(tmp_path) == ["DB_PASSWORD", "Other", "THIRD", "URL"]
    assert apps(tmp_path) == ["an-app"]
    assert [(one.name, one.path, one.interval) for one in providers(tmp_path)] == [("n", "/old", 10)]
