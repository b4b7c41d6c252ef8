"""docs/commands.md tells of every command, option and exit code that there is, and of none that is not."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.commands import options, verbs
from tests import documented

Lifeboat = Callable[..., Any]

_SHARED = {name for parameter in options.shared() for name in parameter.opts} | {"--config", "-c"}


def _commands() -> dict[str, Any]:
    found = {}
    for name in verbs.VERBS:
        command = verbs.load(name)
        inner = getattr(command, "commands", None)
        found.update({f"{name} {sub}": each for sub, each in inner.items()} if inner else {name: command})
    return found


COMMANDS = _commands()


def test_each_command_has_its_section() -> None:
    assert list(documented.sections()) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_are_those_of_the_command(name: str) -> None:
    text = documented.sections()[name]
    prose = re.sub(r"(?s)```.*?```", "", text)
    told = (
        set(re.findall(r"`(--?[a-z][a-z-]*)", prose[prose.index("Options: ") :].split("\n\n")[0]))
        if "Options: " in prose
        else set()
    )
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("-")}
    assert told == known - _SHARED


@pytest.mark.parametrize("name", COMMANDS)
def test_the_exit_codes_are_those_of_its_help(name: str) -> None:
    text = documented.sections()[name]
    told = re.findall(r"(?:Exit codes: |[;,] )([012]) ", text[text.index("Exit codes: ") :].split("\n\n")[0])
    shown = " ".join(COMMANDS[name].help.split())
    assert told == re.findall(r"(?:Exit code: |[;,] )([012]) ", shown[shown.index("Exit code: ") :])


@pytest.mark.parametrize("name", COMMANDS)
def test_whoever_takes_json_shows_an_example(name: str) -> None:
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert bool(documented.examples(name)) == ("--json" in known)


def test_what_reports_prints_json() -> None:
    reporting = (
        "copy",
        "list",
        "show",
        "status",
        "history",
        "evidence verify",
        "doctor",
        "diff",
        "log",
        "verify",
        "plan",
        "restore",
        "prune",
        "watch",
        "config check",
        "config show",
    )
    assert [name for name in COMMANDS if documented.examples(name)] == [name for name in COMMANDS if name in reporting]


@pytest.mark.parametrize("command", ["check", "show"])
def test_the_configurations_json_is_as_documented(
    lifeboat: Lifeboat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The others': tests/integration/flows/test_json.py."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lifeboat.yaml").write_text(
        "repository: {url: repository, password_file: key}\n"
        "services: {agama: {type: mysql, host: 10.0.0.5, image: 'mysql:9.7', password: '${AGAMA_PASSWORD}'}}\n"
    )
    (example,) = documented.examples(f"config {command}")
    assert documented.differences(example, json.loads(lifeboat("config", command, "--json").out)) == []


@pytest.mark.parametrize(
    ("real", "difference"),
    [
        ({"a": 1, "b": [{"c": "x"}], "d": 1}, ".d is not in docs/commands.md"),
        ({"a": 1}, ".b is documented and not there"),
        ({"a": "1", "b": []}, ".a: str instead of int"),
        ({"a": True, "b": []}, ".a: bool instead of int"),
        ({"a": 1, "b": [{"c": "x"}, {}]}, ".b[1].c is documented and not there"),
        ([], ": list instead of dict"),
    ],
)
def test_another_shape_is_seen(real: Any, difference: str) -> None:
    """The comparison can fail."""
    assert documented.differences({"a": 1, "b": [{"c": "x"}]}, real) == [difference]
