"""Doctor names every file of the configuration that other users may read or write, with what to type."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from backups.config import file
from backups.config.exposed import READABLE, exposed
from backups.config.settings import Settings
from backups.services.registry import SERVICE_TYPES
from backups.services.settings import ServiceSettings

_YAML = """
state: state
repository: {{url: repository, password_file: key}}
hosts: {{box: {{address: ops@box, key_file: ssh-key, known_hosts: known}}}}
services:
  agama: {{type: mysql, image: a, host: h, user: u, password: '{password}', tls: verify, tls_ca: ca.pem}}
  grafana: {{type: grafana, image: a, url: 'http://g', method: api, token_file: token}}
"""
_FILES = ("key", "ssh-key", "known", "ca.pem", "token")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All of it as it should be."""
    for name in _FILES:
        (tmp_path / name).touch(mode=0o600)
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "repository").mkdir(mode=0o700)
    (tmp_path / "lifeboat.yaml").write_text(_YAML.format(password="${NAME}"))
    (tmp_path / "lifeboat.yaml").chmod(0o644)
    return tmp_path


def found(folder: Path) -> list[tuple[str, str, str | None]]:
    findings = exposed(file.load(folder / "lifeboat.yaml"), folder / "lifeboat.yaml")
    return [(each.subject, each.message, each.remedy) for each in findings if not each.ok]


def test_nothing_is_said_where_all_is_well(folder: Path) -> None:
    for name in ("known", "ca.pem"):
        (folder / name).chmod(0o644)
    assert found(folder) == []
    (finding,) = exposed(file.load(folder / "lifeboat.yaml"), folder / "lifeboat.yaml")
    assert finding.ok


@pytest.mark.parametrize(
    ("name", "subject", "mode", "words", "remedy"),
    [
        ("key", "repository.password_file", 0o666, "read and written", "600"),
        ("key", "repository.password_file", 0o604, "read", "600"),
        ("ssh-key", "hosts.box.key_file", 0o644, "read", "600"),
        ("token", "services.grafana.token_file", 0o602, "written", "600"),
        ("known", "hosts.box.known_hosts", 0o666, "written", "go-w"),
        ("ca.pem", "services.agama.tls_ca", 0o646, "written", "go-w"),
        ("lifeboat.yaml", "lifeboat.yaml", 0o666, "written", "go-w"),
        ("state", "state directory", 0o755, "read", "700"),
        ("repository", "repository", 0o777, "written", "go-w"),
    ],
)
def test_each_file_that_others_may_use_is_named_with_what_to_type(
    folder: Path, name: str, subject: str, mode: int, words: str, remedy: str
) -> None:
    path = folder / name
    path.chmod(mode)
    assert found(folder) == [
        (subject, f"{path} (mode {mode:04o}) can be {words} by other users of this machine", f"chmod {remedy} {path}")
    ]


def test_a_configuration_that_holds_a_password_is_a_secret(folder: Path) -> None:
    (folder / "lifeboat.yaml").write_text(_YAML.format(password="written out"))
    [(_, message, remedy)] = found(folder)
    assert "can be read by other users" in message
    assert remedy == f"chmod 600 {folder / 'lifeboat.yaml'}"


def test_a_directory_that_others_may_write_is_named_and_a_sticky_one_is_not(folder: Path) -> None:
    folder.chmod(0o777)
    assert {remedy for _, _, remedy in found(folder)} == {f"chmod go-w {folder}"}
    folder.chmod(0o1777)
    assert found(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_and_one_of_another_group_are_named(folder: Path) -> None:
    os.chown(folder / "key", 65534, 0)
    os.chown(folder / "token", 0, 65534)
    (folder / "token").chmod(0o640)
    assert [message for _, message, _ in found(folder)] == [
        f"{folder / 'key'} belongs to user 65534, who may write it",
        f"{folder / 'token'} (mode 0640) can be read by other users of this machine",
    ]


def path_settings(model: type[BaseModel]) -> Iterator[str]:
    """The names of all settings, at any depth, that are paths."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation]
        while kinds:
            kind = kinds.pop()
            kinds += get_args(kind)
            if kind is Path:
                yield name
            elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not ServiceSettings:
                yield from path_settings(kind)


def test_every_setting_that_names_a_file_is_looked_at_as_a_secret_or_is_known_as_none() -> None:
    """A new one is taken for a secret; what everybody may read is written down, and is a setting."""
    names = {name for model in (Settings, *(kind.settings for kind in SERVICE_TYPES.values())) for name in path_settings(model)}
    assert names - READABLE == {"key_file", "password_file", "token_file"}
    assert {"known_hosts", "tls_ca"} <= names & READABLE
