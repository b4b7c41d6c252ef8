"""lifeboat.yaml: what it may say, and how its faults are told. The texts are golden: an operator reads exactly these."""

import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from backups.config import file
from backups.errors import ConfigError, LifeboatError
from backups.hosts import NOWHERE
from backups.machine.docker import Docker
from backups.places.parse import parse
from backups.services.mysql.settings import MySQLSettings
from backups.services.prometheus.settings import PrometheusSettings
from backups.site import Site

EXAMPLE = Path(__file__).parents[3] / "deployments" / "example" / "lifeboat.yaml"

WELL = """\
repository: {url: repo, password: "${KEY}"}
services:
  agama:
    type: mysql
    image: mysql:9.7
    host: 10.0.0.5
    password: ${AGAMA_PASSWORD}
"""

GRAFANA = """\
  grafana:
    type: grafana
    image: grafana/grafana:12.4.1
    url: http://127.0.0.1:3000
    config_place: local:/etc/grafana
    database: nobody
"""


@pytest.fixture
def write(tmp_path: Path) -> object:
    def written(text: str) -> Path:
        path = tmp_path / "lifeboat.yaml"
        path.write_text(text)
        return path

    return written


def told(path: Path) -> str:
    with pytest.raises(ConfigError) as fault:
        file.load(path)
    text = "".join(traceback.format_exception(fault.value))
    assert "hunter2" not in text, "a secret is in the traceback"
    return str(fault.value).replace(str(path), "FILE")


def test_reads_a_small_file_and_loads_no_secret(write: object, tmp_path: Path) -> None:
    settings = file.load(write(WELL))  # type: ignore[operator]
    agama = settings.services["agama"]
    assert isinstance(agama, MySQLSettings)
    assert (agama.host, agama.port, settings.timezone) == ("10.0.0.5", 3306, "Etc/UTC")
    assert settings.objectives.rto == timedelta(hours=2)
    assert settings.repository.url == str(tmp_path / "repo")


def test_the_example_shows_every_key_and_loads() -> None:
    settings = file.load(EXAMPLE)
    text = EXAMPLE.read_text()
    sections = [settings, settings.repository, settings.objectives, settings.retention, settings.sandbox]
    sections += [*settings.repositories.values(), *(each.retention for each in settings.repositories.values() if each.retention)]
    sections += [*settings.services.values(), *settings.hosts.values()]
    missing = {
        f"{type(section).__name__}.{key}" for section in sections for key in type(section).model_fields if f"{key}:" not in text
    }
    assert not missing
    assert {service.type for service in settings.services.values()} == {"mysql", "prometheus", "grafana"}


def test_relative_paths_start_at_the_folder_of_the_file_and_a_tilde_is_the_home(write: object, tmp_path: Path) -> None:
    text = WELL.replace('password: "${KEY}"', "password_file: keys/repository").replace("${AGAMA_PASSWORD}", "x")
    text += "    suites: [suites/a.yaml, ~/b.yaml]\n    tls_ca: ca.pem\nstate: state\n"
    settings = file.load(write(text))  # type: ignore[operator]
    agama = settings.services["agama"]
    assert isinstance(agama, MySQLSettings)
    assert settings.state == tmp_path / "state"
    assert settings.repository.password_file == tmp_path / "keys" / "repository"
    assert agama.suites == (tmp_path / "suites" / "a.yaml", Path.home() / "b.yaml")
    assert agama.tls_ca == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("/abs/repo", "/abs/repo"),
        ("local:/abs/repo", "/abs/repo"),
        ("sftp:me@host:/repo", "sftp:me@host:/repo"),
        ("s3:https://host/bucket", "s3:https://host/bucket"),
        ("${REPOSITORY_URL}", "${REPOSITORY_URL}"),
    ],
)
def test_repository_urls_stay_as_restic_writes_them(write: object, url: str, becomes: str) -> None:
    settings = file.load(write(WELL.replace("url: repo", f'url: "{url}"')))  # type: ignore[operator]
    assert settings.repository.url == becomes


FAULTS = {
    "an unknown key of a service": (
        WELL.replace("password:", "pasword:").replace("pasword: \"", "password: \""),
        "FILE:7: unknown key services.agama.pasword\nhint: did you mean password?",
    ),
    "an unknown key at the top": (
        WELL + "retension: {}\n",
        "FILE:8: unknown key retension\nhint: did you mean retention?",
    ),
    "an unknown key inside a section": (
        WELL + "retention:\n  keep: 21d\n  kepe_for: 1d\n",
        "FILE:10: unknown key retention.kepe_for\nhint: known keys here: keep, delete_after, evidence, daily, weekly, monthly, yearly",
    ),
    "a missing key": (
        WELL.replace("    host: 10.0.0.5\n", ""),
        "FILE:3: services.agama.host is missing\nhint: deployments/example/lifeboat.yaml shows every key",
    ),
    "no repository": (
        WELL.partition("\n")[2],
        "FILE:1: repository is missing\nhint: deployments/example/lifeboat.yaml shows every key",
    ),
    "no services": ("repository: {url: r}\n", "FILE:1: services is missing\nhint: deployments/example/lifeboat.yaml shows every key"),
    "an empty list of services": (
        "repository: {url: r}\nservices: {}\n",
        ("FILE:2: services: dictionary should have at least 1 item after validation, not 0\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "a wrong type of value": (
        WELL + "    port: many\n",
        ("FILE:8: services.agama.port: input should be a valid integer, unable to parse string as an integer\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "an unknown type of service": (
        WELL.replace("mysql\n", "mysqll\n"),
        "FILE:4: services.agama.type is 'mysqll'\nhint: write one of: mysql, prometheus, grafana",
    ),
    "a service without a type": (
        WELL.replace("    type: mysql\n", ""),
        "FILE:3: services.agama has no type\nhint: write one of: mysql, prometheus, grafana",
    ),
    "a service that is not a section": (
        WELL + "  other: 3\n",
        "FILE:8: services.other has no type\nhint: write one of: mysql, prometheus, grafana",
    ),
    "a bad service name": (
        WELL.replace("agama:", "Agama DB:"),
        ("FILE:3: services.Agama DB: string should match pattern '^[a-z0-9][a-z0-9_-]*$'\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "a bad time zone": (
        WELL + "timezone: Mars/Olympus\n",
        ("FILE:8: timezone: 'Mars/Olympus' is not a time zone (examples: Etc/UTC, Europe/Berlin)\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "a span without its unit": (
        WELL + "retention: {keep: 21}\n",
        ("FILE:8: retention.keep: a span of time needs a unit (examples: 90s, 2h, 21d, 1d12h)\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "a span with an unknown unit": (
        WELL + "objectives: {rto: 2 hours}\n",
        ("FILE:8: objectives.rto: '2 hours' is not a span of time (examples: 90s, 2h, 21d, 1d12h)\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "memory without its unit": (
        WELL + "sandbox: {memory: 4 gigabytes}\n",
        ("FILE:8: sandbox.memory: an amount of memory needs a unit (examples: 512MiB, 4GiB)\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "retention that deletes what it keeps": (
        WELL + "retention: {keep: 31d, delete_after: 21d}\n",
        ("FILE:8: retention: delete_after (21 d 0 h) is shorter than keep (31 d 0 h)\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "a key that is written twice": (
        WELL + "    host: 10.0.0.6\n",
        "FILE:8: services.agama.host is written twice, first in line 6\nhint: remove one of them",
    ),
    "a service that is written twice": (
        WELL + "  agama: {type: mysql}\n",
        "FILE:8: services.agama is written twice, first in line 3\nhint: remove one of them",
    ),
    "a list": ("- a\n", "FILE holds no settings\nhint: copy deployments/example/lifeboat.yaml and adapt it"),
    "nothing": ("", "FILE holds no settings\nhint: copy deployments/example/lifeboat.yaml and adapt it"),
    "half a quote, after a password": (
        'repository: {url: r, password: "hunter2}\n',
        "FILE:2: not valid YAML: found unexpected end of stream\nhint: indent with spaces, quote values that hold a colon",
    ),
    "a password that looks like a YAML alias": (
        WELL.replace("${AGAMA_PASSWORD}", "*hunter2"),
        "FILE:7: not valid YAML: found undefined alias '…'\nhint: indent with spaces, quote values that hold a colon",
    ),
    "a password that looks like a YAML tag": (
        WELL.replace("${AGAMA_PASSWORD}", "!hunter2"),
        "FILE:7: not valid YAML: could not determine a constructor for the tag '…'\nhint: indent with spaces, quote values that hold a colon",
    ),
    "a password in the wrong place": (
        WELL.replace("${AGAMA_PASSWORD}", "{hunter2: hunter2}"),
        "FILE:7: services.agama.password: a password is text: put it in quotes\nhint: deployments/example/lifeboat.yaml shows every key",
    ),
    "a database of nobody": (
        WELL + GRAFANA,
        "FILE:13: services.grafana.database names nobody, which is not under services:\nhint: services of type mysql: agama",
    ),
    "a data source of nobody": (
        WELL + GRAFANA.replace("database: nobody", "database: agama") + "    data_sources: {Shop: grafana}\n",
        ("FILE:14: services.grafana.data_sources.Shop names grafana, which is no service of type mysql or prometheus\n"
        "hint: services of these types: agama"),
    ),
    "a database that is none": (
        WELL + GRAFANA.replace("nobody", "grafana"),
        "FILE:13: services.grafana.database names grafana, which is of type grafana, and not mysql\nhint: services of type mysql: agama",
    ),
    "a database without the key that opens it": (
        WELL + GRAFANA.replace("nobody", "agama").replace("    config_place: local:/etc/grafana\n", ""),
        ("FILE:8: services.grafana: database: needs config_place, the directory of grafana.ini: its secret_key opens that database\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "a restore by itself that would bring back no data": (
        WELL + GRAFANA.replace("nobody", "agama") + "    restore: {to: 'local:/x', stop: a, start: b, by_itself: true}\n",
        ("FILE:8: services.grafana: restore.by_itself: its data are in its database, which would not come back with it\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "a database for a Grafana that is read by its API": (
        WELL + GRAFANA.replace("nobody", "agama").replace("config_place: local:/etc/grafana", "method: api"),
        ("FILE:8: services.grafana: method: api reads no files: leave place, config_place and database out, or leave out method\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
    "two faults": (
        WELL + "    port: many\n    hots: x\n",
        ("FILE:8: services.agama.port: input should be a valid integer, unable to parse string as an integer (and 1 more)\n"
        "hint: deployments/example/lifeboat.yaml shows every key"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_reported_with_file_line_key_and_what_to_write(write: object, fault: str) -> None:
    text, words = FAULTS[fault]
    assert told(write(text)) == words  # type: ignore[operator]


def test_a_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.yaml"
    path.write_bytes(b"\xff\xff")
    assert told(path) == "FILE is not text in UTF-8\nhint: save it as UTF-8"


def test_a_configuration_that_is_nowhere_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file, "SEARCHED", (Path("lifeboat.yaml"),))
    with pytest.raises(ConfigError, match=r"no configuration found: neither lifeboat\.yaml"):
        file.find(None)
    with pytest.raises(ConfigError, match=r"there is no configuration file nowhere\.yaml"):
        file.find(Path("nowhere.yaml"))
    monkeypatch.setenv("LIFEBOAT_CONFIG", "also/nowhere.yaml")
    with pytest.raises(ConfigError, match=r"there is no configuration file also/nowhere\.yaml"):
        file.find(None)


def test_the_file_is_found_here_by_variable_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("lifeboat.yaml", "other.yaml", "third.yaml"):
        (tmp_path / name).write_text(WELL)
    assert file.find(None) == Path("lifeboat.yaml")
    monkeypatch.setenv("LIFEBOAT_CONFIG", "other.yaml")
    assert file.find(None) == Path("other.yaml")
    assert file.find(Path("third.yaml")) == Path("third.yaml")


def test_a_service_that_is_not_configured_is_reported_with_those_that_are(write: object) -> None:
    site = Site.open(write(WELL))  # type: ignore[operator]
    assert site.chosen([]) == ["agama"]
    with pytest.raises(ConfigError) as fault:
        site.chosen(["agamma"])
    assert str(fault.value) == "there is no service agamma in lifeboat.yaml\nhint: configured: agama"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("db: {address: 10.0.0.7}", "hosts.db.address: '10.0.0.7' is not user@host or user@host:port"),
        ("db: {address: a@b, jump: gate}", "hosts.db.jump names gate, which is not under hosts:"),
        ("x: {address: a@b, jump: y}, y: {address: a@c, jump: x}", "hosts.x.jump forms a circle: x → y → x"),
        ("x: {address: a@b, keyfile: /k}", "did you mean key_file?"),
        ("'a b': {address: a@b}", "string should match pattern"),
    ],
)
def test_machines_that_lead_nowhere_are_reported(write: object, text: str, words: str) -> None:
    assert words in told(write(f"{WELL}hosts: {{{text}}}\n"))  # type: ignore[operator]


def test_a_service_is_made_from_its_section(write: object) -> None:
    site = Site.open(write(WELL))  # type: ignore[operator]
    service = site.service("agama", Docker())
    assert service.name == "agama"
    assert service.settings is site.settings.services["agama"]


@pytest.mark.parametrize("place", ["", "/var/lib", "local:relative", "docker:web", "docker::/x", "docker:web:relative", "ftp:x:/y", "ssh:/x"])  # fmt: skip
def test_a_bad_place_is_reported_when_it_is_used(place: str) -> None:
    PrometheusSettings.model_validate({"type": "prometheus", "image": "i", "url": "http://h", "place": place})
    with pytest.raises(LifeboatError) as fault:
        parse(place, Docker(), NOWHERE)
    assert "examples: local:/var/lib/grafana, docker:grafana:/var/lib/grafana" in str(fault.value)
