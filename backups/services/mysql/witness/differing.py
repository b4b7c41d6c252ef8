"""Finds the rows that differ between two servers' tables, by hashes over parts of the key: no row is moved that is equal.

A table is cut into 4,096 parts by the hash of its key. Each server hashes all its rows once, by the fingerprint's expression, and
gives a sum for each part; of the parts that differ the rows' own hashes are compared, of the rows that differ their columns'.
Each step is one SELECT, so that no transaction stays open at a live source, and each has what is left of the time.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pymysql.err

from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness import fingerprint, sessions
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.column_types import Form as Written
from backups.services.mysql.witness.column_types import column_type
from backups.services.mysql.witness.data import Counted
from backups.services.traced import Row, Trace

MOST_ROWS = 20
"""Rows that are named."""
_MOST_HASHES = 20_000
"""Rows of differing parts that are compared one by one."""
_PARTS = 4096
_LONGEST = 200
"""Characters of a value that is shown."""

Parts = Mapping[int, Counted]
"""Of each part of a table, rows and fingerprint."""


class NotFound(Exception):
    """Says why the rows that differ cannot be named: no fault of anybody's."""


@dataclass(frozen=True)
class Reader:
    """Reads one table on one server, by sessions whose secret is set. until: by `time.monotonic`."""

    session: Session
    table: Table
    key: tuple[str, ...]
    form: Form
    until: float

    def parts(self) -> Parts:
        """Return rows and fingerprint of every part of the table."""
        hashed = self._hash(self.table.columns)
        # LATERAL: what looks into JSON cannot stand in a SELECT that groups.
        beside, row_hash = fingerprint.hash_of(self.table.name), quoted(fingerprint.unlike("row_hash", self.table.columns))
        lateral = f", LATERAL (SELECT {hashed} AS {row_hash}) AS {beside}"
        found = self._select(f"{self._part}, COUNT(*), HEX(BIT_XOR(UNHEX({beside}.{row_hash})))", f"{lateral} GROUP BY 1")
        return {int(str(part)): fingerprint.value(more) for part, *more in found}

    def hashes(self, parts: Sequence[int]) -> dict[str, str]:
        """Return the hash of every row of these parts, by the hash of its key. Raises NotFound when there are too many."""
        named = ", ".join(map(str, parts))
        hashed = self._hash(self.table.columns)
        found = self._select(f"{self._identity}, {hashed}", f"WHERE {self._part} IN ({named}) LIMIT {_MOST_HASHES + 1}")
        if len(found) > _MOST_HASHES:
            raise NotFound(f"more than {_MOST_HASHES:,} rows are in the parts that differ")
        return {str(key): str(value) for key, value in found}

    def rows(self, identities: Sequence[str]) -> "dict[str, _Described]":
        """Return of these rows the key, the hash of each other column, and how each is shown, by the hash of the key."""
        others = [column for column in self.table.columns if column.name not in self.key and not column.computed]
        shown = [self._shown(name) for name in self.key]
        asked = [self._identity, *shown, *(self._hash([column]) for column in others), *(self._shown(c.name) for c in others)]
        result: dict[str, _Described] = {}
        if not identities:
            return result
        named = ", ".join(f"'{each}'" for each in identities)
        for identity, *more in self._select(", ".join(asked), f"WHERE {self._identity} IN ({named})"):
            texts = list(more)
            key, hashes, values = texts[: len(shown)], texts[len(shown) :][: len(others)], texts[len(shown) + len(others) :]
            result[str(identity)] = (
                dict(zip(self.key, map(str, key), strict=True)),
                dict(zip((column.name for column in others), map(str, hashes), strict=True)),
                dict(zip((column.name for column in others), (None if v is None else str(v) for v in values), strict=True)),
            )
        return result

    @property
    def _identity(self) -> str:
        key = [column for column in self.table.columns if column.name in self.key]
        return self._hash(key, secret=False)

    @property
    def _part(self) -> str:
        return f"CONV(LEFT({self._identity}, 3), 16, 10)"

    def _hash(self, columns: Sequence[fingerprint.Column], *, secret: bool = True) -> str:
        return fingerprint.row_hash(
            columns,
            f"{self.table.schema}.{self.table.name}",
            typed_json=self.form.json_values == "typed",
            secret=secret and self.form.row_secret is not None,
        )

    def _shown(self, name: str) -> str:
        """Return the SQL that writes a column for a person, cut."""
        (column,) = (each for each in self.table.columns if each.name == name)
        kind = column_type(column.type)
        if kind and kind.form in (Written.BYTES, Written.VECTOR, Written.SHAPE):
            return f"CONCAT('0x', HEX(LEFT({quoted(name)}, {_LONGEST // 2})))"
        if kind and kind.form is Written.CODE and column.type == "bit":
            return f"CAST(CAST({quoted(name)} AS UNSIGNED) AS CHAR)"
        return f"LEFT(CONVERT({quoted(name)} USING utf8mb4), {_LONGEST})"

    def _select(self, what: str, how: str) -> list[tuple[object, ...]]:
        left = self.until - time.monotonic()
        if left <= 0:
            raise NotFound("there was no time left")
        sessions.limit_statements(self.session, left)
        source = f"{quoted(self.table.schema)}.{quoted(self.table.name)} USE INDEX ()"
        try:
            return list(rows(self.session, f"SELECT {what} FROM {source} {how}"))  # noqa: S608 -- identifiers are quoted
        except pymysql.err.OperationalError as error:
            if error.args[0] in sessions.TOO_LONG:
                raise NotFound("reading the table took too long") from error
            raise


def trace(subject: str, here: Reader, there: Reader, *, expected: Counted | None, values: bool) -> Trace:
    """Name the rows of `here` that are not those of `there`; raises NotFound.

    expected: what the table must hold there, rows and fingerprint; where it does not, it has changed, and proves nothing
    """
    right, wrong = there.parts(), here.parts()
    _require(expected is None or _holds(right, expected), "the table has changed there since the backup")
    differing = sorted(part for part in {*right, *wrong} if right.get(part) != wrong.get(part))
    _require(bool(differing), "no row that differs was found")
    chosen = _some(differing, right, wrong)
    theirs, ours = there.hashes(chosen), here.hashes(chosen)
    still = expected is None or {part: right.get(part) for part in chosen} == _summed(theirs, chosen)
    _require(still, "the table was written to there meanwhile")
    found = _kinds(theirs, ours)
    _require(bool(found), "rows differ in number alone: the copy holds some of them twice under one key")
    named = list(found)[:MOST_ROWS]
    right_rows = there.rows([each for each in named if found[each] != "extra"])
    wrong_rows = here.rows([each for each in named if found[each] != "missing"])
    numbers = {column.name for column in here.table.columns if _plain(column)}
    described = tuple(
        _row(right_rows.get(each), wrong_rows.get(each), numbers=numbers, values=values)
        for each in named
        if each in right_rows or each in wrong_rows
    )
    return Trace(subject, described, len(found) if len(chosen) == len(differing) else None)


def _require(well: bool, reason: str) -> None:  # noqa: FBT001 - a condition
    if not well:
        raise NotFound(reason)


def _holds(parts: Parts, expected: Counted) -> bool:
    """Return whether the parts together are a table with these rows and this fingerprint."""
    return fingerprint.joined([*parts.values()]) == expected if parts else not expected[0]


def _some(differing: Sequence[int], *sides: Parts) -> list[int]:
    """Return so many of the parts that their rows can be compared one by one, the first at least."""
    chosen: list[int] = []
    held = 0
    for part in differing:
        held += max(side.get(part, (0, ""))[0] for side in sides)
        if chosen and held > _MOST_HASHES:
            break
        chosen.append(part)
    return chosen


def _summed(hashes: Mapping[str, str], parts: Sequence[int]) -> dict[int, Counted | None]:
    found: dict[int, Counted | None] = dict.fromkeys(parts)
    for identity, value in hashes.items():
        part = int(identity[:3], 16)
        before = found.get(part)
        found[part] = fingerprint.joined([*([before] if before else []), (1, value.lower())])
    return found


def _kinds(theirs: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    missing = {each: "missing" for each in theirs if each not in ours}
    extra = {each: "extra" for each in ours if each not in theirs}
    changed = {each: "changed" for each, value in theirs.items() if each in ours and ours[each] != value}
    return missing | extra | changed


_Described = tuple[dict[str, str], dict[str, str], dict[str, str | None]]
"""Of a row: its key, the hashes of its other columns, and how those are shown, each by its column's name."""


def _row(right: _Described | None, wrong: _Described | None, *, numbers: set[str], values: bool) -> Row:
    key = (right or wrong or ({}, {}, {}))[0]
    shown = tuple((name, value if values or name in numbers else masked(value)) for name, value in key.items())
    if right is None or wrong is None:
        return Row("missing" if wrong is None else "extra", shown)
    columns = tuple(name for name, value in right[1].items() if wrong[1].get(name) != value)
    pairs = tuple((name, right[2][name], wrong[2][name]) for name in columns) if values else ()
    return Row("changed", shown, columns, pairs)


def masked(value: str) -> str:
    """Return what tells a value from others without showing it: SHA2 of it, 256 bits, begins with these digits."""
    return f"sha256 {hashlib.sha256(value.encode()).hexdigest()[:12]}…"


def _plain(column: fingerprint.Column) -> bool:
    """Return whether a key's value is no person's: a number, as counters give it."""
    kind = column_type(column.type)
    return kind is not None and kind.form is Written.NUMBER


def key_of(session: Session, table: Table) -> tuple[str, ...]:
    """Return the columns of the primary key, or of the unique one without NULLs that stands for it. Raises NotFound for none."""
    if table.mariadb:
        raise NotFound("rows of a MariaDB cannot be named")
    stored = {column.name: column for column in table.columns if not column.computed}
    indexes: dict[str, list[str | None]] = {}
    for row in rows(session, f"SHOW KEYS FROM {quoted(table.schema)}.{quoted(table.name)} WHERE non_unique = 0"):
        indexes.setdefault(str(row[2]), []).append(None if row[4] is None else str(row[4]))
    for name in sorted(indexes, key=lambda name: name != "PRIMARY"):
        columns = [column for column in indexes[name] if column is not None]
        if len(columns) == len(indexes[name]) and all(each in stored and not stored[each].nullable for each in columns):
            return tuple(columns)
    raise NotFound("the table has no key that tells its rows apart")
