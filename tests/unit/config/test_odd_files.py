"""Configurations that say too much, too little or too deeply: each is refused with its line and key, and none hangs."""

from pathlib import Path

import pytest

from backups.config import file
from backups.errors import ConfigError
from tests.unit.config.test_file import WELL

_ALIASES = "".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]\n" for level in range(1, 10))
_GRAFANA = "  grafana: {{type: grafana, image: {image}, url: 'http://g', method: api, {more}}}\n"

FAULTS = {
    "an alias that holds itself": (
        WELL + "watch: &w {looks: *w}\n",
        "FILE is nested too deeply, or an alias (*name) holds itself",
    ),
    "brackets in brackets": (WELL + f"watch: {'[' * 3000}{']' * 3000}\n", "FILE is nested too deeply, or an alias"),
    "aliases of aliases": (f"l0: &l0 [x]\n{_ALIASES}{WELL}", "FILE holds 100000 keys and more, by aliases of aliases (*name)"),
    "a reference in a path": (WELL + "state: ${NOT_SET}/x\n", "FILE:8: state holds ${NOT_SET}, and is no key in which"),
    "a reference in a host": (
        WELL.replace("10.0.0.5", "${HOST}"),
        "FILE:6: services.agama.host holds ${HOST}, and is no key in which",
    ),
    "a reference in an image": (
        WELL.replace("mysql:9.7", "a:${TAG}"),
        "FILE:5: services.agama.image holds ${TAG}, and is no key",
    ),
    "a reference in a machine's address": (WELL + "hosts: {box: {address: '${U}@h'}}\n", "FILE:8: hosts.box.address holds ${U}"),
    "the home of nobody": (
        WELL.replace('password: "${KEY}"', "password_file: ~nobodyx/key"),
        "FILE:1: repository.password_file: this machine knows no home of ~nobodyx",
    ),
    "a repository in the home of nobody": (
        WELL.replace("url: repo", "url: ~nobodyx/r"),
        "FILE:1: repository.url: this machine knows no",
    ),
    "an empty url of the repository": (WELL.replace("url: repo", "url: ''"), "FILE:1: repository.url is empty"),
    "an empty url of a local repository": (WELL.replace("url: repo", "url: 'local:'"), "FILE:1: repository.url is empty"),
    "negative memory": (WELL + "sandbox: {memory: -5}\n", "FILE:8: sandbox.memory: -5 bytes are less than a container needs"),
    "a byte of memory": (WELL + "sandbox: {memory: 1}\n", "FILE:8: sandbox.memory: 1 bytes are less than a container needs"),
    "all the processors there could be": (
        WELL + "sandbox: {processors: .inf}\n",
        "FILE:8: sandbox.processors: input should be a finite",
    ),
    "no image": (WELL.replace("mysql:9.7", "''"), "FILE:5: services.agama.image: string should have at least 1 character"),
    "a password and its file": (
        WELL.replace('"${KEY}"', '"${KEY}", password_file: key'),
        "FILE:1: repository: password and password_file are both given: leave one of them out",
    ),
    "a service's password and its file": (
        WELL + "    password_file: key\n",
        "FILE:3: services.agama: password and password_file are",
    ),
    "a token and its file": (
        WELL + _GRAFANA.format(image="g", more="token: t, token_file: f"),
        "FILE:8: services.grafana: token and token_file are both given",
    ),
    "a reference without quotes in braces": (WELL.replace('"${KEY}"', "${KEY}"), "FILE:1: not valid YAML: expected"),
    "a url of a scheme that is none": (
        WELL + "  p: {type: prometheus, image: a, url: 'gopher://x', place: 'local:/p'}\n",
        "FILE:8: services.p.url: ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_odd_file_is_refused_with_its_line_and_key(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "lifeboat.yaml"
    text, words = FAULTS[fault]
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        file.load(path)
    told = str(refused.value).replace(str(path), "FILE")
    assert told.startswith(words)
    assert "hint: " in told
    assert "uRL" not in told


def test_a_reference_without_quotes_in_braces_is_told_to_be_quoted(tmp_path: Path) -> None:
    """What most people write first."""
    (tmp_path / "lifeboat.yaml").write_text(WELL.replace('"${KEY}"', "${KEY}"))
    with pytest.raises(ConfigError) as refused:
        file.load(tmp_path / "lifeboat.yaml")
    assert (refused.value.hint or "").startswith('inside { } a reference needs quotes: {password: "${NAME}"}')


def test_commands_of_a_shell_and_secrets_hold_references(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.yaml"
    restore = "    restore: {to: 'local:/x', stop: 'kill ${PID}', start: 'start ${NAME}'}\n"
    path.write_text(WELL.replace("url: repo", "url: '${WHERE}/r'") + restore)
    settings = file.load(path)
    assert settings.services["agama"].restore.stop == "kill ${PID}"
    assert settings.repository.url == "${WHERE}/r"
