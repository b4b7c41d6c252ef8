"""Holds what a variable has chosen, and writes it into text in the format that is asked for there."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from backups.panels.dashboards.shape import Unaskable


@dataclass(frozen=True)
class Value:
    """What a variable has chosen. several: it may choose more than one, which decides how it is quoted. raw: text for All.

    name: of the variable. listed: it has chosen a list, also where that has one member
    """

    name: str
    chosen: tuple[str, ...]
    several: bool = False
    raw: bool = False
    listed: bool = False

    def only(self, choice: str) -> "Value":
        """The same with one of its choices, for a repetition."""
        return Value(self.name, (choice,), self.several)


def written(value: Value, form: str, kind: str) -> str:
    """Write a value. form: what follows the `:` in `${name:form}`, else "". kind: the data source's type.

    Raises Unaskable for a form that only a page knows.
    """
    if value.raw and form not in ("text", "percentencode"):
        return value.chosen[0]
    if not form:
        return _DEFAULTS.get(kind, _glob)(value)
    name, _, argument = form.partition(":")
    if name == "join":
        return (argument or ",").join(value.chosen)
    if name not in _FORMS:
        raise Unaskable(f"nobody knows the form {form[:40]} of ${{{value.name}}}")
    return _FORMS[name](value)


def _glob(value: Value) -> str:
    return "{" + ",".join(value.chosen) + "}" if len(value.chosen) > 1 else "".join(value.chosen)


def _prometheus(value: Value) -> str:
    """In a matcher of labels, in quotes: a backslash of the pattern is two there."""
    if not value.several:
        return "".join(one.replace("\\", "\\\\").replace("'", "\\\\'") for one in value.chosen[:1])
    parts = [re.sub(r"[$^*{}\[\]'+?.()|]", lambda sign: "\\\\" + sign[0], one.replace("\\", "\\\\\\\\")) for one in value.chosen]
    return parts[0] if len(parts) == 1 else f"({'|'.join(parts)})"


def _sql(value: Value) -> str:
    if value.several or len(value.chosen) > 1:
        return _quoted("'", "''")(value)
    return "".join(one.replace("'", "''") for one in value.chosen)


def _quoted(mark: str, escaped: str) -> Callable[[Value], str]:
    return lambda value: ",".join(mark + one.replace(mark, escaped) + mark for one in value.chosen)


def _regex(value: Value) -> str:
    parts = [re.sub(r"[\\^$*+?.()|\[\]{}/]", lambda sign: "\\" + sign[0], one) for one in value.chosen]
    return parts[0] if len(parts) == 1 else f"({'|'.join(parts)})"


def _lucene(value: Value) -> str:
    parts = [re.sub(r'([!*+\-=<>\s&|()\[\]{}^~?:\\/"])', r"\\\1", one) for one in value.chosen]
    return parts[0] if not value.listed and len(parts) == 1 else "(" + " OR ".join(f'"{one}"' for one in parts) + ")"


def _percent(value: Value) -> str:
    found = _glob(value) if len(value.chosen) > 1 else "".join(value.chosen)
    return quote(found, safe="-_.~")


def _distributed(value: Value) -> str:
    first, *others = value.chosen or ("",)
    return ",".join([first, *(f"{value.name}={one}" for one in others)])


_DEFAULTS: Mapping[str, Callable[[Value], str]] = {"prometheus": _prometheus, "mysql": _sql}
_FORMS: Mapping[str, Callable[[Value], str]] = {
    "raw": lambda value: ",".join(value.chosen),
    "csv": lambda value: ",".join(value.chosen),
    "pipe": lambda value: "|".join(value.chosen),
    "text": lambda value: " + ".join(value.chosen),
    "json": lambda value: json.dumps(
        list(value.chosen) if value.listed or len(value.chosen) > 1 else "".join(value.chosen), ensure_ascii=False
    ),
    "glob": _glob,
    "regex": _regex,
    "lucene": _lucene,
    "distributed": _distributed,
    "html": lambda value: escape(", ".join(value.chosen)),
    "percentencode": _percent,
    "uriencode": _percent,
    "singlequote": _quoted("'", "\\'"),
    "doublequote": _quoted('"', '\\"'),
    "sqlstring": _quoted("'", "''"),
    "queryparam": lambda value: "&".join(f"var-{quote(value.name)}={quote(one)}" for one in value.chosen),
}
