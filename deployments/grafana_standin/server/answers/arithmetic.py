"""Reckons math expressions: `$A * 2`, `${B} > 0 && abs($C) < 10`, of numbers only; a comparison is 1 or 0."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

Number = float | None
"""None: null, of which everything is null."""

_NAME = re.compile(r"\$\{([^}]+)\}|\$(\w+)")
_ALLOWED = re.compile(r"[\w\s$.{}()+\-*/%<>=!&|,]*")
_LONGEST = 2000


def _power(one: float, other: float) -> float:
    try:
        found = one**other
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return found if isinstance(found, float) else math.nan


_BINARY: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: (
        one / other if other else math.nan if not one or math.isnan(one) else math.copysign(math.inf, one)
    ),
    ast.Mod: lambda one, other: math.fmod(one, other) if other and math.isfinite(one) else math.nan,
    ast.Pow: _power,
}
_COMPARED: dict[type[ast.AST], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "log": lambda number: math.log(number) if number > 0 else -math.inf if number == 0 else math.nan,
    "round": lambda number: math.copysign(math.floor(abs(number) + 0.5), number) if math.isfinite(number) else number,
    "ceil": lambda number: float(math.ceil(number)) if math.isfinite(number) else number,
    "floor": lambda number: float(math.floor(number)) if math.isfinite(number) else number,
    "is_nan": lambda number: float(math.isnan(number)),
    "is_inf": lambda number: float(math.isinf(number)),
    "is_number": lambda number: float(math.isfinite(number)),
}
_CONSTANTS = {"nan": math.nan, "inf": math.inf}


def names(expression: str) -> list[str]:
    """The refIds that an expression names. Raises ValueError when it is no expression."""
    _parsed(expression)
    return list(dict.fromkeys(found[1] or found[2] for found in _NAME.finditer(expression)))


def value(expression: str, values: Mapping[str, Number]) -> Number:
    """Reckon an expression with the values of its names. Raises ValueError when it is no expression."""
    tree, known = _parsed(expression)
    return _reckoned(tree, {placeholder: values[name] for placeholder, name in known.items()})


def _parsed(expression: str) -> tuple[ast.expr, dict[str, str]]:
    """Python's reading of an expression, whose operators are nearly the same; and the placeholders of its names."""
    if len(expression) > _LONGEST or not _ALLOWED.fullmatch(_NAME.sub("", expression)):
        raise ValueError("unexpected character")
    known: dict[str, str] = {}

    def placeholder(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        known.setdefault(f"_ref{len(known)}" if name not in known.values() else "", name)
        return next(one for one, other in known.items() if other == name)

    text = _NAME.sub(placeholder, expression)
    text = re.sub(r"!(?!=)", " not ", text.replace("&&", " and ").replace("||", " or "))
    try:
        return ast.parse(text.strip(), mode="eval").body, known
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"unexpected token: {error}") from None


def _reckoned(node: ast.expr, values: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=operation, operand=inner) if isinstance(operation, ast.USub | ast.UAdd | ast.Not):
            found = _reckoned(inner, values)
            return (
                found
                if found is None
                else float(not found)
                if isinstance(operation, ast.Not)
                else -found
                if isinstance(operation, ast.USub)
                else found
            )
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _BINARY:
            one, other = _reckoned(left, values), _reckoned(right, values)
            return None if one is None or other is None else _BINARY[type(operation)](one, other)
        case ast.Compare(left=left, ops=[operation], comparators=[right]) if type(operation) in _COMPARED:
            one, other = _reckoned(left, values), _reckoned(right, values)
            return None if one is None or other is None else float(_COMPARED[type(operation)](one, other))
        case ast.BoolOp(op=operation, values=parts):
            all_ = [_reckoned(part, values) for part in parts]
            if None in all_:
                return None
            return float(all(all_) if isinstance(operation, ast.And) else any(all_))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, [_reckoned(argument, values) for argument in arguments])
    raise ValueError(f"unexpected {type(node).__name__}")


def _called(name: str, arguments: list[Number]) -> Number:
    if name in _CONSTANTS and not arguments:
        return _CONSTANTS[name]
    if name == "null" and not arguments:
        return None
    if len(arguments) != 1:
        raise ValueError(f"non existent function or wrong number of arguments: {name}")
    (argument,) = arguments
    if name == "is_null":
        return float(argument is None)
    if name not in _FUNCTIONS:
        raise ValueError(f"non existent function {name}")
    return None if argument is None else float(_FUNCTIONS[name](argument))
