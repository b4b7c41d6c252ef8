"""Every command that Lifeboat tells somebody to type can be typed as it is printed: its options exist, none that it needs is left out."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from flows.commands import verbs
from tests.syntax import every

ROOT = Path(__file__).parents[3]
ROOMS = ("backups", "verification", "tasks", "flows", "deployments")
_SHARED = {"--config", "-c", "--quiet", "-q", "--verbose", "-v", "--help", "-h"}
_TYPED = re.compile(r'\blifeboat ([a-z]+(?: (?:check|show|key|verify|export)\b)?)((?: (?![|&>-] )[^\s;,)`"|]+(?<![:.]))*)')
_VALUE = re.compile(r"X|[A-Z][A-Z…:]*|\S*X\S*|-\S+")
"""What stands behind a command and is no prose: a value of the code's, a word that stands for one, an option."""


@cache
def command(name: str) -> Any:
    verb, _, inner = name.partition(" ")
    found = verbs.load(verb)
    return getattr(found, "commands", {}).get(inner) if inner else found


def faults(text: str) -> Iterator[str]:
    """Say what is wrong with each command in a text that is written out, with arguments or options behind it."""
    for found in _TYPED.finditer(text):
        name, words = found[1], found[2].split()
        verb, _, inner = name.partition(" ")
        if verb not in verbs.VERBS:
            continue
        if inner and command(name) is None:
            name, words = verb, [inner, *words]
        if not words or not _VALUE.fullmatch(words[0]):
            # The command is only mentioned.
            continue
        known = command(name).params
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        has = {each for parameter in known for each in (*parameter.opts, *parameter.secondary_opts)} | _SHARED
        yield from (f"lifeboat {name} has no {option}: {text!r}" for option in options if option not in has)
        needed = [each.opts for each in known if each.required and each.opts[0].startswith("-")]
        yield from (f"lifeboat {name} needs {each[0]}: {text!r}" for each in needed if not set(each) & set(options))


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text of the code that names a command, values in it as X, and the lines of its YAML."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            nodes = every(ast.parse(source)) if "lifeboat" in source else []
            inside = {id(each) for node in nodes if isinstance(node, ast.JoinedStr) for each in node.values}
            for node in nodes:
                if isinstance(node, ast.JoinedStr):
                    parts = (each.value if isinstance(each, ast.Constant) else "X" for each in node.values)
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", "".join(map(str, parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
        for path in sorted((ROOT / room).rglob("*.yml")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                yield f"{path.relative_to(ROOT)}:{number}", re.sub(r"\{\{.*?\}\}", "X", line)


@pytest.mark.long
def test_every_command_that_is_printed_can_be_typed() -> None:
    found = list(texts())
    assert sum("lifeboat " in text for _, text in found) > 100, "the texts were not found"
    assert not [f"{where}: {fault}" for where, text in found for fault in faults(text)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("if that was meant: lifeboat trust X", "lifeboat trust needs --reason"),
        ("look: lifeboat clone X --from X", "lifeboat clone needs --to"),
        ("or: lifeboat list --form X", "lifeboat list has no --form"),
        ("do (`lifeboat prune --all`)", "lifeboat prune has no --all"),
        ("lifeboat evidence verify FOLDER", "lifeboat evidence verify needs --key"),
    ],
)
def test_one_that_cannot_be_typed_is_found(text: str, fault: str) -> None:
    assert [each.partition(": ")[0] for each in faults(text)] == [fault]


@pytest.mark.parametrize("text", ["lifeboat trust X --reason WHY", "see lifeboat trust", "what lifeboat clone does, X --no"])
def test_one_that_can_is_not(text: str) -> None:
    assert not list(faults(text))
