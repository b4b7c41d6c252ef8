"""`lifeboat init`: what it writes from what servers say, and what it refuses. Real servers: tests/integration/flows/test_init.py."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backups import text
from backups.config import file
from backups.repository import restic_errors
from flows.commands import draft, found
from tests.servers.http import serving

Lifeboat = Callable[..., Any]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


@contextmanager
def _greets(packet: bytes) -> Iterator[int]:
    """A server that sends these bytes to whoever comes, at the port that is yielded."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(packet)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def _greeting(version: str) -> bytes:
    body = b"\x0a" + version.encode() + b"\0" + bytes(20)
    return len(body).to_bytes(3, "little") + b"\0" + body


@contextmanager
def _answers(routes: dict[str, str]) -> Iterator[str]:
    """An HTTP server with these JSON answers; yields its url."""
    with serving({path: (200, body) for path, body in routes.items()}) as url:
        yield url


@pytest.mark.parametrize(
    ("version", "image", "method"),
    [
        ("9.7.4", "mysql:9.7", "clone"),
        ("8.4.3-0ubuntu0.24.04.1", "mysql:8.4", "clone"),
        ("8.0.36", "mysql:8.0.36", "clone"),
        ("5.5.5-10.11.6-MariaDB-log", "mariadb:10.11", "dump"),
        ("11.8.3-MariaDB-1 from Debian", "mariadb:11.8", "dump"),
    ],
)
def test_mysql_tells_its_version_before_anybody_logs_in(
    lifeboat: Lifeboat, tmp_path: Path, version: str, image: str, method: str
) -> None:
    """Its image is of that series, or of that very release where a clone needs it; a MariaDB is dumped."""
    with _greets(_greeting(version)) as port:
        said = lifeboat("init", "--mysql", f"agama=127.0.0.1:{port}", "--mysql-password-env", "AGAMA_PASSWORD")
    assert said.code == 0, said.err
    section = yaml.safe_load((tmp_path / "lifeboat.yaml").read_text())["services"]["agama"]
    assert (section["image"], section["port"], section["password"]) == (image, port, "${AGAMA_PASSWORD}")
    assert section.get("method", "clone") == method
    assert "export AGAMA_PASSWORD=" in said.out


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "not MySQL"),
        (b"", "not MySQL"),
        (b"\x1f\0\0\0\xff\x6a\x04Host 'x' is not allowed to conn", "Host 'x' is not allowed"),
        (_greeting("banana"), "holds no version"),
    ],
)
def test_what_is_no_mysql_or_sends_us_away_is_told_and_written_as_todo(
    lifeboat: Lifeboat, tmp_path: Path, packet: bytes, why: str
) -> None:
    with _greets(packet) as port:
        said = lifeboat("init", "--mysql", f"127.0.0.1:{port}")
    assert said.code == 1
    assert why in said.out
    assert f"# TODO: MySQL at 127.0.0.1:{port} did not answer: " in (tmp_path / "lifeboat.yaml").read_text()


def test_prometheus_and_grafana_tell_theirs_and_their_places(lifeboat: Lifeboat, tmp_path: Path) -> None:
    data, configuration = tmp_path / "data", tmp_path / "etc"
    data.mkdir()
    configuration.mkdir()
    flags = f'{{"storage.tsdb.path": "{data}", "config.file": "{configuration}/prometheus.yml"}}'
    routes = {
        "/api/v1/status/buildinfo": '{"status": "success", "data": {"version": "3.5.3+ds1"}}',
        "/api/v1/status/flags": f'{{"status": "success", "data": {flags}}}',
        "/api/health": '{"database": "ok", "version": "12.4.1"}',
    }
    with _answers(routes) as url:
        said = lifeboat("init", "--prometheus", url, "--grafana", url, "--grafana-token-env", "GRAFANA_TOKEN")
    assert said.code == 0, said.err
    services = yaml.safe_load((tmp_path / "lifeboat.yaml").read_text())["services"]
    assert services["prometheus"]["image"] == "prom/prometheus:v3.5.3"
    assert services["prometheus"]["place"] == f"local:{data}"
    assert services["prometheus"]["config_place"] == f"local:{configuration}"
    assert services["grafana"]["image"] == "grafana/grafana:12.4.1"
    assert (services["grafana"]["method"], services["grafana"]["token"]) == ("api", "${GRAFANA_TOKEN}")


def test_services_that_do_not_answer_are_written_all_the_same(lifeboat: Lifeboat, tmp_path: Path) -> None:
    """The file can be read; each section has its TODO, and the exit code says that something is missing."""
    said = lifeboat("init", "--mysql", "127.0.0.1:1", "--prometheus", "http://127.0.0.1:2", "--grafana", "http://127.0.0.1:3")
    assert said.code == 1
    text = (tmp_path / "lifeboat.yaml").read_text()
    assert text.count("# TODO: ") == 5
    for name in ("mysql", "prometheus", "grafana"):
        assert f"  {name}: did not tell its version: " in said.out
    assert "prometheus: fill in place: " in said.out
    assert list(file.load(tmp_path / "lifeboat.yaml").services) == ["mysql", "prometheus", "grafana"]


def test_no_password_is_ever_written(lifeboat: Lifeboat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROM", "rowing-hard")
    said = lifeboat("init", "--prometheus", "http://127.0.0.1:2", "--prometheus-user", "ops", "--prometheus-password-env", "PROM")
    assert "rowing-hard" not in said.out + said.err + (tmp_path / "lifeboat.yaml").read_text()
    assert "${PROM}" in (tmp_path / "lifeboat.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no service was named"),
        (("--mysql", "10.0.0.5:99999"), "'10.0.0.5:99999' is not HOST or HOST:PORT, with a port from 1 to 65535"),
        (("--mysql", "a b"), "is not HOST or HOST:PORT"),
        (("--mysql", "Agama=10.0.0.5"), "'Agama' cannot be a service's name"),
        (("--grafana", "ftp://host"), "is not a url"),
        (("--grafana", "http://host:x"), "is not a url"),
        (("--mysql", "x=127.0.0.1:1", "--grafana", "x=http://127.0.0.1:1"), "two services have the same name"),
        (
            ("--mysql", "127.0.0.1:1", "--timezone", "Mars/Olympus"),
            "lifeboat.yaml:4: timezone: 'Mars/Olympus' is not a time zone",
        ),
        (("--mysql", "127.0.0.1:1", "--out", "absent/lifeboat.yaml"), "absent/lifeboat.yaml cannot be written"),
        (("--mysql", "127.0.0.1:1", "--out", "docker.sock/lifeboat.yaml"), "docker.sock/lifeboat.yaml cannot be written"),
        (
            ("--prometheus", "http://ops:${PW}@127.0.0.1:1"),
            "the url of --prometheus holds a ${VARIABLE}, which is not read there",
        ),
        (("--grafana", "http://127.0.0.1:1/${PATH}"), "the url of --grafana holds a ${VARIABLE}, which is not read there"),
    ],
)
def test_bad_input_writes_nothing(lifeboat: Lifeboat, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    (tmp_path / "docker.sock").touch()
    said = lifeboat("init", *arguments)
    assert said.code == 2
    assert message in said.err
    assert "hint: " in said.err
    assert not list(tmp_path.glob("lifeboat.yaml*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--mysql", "127.0.0.1:1", "--mysql-password-env", "s3cret!"),
        ("--grafana", "http://admin:s3cret!@host"),
        ("--mysql", "127.0.0.1:1", "--repository", "rest:https://keeper:s3cret!@host/"),
    ],
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    lifeboat: Lifeboat, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    said = lifeboat("init", *arguments)
    assert said.code == 2
    assert "s3cret" not in said.out + said.err
    assert not list(tmp_path.glob("lifeboat.yaml*"))


@pytest.mark.parametrize("scheme", ["http://", "rest:https://", "s3:http://"])
@given(
    user=st.text("abc@.", max_size=4),
    before=st.text("xyz@/:?#!${}", max_size=4),
    after=st.text("xyz@/:?#!${}", max_size=4),
)
def test_a_password_in_a_url_is_found_up_to_the_last_at_sign(scheme: str, user: str, before: str, after: str) -> None:
    """Whatever characters it holds that should have been escaped; and it is masked whole."""
    url = f"{scheme}{user}:{before}s3cret{after}@host:99/path"
    assert restic_errors.holds_password(url)
    assert "s3cret" not in text.without_password(f"cannot open {url}: refused")
    assert text.without_password(url).endswith(":****@host:99/path")


@pytest.mark.parametrize(
    "url", ["rest:https://keeper:${PW}@host/", "http://host:9090/path", "sftp:user@host:/a/b", "sftp://u@h:22//p"]
)
def test_a_url_without_a_password_of_its_own_is_none(url: str) -> None:
    assert not restic_errors.holds_password(url)


def test_every_variable_that_is_read_is_named_and_no_other(lifeboat: Lifeboat, tmp_path: Path) -> None:
    """Two in one line, and one that is in no password: it is not read."""
    said = lifeboat(
        *("init", "--mysql", "127.0.0.1:1", "--mysql-user", "$NOT_READ", "--mysql-password-env", "MYSQL_PW"),
        *(
            "--repository",
            "rest:https://${REST_USER}:${REST_PASSWORD}@vault/${REST_USER}/",
            "--repository-password-env",
            "RESTIC_PW",
        ),
    )
    assert said.code == 1, said.err
    assert re.findall(r"export (\w+)=", said.out) == ["REST_USER", "REST_PASSWORD", "RESTIC_PW", "MYSQL_PW"]
    checked = json.loads(lifeboat("config", "check", "--json").out)
    assert [each["name"] for each in checked["environment"]] == ["REST_USER", "REST_PASSWORD", "RESTIC_PW", "MYSQL_PW"]


@pytest.mark.parametrize(
    "user", ["123", "1e3", "0x1F", "no", "on", "null", "~", "2026-01-01", "12:30", "a: b", "a #b", "'", "-", "="]
)
def test_what_is_text_is_read_back_as_text(lifeboat: Lifeboat, tmp_path: Path, user: str) -> None:
    """A name that YAML would read as a number, a date, a truth or nothing; as the user's name and as the service's."""
    name = user if re.fullmatch("[a-z0-9][a-z0-9_-]*", user) else "agama"
    said = lifeboat("init", "--mysql", f"{name}=127.0.0.1:1", "--mysql-user", user)
    assert said.code == 1, said.err
    written = yaml.safe_load((tmp_path / "lifeboat.yaml").read_text())["services"]
    assert written[name]["user"] == user
    assert written[name]["port"] == 1


@pytest.mark.long
@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12))
def test_any_text_is_written_so_that_yaml_reads_it(text: str) -> None:
    assert yaml.safe_load(draft._scalar(text)) == text


def test_a_file_that_is_there_stays_without_force(lifeboat: Lifeboat, tmp_path: Path) -> None:
    target = tmp_path / "lifeboat.yaml"
    target.write_text("mine\n")
    said = lifeboat("init", "--mysql", "127.0.0.1:1")
    assert said.code == 2
    assert "lifeboat.yaml is there already" in said.err
    assert target.read_text() == "mine\n"
    assert lifeboat("init", "--mysql", "127.0.0.1:1", "--force").code == 1
    assert "services:" in target.read_text()


def test_a_terminal_is_asked_for_each_service(lifeboat: Lifeboat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["127.0.0.1:1", "", ""])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda question, **_: next(answers))
    assert lifeboat("init").code == 1
    assert list(file.load(tmp_path / "lifeboat.yaml").services) == ["mysql"]


def test_an_image_that_is_on_the_machine_is_preferred() -> None:
    class Machine:
        def present(self, name: str) -> bool:
            return name == "lifeboat/mysql:9.7"

    with _greets(_greeting("9.7.4")) as port:
        assert found.mysql("127.0.0.1", port, Machine()).image == "lifeboat/mysql:9.7"  # type: ignore[arg-type]
