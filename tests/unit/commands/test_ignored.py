"""No option is ignored in silence: what a command reads on some of its ways only is refused on the others."""

import ast
import inspect
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.commands import combined
from tests.unit.commands.test_documented import COMMANDS

Lifeboat = Callable[..., Any]
Conditions = frozenset[tuple[str, bool]]

HARMLESS = {
    ("restore", "--runbook"): "a dry run does nothing that a runbook could record",
    ("rescue", "--to"): "a dry run leaves nothing unpacked",
    ("rescue", "--no-report"): "a dry run makes no report",
    ("evidence verify", "--config"): "every command has it, and this one needs no configuration",
}


class _Ways:
    """Where a function reads its parameters, on which conditions, and where it ends."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.parameters = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
        self.read: list[tuple[str, Conditions]] = []
        self.refused: list[Conditions] = []
        self._block(function.body, frozenset())

    def names(self, text: str) -> set[str]:
        return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)} & self.parameters

    def _block(self, statements: list[ast.stmt], conditions: Conditions) -> bool:
        """Follow statements; returns whether all ways through them end there."""
        for each in statements:
            if isinstance(each, ast.If):
                self._expression(each.test, conditions)
                text = ast.unparse(each.test)
                ends = self._block(each.body, conditions | {(text, True)})
                other = self._block(each.orelse, conditions | {(text, False)})
                if ends and other:
                    return True
                if ends or other:
                    conditions |= {(text, not ends)} if ends else {(text, True)}
            elif isinstance(each, ast.Raise | ast.Return):
                self._expression(each, conditions)
                if isinstance(each, ast.Raise) and "typer.Exit" not in ast.unparse(each):
                    self.refused.append(conditions)
                return True
            elif isinstance(each, ast.With):
                for item in each.items:
                    self._expression(item, conditions)
                if self._block(each.body, conditions):
                    return True
            else:
                self._expression(each, conditions)
        return False

    def _expression(self, node: ast.AST, conditions: Conditions) -> None:
        if isinstance(node, ast.IfExp):
            self._expression(node.test, conditions)
            text = ast.unparse(node.test)
            self._expression(node.body, conditions | {(text, True)})
            self._expression(node.orelse, conditions | {(text, False)})
            return
        if isinstance(node, ast.Name) and node.id in self.parameters:
            self.read.append((node.id, conditions))
        for child in ast.iter_child_nodes(node):
            self._expression(child, conditions)

    def ignored(self) -> Iterator[str]:
        """Yield the parameters that are not read on some way, though another one is what chooses that way."""
        for name in sorted(self.parameters):
            reads = [self._by_others(name, where) for one, where in self.read if one == name]
            texts = sorted({text for where in reads for text, _ in where})
            for values in itertools.product((True, False), repeat=len(texts)):
                way = set(zip(texts, values, strict=True))
                if not any(where <= way for where in reads) and not any(where and where <= way for where in self.refused):
                    yield name
                    break

    def _by_others(self, name: str, conditions: Conditions) -> Conditions:
        """Leave out conditions on nothing that is typed, and those on the parameter itself."""
        return frozenset((text, value) for text, value in conditions if self.names(text) - {name})


def ways(callback: Callable[..., Any]) -> _Ways:
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(callback)))
    (function,) = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return _Ways(function)


def silent(name: str) -> set[str]:
    """The options of a command that are ignored in silence."""
    options = {parameter.name: combined.name(parameter) for parameter in COMMANDS[name].params}
    ruled = {option for rule in combined.RULES.get(name, ()) for option in rule.options}
    return {options[each] for each in ways(COMMANDS[name].callback).ignored()} - ruled


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_is_ignored_in_silence(name: str) -> None:
    assert silent(name) - {option for command, option in HARMLESS if command == name} == set()


def test_an_option_that_is_ignored_is_found() -> None:
    """The check itself: read on one way only, on both, before them, behind one that ends, and where the other is refused."""

    def command(drill: bool, only: str, both: str, before: str, after: str, beside: str, own: str | None) -> None:
        print(before)
        if own:
            print(own)
        if drill:
            print(only, both)
            sys.exit()
            return
        if beside and after:
            raise ValueError
        print(both, beside or "")
        with Path():
            print(after if not drill else "")

    assert list(ways(command).ignored()) == ["after", "beside", "only"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rescue", "--drill", "--to", "somewhere"), "--to says nothing beside --drill"),
        # The default, typed.
        (("rescue", "--drill", "--to", "lifeboat-rescue"), "--to says nothing beside --drill"),
        (("rescue", "--drill", "--dry-run"), "--dry-run says nothing beside --drill"),
        (("rescue", "kit.age", "-c", "lifeboat.yaml"), "--config says nothing without --drill"),
        (("rescue", "kit.age", "--base", "debian"), "--base says nothing without --drill"),
        (("rescue", "kit.age", "--drill", "--for-python", "3.13"), "--for-python says nothing beside KIT"),
        (("rescue", "--drill", "--passphrase-file", "x"), "--passphrase-file says nothing without KIT"),
        (("restore", "agama", "--no-second-replay"), "--no-second-replay says nothing without --at or --before"),
        (("init", "--grafana", "http://g", "--mysql-user", "me"), "--mysql-user says nothing without --mysql"),
        (("init", "--prometheus", "http://p", "--prometheus-password-env", "P"), "says nothing without --prometheus-user"),
    ],
)
def test_what_would_be_ignored_is_refused(lifeboat: Lifeboat, words: tuple[str, ...], says: str) -> None:
    said = lifeboat(*words)
    assert (said.code, says in said.err, "hint: leave --" in said.err) == (2, True, True), said.err


@pytest.mark.parametrize("command", combined.RULES)
def test_every_rule_is_about_options_that_there_are_and_can_refuse(command: str) -> None:
    known = {combined.name(parameter) for parameter in COMMANDS[command].params}
    for rule in combined.RULES[command]:
        assert {*rule.options, *rule.beside, *rule.without, *rule.among} <= known
        for option in rule.options:
            assert combined.refusal(command, {option, *rule.beside[:1], *(set(rule.among) - set(rule.without))})
            assert rule.reason({option, *rule.without}) is None


def test_what_says_something_is_taken() -> None:
    for command, given in (
        ("rescue", {"KIT", "--to", "--dry-run"}),
        ("rescue", {"--drill", "--for-python", "--base"}),
        ("rescue", {"--drill", "KIT", "--passphrase-file"}),
        ("init", {"--mysql-user"}),
        ("init", {"--mysql", "--mysql-user", "--grafana", "--grafana-token-env"}),
        ("restore", {"--before", "--no-second-replay"}),
        ("restore", {"--no-second-replay", "--at"}),
    ):
        assert combined.refusal(command, given) is None, (command, given)
