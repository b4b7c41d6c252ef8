"""Lists every message and hint that the code gives to a LifeboatError, read from the source: a new raise is found by itself."""

import ast
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.syntax import every, inside

BASE = ("backups.errors", "LifeboatError")
MOST_VARIANTS = 64

Symbol = tuple[str, str]  # module, name


class Text(NamedTuple):
    """One text that a person may see: where it is built, whether as message or hint, and what it says with placeholders for values."""

    place: str
    part: str
    text: str


@dataclass(frozen=True, repr=False)
class Module:
    """One parsed module: its dotted name, its path as shown, and what its names stand for."""

    name: str
    path: str
    tree: ast.Module
    names: dict[str, Symbol]
    calls: list[ast.Call]
    classes: list[ast.ClassDef]
    parents: dict[ast.AST, ast.AST]

    def symbol(self, expression: ast.expr) -> Symbol | None:
        """Return what a name or `module.name` stands for, or None."""
        if isinstance(expression, ast.Name):
            return self.names.get(expression.id)
        if isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
            module = self.names.get(expression.value.id)
            return (".".join(part for part in module if part), expression.attr) if module else None
        return None

    def function_around(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the innermost function that holds a node."""
        return next((each for each in self._around(node) if isinstance(each, ast.FunctionDef)), None)

    def class_around(self, node: ast.AST) -> str | None:
        """Return the name of the innermost class that holds a node."""
        return next((each.name for each in self._around(node) if isinstance(each, ast.ClassDef)), None)

    def _around(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node


def parse(name: str, path: str, source: str) -> Module:
    """Parse one module and note what its top-level and local names stand for."""
    tree = ast.parse(source)
    names: dict[str, Symbol] = {}
    nodes: list[ast.AST] = [tree]
    parents: dict[ast.AST, ast.AST] = {}
    for node in nodes:
        below = inside(node)
        parents.update(dict.fromkeys(below, node))
        nodes += below
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            names[node.name] = (name, node.name)
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    return Module(name, path, tree, names, calls, classes, parents)


def project(root: Path, rooms: Iterable[str], without: Iterable[str] = ()) -> list[Module]:
    """Parse every module below the given folders of a project, without those below `without`."""
    paths = [path.relative_to(root) for room in rooms for path in sorted((root / room).rglob("*.py"))]
    left_out = tuple(Path(each) for each in without)
    return [
        parse(".".join(path.with_suffix("").parts).removesuffix(".__init__"), str(path), (root / path).read_text())
        for path in paths
        if not any(path.is_relative_to(each) for each in left_out)
    ]


def error_classes(modules: Iterable[Module]) -> dict[Symbol, bool]:
    """Return LifeboatError and its subclasses, each with whether it takes its message as it is (it has no __init__ of its own)."""
    found: dict[Symbol, bool] = {BASE: True}
    statements = [(module, node) for module in modules for node in module.classes]
    while True:
        before = len(found)
        for module, node in statements:
            base = next((symbol for each in node.bases if (symbol := module.symbol(each)) in found), None)
            if base and (module.name, node.name) not in found:
                writes = any(isinstance(each, ast.FunctionDef) and each.name == "__init__" for each in node.body)
                found[module.name, node.name] = found[base] and not writes
        if len(found) == before:
            return found


def raised(modules: list[Module]) -> list[Text]:
    """Return every message and hint of every LifeboatError (or subclass) built in the modules.

    A text that a function passes on from its argument is read at that function's calls. A value is shown as a placeholder.
    """
    classes = error_classes(modules)
    found: list[Text] = []
    for module in modules:
        for call in module.calls:
            if _gives_texts(module, call, classes):
                found += _texts_of(modules, module, call)
    return found


def _gives_texts(module: Module, call: ast.Call, classes: dict[Symbol, bool]) -> bool:
    if classes.get(module.symbol(call.func) or ("", "")):
        return True
    upwards = isinstance(call.func, ast.Attribute) and call.func.attr == "__init__" and ast.unparse(call.func.value) == "super()"
    return upwards and (module.name, module.class_around(call) or "") in classes and module.name != BASE[0]


def _texts_of(modules: list[Module], module: Module, call: ast.Call) -> Iterator[Text]:
    message = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "message"), None)
    hint = next((each.value for each in call.keywords if each.arg == "hint"), None)
    if message is None or isinstance(message, ast.Starred):
        yield Text(f"{module.path}:{call.lineno}", "message", "" if message is None else placeholder(message))
    else:
        yield from _read(modules, module, message, "message", depth=2)
    if hint is not None:
        yield from _read(modules, module, hint, "hint", depth=2)


def _read(modules: list[Module], module: Module, expression: ast.expr, part: str, depth: int) -> Iterator[Text]:
    """Yield the texts of one expression; one that is a function's argument is read where that function is called."""
    function = module.function_around(expression)
    if isinstance(expression, ast.Name) and function and depth and expression.id in _parameters(function):
        for caller, given in _arguments(modules, module, function, expression.id):
            yield from _read(modules, caller, given, part, depth - 1)
        return
    for text in variants(expression, module):
        if text is not None:
            yield Text(f"{module.path}:{expression.lineno}", part, text)


def _parameters(function: ast.FunctionDef) -> set[str]:
    return {each.arg for each in [*function.args.args, *function.args.kwonlyargs]}


def _arguments(modules: list[Module], home: Module, function: ast.FunctionDef, name: str) -> Iterator[tuple[Module, ast.expr]]:
    """Yield what every call of `home`'s function gives for one of its arguments; `__init__` is called by its class's name."""
    positions = [each.arg for each in function.args.args]
    if positions[:1] in (["self"], ["cls"]):
        positions = positions[1:]
    called = home.class_around(function) if function.name == "__init__" else function.name
    for module in modules:
        for call in module.calls:
            if _calls(module, call.func, home, called or ""):
                by_position = dict(zip(positions, call.args, strict=False))
                by_name = {each.arg: each.value for each in call.keywords if each.arg}
                if given := (by_position | by_name).get(name):
                    yield module, given


def _calls(module: Module, called: ast.expr, home: Module, function: str) -> bool:
    if module.symbol(called) == (home.name, function):
        return True
    return module is home and isinstance(called, ast.Attribute) and ast.unparse(called) in {f"self.{function}", f"cls.{function}"}


def variants(expression: ast.expr, module: Module) -> list[str | None]:
    """Return every text an expression may give, with a placeholder for each value; None stands for "no text"."""
    match expression:
        case ast.Constant(value=None):
            return [None]
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return _joined([_piece(each, module) for each in values])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined([variants(left, module), variants(right, module)])
        case ast.IfExp(body=body, orelse=orelse):
            return [*variants(body, module), *variants(orelse, module)]
        case ast.BoolOp(op=ast.Or(), values=values):
            return [text for each in values for text in variants(each, module)]
        case ast.Name(id=name):
            return _assigned(name, expression, module)
    return [placeholder(expression)]


def placeholder(expression: ast.expr) -> str:
    """Return how a value that is known only when the code runs is shown: its expression in braces."""
    return "{" + ast.unparse(expression) + "}"


def _piece(value: ast.expr, module: Module) -> list[str | None]:
    if not isinstance(value, ast.FormattedValue):
        return variants(value, module)
    if value.conversion == ord("r"):
        return [placeholder(value.value)]
    return ["" if text is None else text for text in variants(value.value, module)]


def _joined(pieces: list[list[str | None]]) -> list[str | None]:
    return ["".join(each or "" for each in chosen) for chosen in itertools.islice(itertools.product(*pieces), MOST_VARIANTS)]


def _assigned(name: str, at: ast.expr, module: Module) -> list[str | None]:
    """Return what the enclosing function, or the module, assigns to a name as text; a placeholder when it is not one plain assignment."""
    function = module.function_around(at)
    for assignments in (_assignments(function) if function else (), _at_top(module.tree)):
        given = [value for target, value in assignments if target == name]
        if given:
            texts = [text for each in given if not _mentions(each, name) for text in variants(each, module)]
            return texts or [placeholder(at)]
    return [placeholder(at)]


@cache
def _assignments(function: ast.FunctionDef) -> list[tuple[str, ast.expr]]:
    return _targets(every(function))


@cache
def _at_top(module: ast.Module) -> list[tuple[str, ast.expr]]:
    return _targets(module.body)


def _targets(nodes: Iterable[ast.AST]) -> list[tuple[str, ast.expr]]:
    """Return what is assigned by plain assignments: targets and values."""
    return [(ast.unparse(target), node.value) for node in nodes if isinstance(node, ast.Assign) for target in node.targets]


def _mentions(expression: ast.expr, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(expression))
