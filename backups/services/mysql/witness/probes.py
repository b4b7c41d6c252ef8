"""Asks each full-text and spatial index of a table for rows that it must find: its entries are in no fingerprint.

What is asked follows from the rows themselves, the first and the last by primary key, so that nothing of them is kept: a copy
with equal rows is asked the same. On a source, words of a row that was changed since the snapshot are found no more, whatever
the snapshot shows: such an index is left out of the witness.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pymysql.err

from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.definitions import subject
from backups.services.mysql.witness.sessions import limit_statements
from backups.witness import Fact

METRIC = "finds"
_WORDS = 8
_LENGTH = 4000
"""Characters of a column that words are taken from."""
_SECONDS = 10.0
"""For each question at a source; a copy, which may be slower, has ten times as many."""


@dataclass(frozen=True)
class Index:
    """A full-text or spatial index, and the primary key of its table; none of a table without one."""

    schema: str
    table: str
    name: str
    fulltext: bool
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def subject(self) -> str:
        """As facts name it."""
        return subject(self.schema, self.table, self.name, kind="index")


def indexes(session: Session, schemas_left_out: Sequence[str]) -> list[Index]:
    """List them."""
    found: dict[tuple[str, str, str], list[str]] = {}
    kinds: dict[tuple[str, str, str], str] = {}
    keys: dict[tuple[str, str], list[str]] = {}
    for schema, table, name, kind, column in rows(
        session,
        "SELECT table_schema, table_name, index_name, index_type, column_name FROM information_schema.statistics "
        "WHERE table_schema NOT IN %s AND (index_name = 'PRIMARY' OR index_type IN ('FULLTEXT', 'SPATIAL')) "
        "AND is_visible = 'YES' ORDER BY table_schema, table_name, index_name, seq_in_index",
        [tuple(schemas_left_out)],
    ):
        if name == "PRIMARY":
            keys.setdefault((schema, table), []).append(column)
        else:
            found.setdefault((schema, table, name), []).append(column)
            kinds[schema, table, name] = kind
    return [
        Index(*key, fulltext=kinds[key] == "FULLTEXT", columns=tuple(columns), key=tuple(keys.get(key[:2], ())))
        for key, columns in found.items()
    ]


def at_source(session: Session, index: Index) -> list[Fact]:
    """State what a source's index finds; nothing where it finds nothing, or not twice the same."""
    if not index.key:
        return []
    limit_statements(session, _SECONDS)
    try:
        found = list(_asked(session, index))
        return found if found == list(_asked(session, index)) else []
    except pymysql.err.MySQLError:
        # Too many rows for one answer, or too long: it is no part of the witness then.
        return []
    finally:
        limit_statements(session, 0)


def on_copy(session: Session, index: Index, witness: Sequence[Fact]) -> list[Fact]:
    """State what a copy's index finds of what the witness states of it."""
    stated = {fact.metric for fact in witness if fact.subject == index.subject}
    if not stated:
        return []
    limit_statements(session, 10 * _SECONDS)
    try:
        answers = {fact.metric: fact for fact in _asked(session, index)}
    except pymysql.err.MySQLError as error:
        return [Fact(index.subject, metric, f"nothing: error {error.args[0]}") for metric in sorted(stated)]
    finally:
        limit_statements(session, 0)
    return [answers.get(metric, Fact(index.subject, metric, "nothing")) for metric in sorted(stated)]


def _asked(session: Session, index: Index) -> Iterator[Fact]:
    """Ask for the first and for the last row; yields what is found."""
    for which, order in (("first", "ASC"), ("last", "DESC")):
        answer = (_words_found if index.fulltext else _shape_found)(session, index, order)
        if answer:
            yield Fact(index.subject, f"{METRIC} the {which} row", answer)


def _words_found(session: Session, index: Index, order: str) -> str | None:
    columns = ", ".join(f"LEFT(CONVERT({quoted(column)} USING utf8mb4), {_LENGTH})" for column in index.columns)
    row = rows(session, f"SELECT {columns} FROM {_table(index)} ORDER BY {_key(index, order)} LIMIT 1")  # noqa: S608 -- quoted
    words = sorted({word for text in row[:1] for part in text for word in re.findall(r"\w+", part or "")}, key=_by_length)
    chosen = words[: _WORDS // 2] + words[_WORDS // 2 :][-_WORDS // 2 :]
    matched = f"MATCH ({', '.join(map(quoted, index.columns))}) AGAINST (%s)"
    count = sum(
        rows(session, f"SELECT COUNT(*) FROM {_table(index)} WHERE {matched} AND {_is(index, order)}", [word])[0][0]  # noqa: S608
        for word in chosen
    )
    return f"by {count} of {len(chosen)} words" if count else None


def _shape_found(session: Session, index: Index, order: str) -> str | None:
    column = quoted(index.columns[0])
    shape = f"SELECT {column} FROM {_table(index)} ORDER BY {_key(index, order)} LIMIT 1"  # noqa: S608 -- quoted
    (count,) = rows(
        session,
        f"SELECT COUNT(*) FROM {_table(index)} FORCE INDEX ({quoted(index.name)}) "  # noqa: S608 -- quoted
        f"WHERE MBRIntersects({column}, ({shape})) AND {_is(index, order)}",
    )[0]
    return "by its place" if count else None


def _is(index: Index, order: str) -> str:
    """Return the condition that a row is the first or the last one."""
    key = ", ".join(map(quoted, index.key))
    return f"({key}) IN (SELECT * FROM (SELECT {key} FROM {_table(index)} ORDER BY {_key(index, order)} LIMIT 1) AS one)"  # noqa: S608


def _table(index: Index) -> str:
    return f"{quoted(index.schema)}.{quoted(index.table)}"


def _key(index: Index, order: str) -> str:
    return ", ".join(f"{quoted(column)} {order}" for column in index.key)


def _by_length(word: str) -> tuple[int, str]:
    return len(word), word
