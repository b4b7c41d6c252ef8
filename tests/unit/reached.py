"""Says which functions a function may come to call, read from the source: by names, and of methods those of classes that are made.

It may say too much, since a method is told by its name alone; it never says too little, but for names that are put together.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tests.syntax import inside
from tests.unit.raised_messages import Module, Symbol, placeholder

_NO_VALUE = ("annotation", "returns")
"""Fields of a node that make nothing of what they name."""


@dataclass(frozen=True, eq=False, repr=False)
class Unit:
    """A function, a method, the rest of a class's body, or what a module gives a name; with all that is within."""

    module: Module
    nodes: tuple[ast.AST, ...]

    @cached_property
    def names(self) -> set[Symbol]:
        """Everything of a module that it names."""
        return {symbol for node in self.nodes if isinstance(node, ast.expr) for symbol in _symbols(self.module, node)}

    @cached_property
    def attributes(self) -> set[str]:
        """The names after a dot: of methods, perhaps."""
        return {node.attr for node in self.nodes if isinstance(node, ast.Attribute)}

    @cached_property
    def texts(self) -> list[str]:
        """Every text that it writes, with a placeholder for each value, but for docstrings."""
        return [text for node in self.nodes if (text := _text(node)) and not self._is_part(node)]

    def _is_part(self, node: ast.AST) -> bool:
        """Return whether it is a docstring, or a piece of a text."""
        parent = self.module.parents.get(node)
        return isinstance(parent, ast.Expr | ast.JoinedStr) or (isinstance(parent, ast.BinOp) and bool(_text(parent)))


def _symbols(module: Module, node: ast.expr) -> Iterator[Symbol]:
    if found := module.symbol(node):
        yield found
    elif isinstance(node, ast.Name):
        yield module.name, node.id


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(each) if isinstance(each, ast.Constant) else placeholder(each.value) for each in values)  # type: ignore[attr-defined]
        case ast.BinOp(left=left, op=ast.Add(), right=right) if text := _text(left) + _text(right):
            return text
    return ""


# None is shown: pytest would write out the whole project where a test of it fails.
@dataclass(repr=False)
class _Class:
    module: Module
    bases: list[Symbol]
    methods: dict[str, Unit] = field(default_factory=dict)


@dataclass(repr=False)
class Code:
    """All modules of a project, by what they define."""

    modules: Mapping[str, Module]
    units: dict[Symbol, Unit] = field(default_factory=dict)
    classes: dict[Symbol, _Class] = field(default_factory=dict)

    @classmethod
    def of(cls, modules: Iterable[Module]) -> "Code":
        """Read what the modules define."""
        code = cls({module.name: module for module in modules})
        for module in code.modules.values():
            for node in module.tree.body:
                code._add(module, node)
        return code

    def _add(self, module: Module, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef(name=name):
                self.units[module.name, name] = Unit(module, _within(node))
            case ast.ClassDef(name=name):
                found = _Class(module, [base for each in node.bases for base in _symbols(module, each)])
                rest: list[ast.AST] = []
                for each in node.body:
                    if isinstance(each, ast.FunctionDef):
                        found.methods[each.name] = Unit(module, _within(each))
                    else:
                        rest.append(each)
                self.classes[module.name, name] = found
                self.units[module.name, name] = Unit(module, _within(*rest))
            case ast.Assign(targets=targets, value=value):
                for name in [each.id for each in targets if isinstance(each, ast.Name)]:
                    self.units[module.name, name] = Unit(module, _within(value))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self.units[module.name, name] = Unit(module, _within(value))

    def _home(self, symbol: Symbol) -> Symbol:
        """Return where it is defined: a package may pass on what a module of it defines."""
        module = self.modules.get(symbol[0])
        if symbol in self.units or module is None or module.names.get(symbol[1], symbol) == symbol:
            return symbol
        return self._home(module.names[symbol[1]])

    def _line(self, symbol: Symbol) -> Iterator[_Class]:
        """Yield a class and all that it is made from."""
        if found := self.classes.get(self._home(symbol)):
            yield found
            for base in found.bases:
                yield from self._line(base)

    def reached(self, roots: Iterable[Symbol], without: Iterable[Symbol] = ()) -> set[Unit]:
        """Return what these may come to run; nothing of `without`, nor what only that comes to."""
        left_out, seen = set(without), set[Symbol]()
        found, attributes = set[Unit](), set[str]()
        methods: dict[str, set[Unit]] = {}
        waiting: list[Unit] = []

        def name(symbol: Symbol) -> None:
            home = self._home(symbol)
            if home in seen or home in left_out:
                return
            seen.add(home)
            if home in self.units:
                waiting.append(self.units[home])
            for each in self._line(home):
                for title, unit in each.methods.items():
                    methods.setdefault(title, set()).add(unit)
                    if title in attributes or title.startswith("__"):
                        waiting.append(unit)

        for root in roots:
            name(root)
        while waiting:
            unit = waiting.pop()
            if unit in found:
                continue
            found.add(unit)
            for symbol in unit.names:
                name(symbol)
            for title in unit.attributes - attributes:
                waiting += methods.get(title, ())
            attributes |= unit.attributes
        return found


def _within(*nodes: ast.AST) -> tuple[ast.AST, ...]:
    """Return nodes and all that is in them, but what only says of which kind something is."""
    found = list(nodes)
    for node in found:
        if isinstance(node, ast.ExceptHandler):
            found += node.body
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            found += node.args[:1]
        else:
            found += inside(node, _NO_VALUE)
    return tuple(found)
