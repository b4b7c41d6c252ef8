"""`lifeboat config`: what was read from where, what is missing, and no secret in any of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backups import durations
from backups.config import file
from backups.errors import LifeboatError
from flows.commands import config
from verification.watch import metrics

Lifeboat = Callable[..., Any]

_CONFIGURATION = """\
repository:
  url: rest:https://keeper:s3cret-url@vault:8000/
  password: s3cret-repository
  environment: {AWS_SECRET_ACCESS_KEY: s3cret-environment}
objectives: {rto: 1h30m}
hosts:
  monitoring: {address: ops@10.0.0.7, key_file: /absent/key, passphrase: s3cret-passphrase}
services:
  agama: {type: mysql, host: 10.0.0.5, image: 'mysql:9.7', password: '${AGAMA_PASSWORD}'}
  metrics: {type: prometheus, url: 'http://ops:s3cret-http@10.0.0.7:9090', place: 'ssh:monitoring:/p', image: 'prom/prometheus:v3.5.0',
            password_file: prometheus.key, user: ops}
  boards: {type: grafana, url: 'http://10.0.0.7:3000', method: api, token: s3cret-token, image: 'grafana/grafana:12.4.1'}
"""


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lifeboat.yaml"
    path.write_text(_CONFIGURATION)
    return path


@pytest.mark.parametrize("arguments", [("show",), ("show", "--json"), ("check",), ("check", "--json")])
def test_no_secret_is_shown(
    lifeboat: Lifeboat, configuration: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Not one that is written in the file, nor one in the environment that the file names."""
    monkeypatch.setenv("AGAMA_PASSWORD", "s3cret-variable")
    said = lifeboat("config", *arguments)
    assert said.code == 0, said.err
    assert "s3cret" not in said.out + said.err
    assert "agama" in said.out


def test_show_says_what_is_written_and_what_is_a_default(lifeboat: Lifeboat, configuration: Path) -> None:
    lines = [line.strip() for line in lifeboat("config", "show").out.splitlines()]
    assert lines[0] == "# lifeboat.yaml, found by the usual places"
    assert "rto: 1h30m" in lines
    assert "rpo: 1d2h  # default" in lines
    assert "collapse: 50%  # default" in lines
    assert "password: ${AGAMA_PASSWORD}" in lines
    assert "password: '****'" in lines


def test_what_is_shown_can_be_read_again(lifeboat: Lifeboat, configuration: Path, tmp_path: Path) -> None:
    """Each setting, the defaults too, in the form that lifeboat.yaml takes; shown again it is the same."""
    again = tmp_path / "again.yaml"
    # Accounts in urls are not shown at all; a password without its user would be refused.
    again.write_text(lifeboat("config", "show").out)
    assert file.load(again).objectives == file.load(configuration).objectives
    shown = yaml.safe_load(lifeboat("config", "show", "--config", str(again)).out)
    assert shown == yaml.safe_load(again.read_text())


@pytest.mark.parametrize(
    ("arguments", "variable", "found_by"),
    [((), None, "the usual places"), (("--config", "lifeboat.yaml"), None, "--config"), ((), "lifeboat.yaml", "LIFEBOAT_CONFIG")],
)
def test_it_says_what_led_to_the_file(
    lifeboat: Lifeboat,
    configuration: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variable: str | None,
    found_by: str,
) -> None:
    if variable:
        monkeypatch.setenv("LIFEBOAT_CONFIG", variable)
    assert json.loads(lifeboat("config", "check", "--json", *arguments).out)["found_by"] == found_by


def test_the_configuration_may_be_named_before_config(lifeboat: Lifeboat, configuration: Path) -> None:
    assert json.loads(lifeboat("--config", str(configuration), "config", "check", "--json").out)["found_by"] == "--config"


def test_check_names_what_is_not_there_yet(lifeboat: Lifeboat, configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = lifeboat("config", "check")
    assert "can be used: 3 services (agama, metrics, boards)" in said.out
    assert "note: the environment variable AGAMA_PASSWORD is not set" in said.out
    assert f"note: the file {configuration.parent}/prometheus.key cannot be read" in said.out
    assert "note: the file /absent/key cannot be read" in said.out
    monkeypatch.setenv("AGAMA_PASSWORD", "x")
    (configuration.parent / "prometheus.key").write_text("x")
    said = lifeboat("config", "check")
    assert "AGAMA_PASSWORD" not in said.out
    assert "prometheus.key" not in said.out


def test_a_fault_is_told_with_file_line_key_and_hint(lifeboat: Lifeboat, configuration: Path) -> None:
    configuration.write_text(_CONFIGURATION.replace("rto:", "rtoo:"))
    for command in ("check", "show"):
        said = lifeboat("config", command)
        assert said.code == 2
        assert "lifeboat.yaml:5: unknown key objectives.rtoo" in said.err
        assert "did you mean rto?" in said.err


@pytest.mark.parametrize("command", [("list",), ("status",), ("backup",), ("config", "check"), ("show", "x")])
def test_where_no_lifeboat_yaml_is_the_hint_says_how_to_make_one(
    lifeboat: Lifeboat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file, "SEARCHED", (Path("lifeboat.yaml"), tmp_path / "etc" / "lifeboat.yaml"))
    said = lifeboat(*command)
    assert said.code == 2
    assert "no configuration found" in said.err
    assert "hint: lifeboat init " in said.err


@given(st.integers(1, 10**12))
def test_a_span_is_shown_as_it_is_read(microseconds: int) -> None:
    span = timedelta(microseconds=microseconds)
    assert abs(durations.parse(config._span(span)) - span) <= timedelta(microseconds=1), "days, hours … are added up as floats"


def test_a_fraction_of_a_second_is_shown() -> None:
    spans = {"0.5s": 0.5, "1m0.25s": 60.25, "2h": 7200, "0s": 0, "1d12h": 129600}
    assert [config._span(timedelta(seconds=seconds)) for seconds in spans.values()] == list(spans)


def test_the_commands_of_a_restore_are_not_shown_and_name_no_variable(lifeboat: Lifeboat, configuration: Path) -> None:
    """A password may stand in them; what is not a secret of Lifeboat's is not read from the environment by it."""
    commands = (
        "restore: {to: 'local:/x', stop: 'mysqladmin -ps3cret-stop shutdown', start: 'start --token ${NOT_READ} s3cret-start'}"
    )
    configuration.write_text(
        _CONFIGURATION.replace("password: '${AGAMA_PASSWORD}'}", f"password: '${{AGAMA_PASSWORD}}', {commands}}}")
    )
    for arguments in (("show",), ("show", "--json"), ("check",), ("check", "--json")):
        said = lifeboat("config", *arguments)
        assert said.code == 0, said.err
        assert "s3cret" not in said.out
        assert "NOT_READ" not in said.out
    shown = yaml.safe_load(lifeboat("config", "show").out)["services"]["agama"]["restore"]
    assert (shown["to"], shown["stop"], shown["start"]) == ("local:/x", "****", "****")


def test_metrics_below_a_file_are_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LifeboatError, match="cannot be written: Not a directory"):
        metrics.write("", tmp_path / "file" / "lifeboat.prom")
