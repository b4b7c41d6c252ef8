"""Finds the rule of each column, and refuses rules that name nothing, contradict each other, or cannot be applied.

Pure.
"""

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from backups.errors import ConfigError
from backups.services.masked import KINDS, Kind, Ruled
from backups.services.mysql.masking.columns import Column, Family, ForeignKey
from backups.services.mysql.masking.fitting import LEAST, LEAST_UNIQUE

_PART = re.compile(r"`((?:[^`]|``)+)`|([^.`]+)")
_ALLOWED: Mapping[Family, tuple[Kind, ...]] = {
    Family.TEXT: KINDS,
    Family.JSON: ("text", "hash", "null", "keep"),
    Family.INTEGER: ("hash", "phone", "null", "keep"),
    Family.DATE: ("hash", "null", "keep"),
    Family.BYTES: ("hash", "null", "keep"),
    Family.POINT: ("hash", "null", "keep"),
    Family.OTHER: ("null", "keep"),
}
_WIDE = "bigint"
"""The one type of whole numbers that holds every telephone number."""


def apply(rules: Mapping[str, Kind], columns: Sequence[Column], keys: Sequence[ForeignKey]) -> dict[Column, Ruled]:
    """Return the rule of each column that has one: the one with the fewest wildcards; no `keep` with wildcards beats another.

    Raises ConfigError for a rule that matches no column, for two that are equally exact and differ, for a kind that a column
    cannot have, and for columns of a foreign key that would no longer be equal.
    """
    chosen: dict[Column, Ruled] = {}
    for column in columns:
        if (rule := _chosen(column, rules)) is not None:
            chosen[column] = Ruled(column.subject, rules[rule], rule)
    for rule in rules:
        _require_matched(rule, columns)
    for column, ruled in chosen.items():
        if fault := unfit(column, ruled.kind):
            raise ConfigError(f"masks: {ruled.rule}: {ruled.kind}: {column.subject} {fault[0]}", hint=fault[1])
    _require_alike(chosen, columns, keys)
    return chosen


def matches(rule: str, column: Column) -> bool:
    """Return whether a rule names a column: `database.table.column`, each part with * for any text; missing parts are any."""
    parts = _parts(rule)
    names = (column.schema, column.table, column.name)
    if not parts or len(parts) > len(names):
        return False
    if len(parts) < len(names) and parts[0] != ("*", True):
        return False
    return all(
        fnmatchcase(name, pattern.replace("[", "[[]")) if wild else name == pattern
        for (pattern, wild), name in zip(parts, names[-len(parts) :], strict=True)
    )


def any_column(rule: str) -> bool:
    """Return whether a rule leaves open what the column is called: `shop.client.*`, `*`, and not `*.email`."""
    parts = _parts(rule)
    return bool(parts) and parts[-1][1]


def unfit(column: Column, kind: Kind) -> tuple[str, str] | None:
    """Return why a column cannot have that kind, and what to write instead; None where it can."""
    if (why := _fault(column, kind)) is None:
        return None
    return why, f"one of: {', '.join(each for each in KINDS if _fault(column, each) is None)}"


def _fault(column: Column, kind: Kind) -> str | None:
    if kind == "keep":
        return None
    wide = kind != "phone" or column.family is not Family.INTEGER or column.type == _WIDE
    if kind not in _ALLOWED[column.family] or not wide:
        return f"is a {column.type}, which holds no {kind}"
    if kind == "null":
        return None if column.nullable else "is NOT NULL"
    if column.counter:
        return "is numbered by the server (AUTO_INCREMENT), and such a number says nothing"
    if column.unique and column.family in (Family.DATE, Family.POINT, Family.JSON):
        return f"is a {column.type} in a unique key, and two values may get the same replacement"
    return _narrow(column, kind)


def _narrow(column: Column, kind: Kind) -> str | None:
    """Say that a replacement would be longer than the column takes."""
    if column.family not in (Family.TEXT, Family.BYTES):
        return None
    text = column.family is Family.TEXT
    least = (LEAST_UNIQUE if column.unique else LEAST)[kind] if text else LEAST_UNIQUE["hash"] if column.unique else 1
    if column.room >= least:
        return None
    why = ", since it is in a unique key" if column.unique else ""
    return f"has room for {column.room} {'characters' if text else 'bytes'}, and such a value takes {least}{why}"


def _chosen(column: Column, rules: Mapping[str, Kind]) -> str | None:
    found = sorted((_wildness(rule, rules[rule]), rule) for rule in rules if matches(rule, column))
    if column.generated:
        exact = [rule for wildness, rule in found if wildness == (False, 0, 0)]
        if exact:
            raise ConfigError(
                f"masks: {exact[0]}: the server computes {column.subject} from other columns",
                hint="leave it out, and give those columns a rule",
            )
        return None
    for (wildness, rule), (next_wildness, other) in itertools.pairwise(found):
        if wildness == next_wildness and rules[rule] != rules[other]:
            raise ConfigError(
                f"masks: {rule}: {rules[rule]} and {other}: {rules[other]} both name {column.subject}",
                hint=f"write the rule of that column out: {column.subject}: {rules[rule]}",
            )
        break
    return found[0][1] if found else None


def _wildness(rule: str, kind: Kind) -> tuple[bool, int, int]:
    """Return how inexact a rule is: whether it keeps many columns, which gives way to every other rule; then its wildcards."""
    parts = _parts(rule)
    anything = 3 - len(parts) + sum(1 for pattern, wild in parts if wild and pattern == "*")
    others = sum(pattern.count("*") + pattern.count("?") for pattern, wild in parts if wild and pattern != "*")
    return kind == "keep" and anything + others > 0, anything, others


def _parts(rule: str) -> list[tuple[str, bool]]:
    """Return the parts of a rule, and whether * and ? in each are wildcards: in backticks they are not."""
    parts = [(quoted.replace("``", "`") or plain, not quoted) for quoted, plain in _PART.findall(rule)]
    return [(text, wild and ("*" in text or "?" in text)) for text, wild in parts]


def _require_matched(rule: str, columns: Sequence[Column]) -> None:
    if any(matches(rule, column) and not column.generated for column in columns):
        return
    near = difflib.get_close_matches(rule, [column.subject for column in columns], n=3, cutoff=0.7)
    raise ConfigError(
        f"masks: {rule}: there is no such column in that backup",
        hint=f"did you mean {', '.join(near)}?"
        if near
        else "a rule is named database.table.column, or *.column; correct or remove it",
    )


def _require_alike(chosen: Mapping[Column, Ruled], columns: Sequence[Column], keys: Sequence[ForeignKey]) -> None:
    """Raise ConfigError unless both sides of each foreign key are replaced alike: else no row would find its parent."""
    by_key = {column.key: column for column in columns}
    for key in keys:
        for pair in key.pairs:
            own, other = by_key.get(pair[0]), by_key.get(pair[1])
            if own is None or other is None:
                continue
            kinds = [_effect(chosen.get(side)) for side in (own, other)]
            if kinds[0] != kinds[1] and kinds[0] != "null":
                raise ConfigError(
                    f"masks: {own.subject} ({kinds[0]}) refers to {other.subject} ({kinds[1]}): they would no longer be equal",
                    hint="give both the same kind",
                )


def _effect(ruled: Ruled | None) -> Kind:
    return ruled.kind if ruled else "keep"


def groups(columns: Iterable[Column], keys: Sequence[ForeignKey]) -> dict[tuple[str, str, str], tuple[str, str, str]]:
    """Return for each column that a foreign key joins with others one of them: the same for all that are joined."""
    leader: dict[tuple[str, str, str], tuple[str, str, str]] = {column.key: column.key for column in columns}

    def find(key: tuple[str, str, str]) -> tuple[str, str, str]:
        while leader.get(key, key) != key:
            key = leader[key]
        return key

    for foreign in keys:
        for own, other in foreign.pairs:
            leader[find(own)] = find(other)
    return {key: find(key) for key in leader}


def require_known(read: Iterable[str], definitions: Iterable[str]) -> None:
    """Raise ConfigError for a definition that was read and is not there."""
    known = list(definitions)
    for name in read:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.7)
            raise ConfigError(
                f"masks: definitions: there is no {name} in that backup",
                hint=f"did you mean {', '.join(near)}?"
                if near
                else "a table is named database.table, others like: trigger database.name",
            )
