"""Works a dashboard's ad-hoc filters into a query of Prometheus: each becomes one more matcher of every series in it."""

import re
from collections.abc import Iterable, Iterator, Sequence

from backups.panels.dashboards.shape import Json, Unaskable, text, texts
from backups.panels.variables.fill import looks_unfilled

_TOKEN = re.compile(
    r"""
    (?P<quoted>"(?:[^"\\]|\\.)*(?:"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z)|`[^`]*(?:`|\Z))
    | (?P<comment>\#[^\n]*)
    | (?P<number>\d[\w.]*)
    | (?P<name>\$?[a-zA-Z_:][\w:]*|\$\{\w+\})
    | (?P<space>\s+)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
"""What stands before a list of labels, in brackets or not."""
_WORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "bool",
        "offset",
        "atan2",
        "inf",
        "nan",
        "start",
        "end",
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "count_values",
        "group",
        "limitk",
        "limit_ratio",
    ]
)
"""Names that are of no series, where no bracket follows them."""
_OPERATORS = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~", "=|": "=~", "!=|": "!~"}


def matchers(filters: Iterable[Json]) -> list[str]:
    """The matchers of filters: `job="a"`. Raises Unaskable for a filter that is none of a Prometheus's."""
    found = []
    for one in filters:
        key, sign = text(one.get("key")), text(one.get("operator"))
        if not key or sign not in _OPERATORS:
            raise Unaskable(f"the ad-hoc filter {key[:80]} {sign[:10]} cannot be worked into it")
        value = text(one.get("value"))
        if looks_unfilled(value):
            raise Unaskable(f"the ad-hoc filter {key[:80]} looks like a variable")
        if sign.endswith("|"):
            value = "|".join(map(re.escape, texts(one.get("values")) or (value,)))
        label = key if re.fullmatch(r"[a-zA-Z_]\w*", key, re.ASCII) else _quoted(key)
        found.append(f"{label}{_OPERATORS[sign]}{_quoted(value)}")
    return found


def narrowed(query: str, added: Sequence[str]) -> str:
    """The query with these matchers in every selector of series."""
    return "".join(_narrowed(query, ",".join(added))) if added else query


def _narrowed(query: str, added: str) -> Iterator[str]:
    tokens = list(_TOKEN.finditer(query))
    braces, ranges, labels = 0, 0, False
    some = False
    for place, token in enumerate(tokens):
        word = token[0]
        following = next((each[0] for each in tokens[place + 1 :] if each.lastgroup not in ("space", "comment")), "")
        if token.lastgroup == "sign":
            if word == "}" and braces:
                yield f",{added}" if some else added
            braces += (word == "{") - (word == "}")
            ranges += (word == "[") - (word == "]")
            labels = labels and word != ")"
            some = word not in ("{", ",")
            yield word
            continue
        some = some or token.lastgroup in ("quoted", "name", "number")
        yield word
        if token.lastgroup != "name" or braces or ranges or labels:
            continue
        if word.lower() in _GROUPING:
            labels = following == "("
        elif following not in ("(", "{") and word.lower() not in _WORDS and not word.startswith("$"):
            yield f"{{{added}}}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
