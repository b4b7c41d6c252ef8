"""Damages rows of a restored MySQL by statements: a row, a bit, two values, a counter."""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.definitions import subject
from verification.damage.kind import MOST, Injected, Kind, NotInjected, Stand, Target, promised
from verification.damage.mysql_sql import (
    OWN,
    TEXTS,
    TYPES,
    WHOLE,
    change_one,
    columns,
    is_row,
    keyed_tables,
    session,
    some_keys,
    table,
)


def _tables(stand: Stand) -> Iterable[Target]:
    with session(stand) as opened:
        return list(keyed_tables(opened))


def _delete(stand: Stand, target: Target, chance: random.Random) -> Injected:
    with session(stand) as opened:
        key = _key(opened, target)
        row = chance.choice(some_keys(opened, *_pair(target), key))[:-1]
        change_one(opened, f"DELETE FROM {table(*_pair(target))} WHERE {is_row(key)}", row)  # noqa: S608 -- quoted
    return _done("a row deleted from", target)


def _doubled(stand: Stand) -> Iterator[Target]:
    """Name the tables that take a row twice: without a unique key, or with none but a number that the server gives."""
    with session(stand) as opened:
        found = rows(
            opened,
            "SELECT t.table_schema, t.table_name, MAX(c.extra LIKE '%%auto_increment%%' AND c.column_key = 'PRI'), "
            "COUNT(DISTINCT s.index_name), COUNT(DISTINCT s.column_name) FROM information_schema.tables t "
            "JOIN information_schema.columns c USING (table_schema, table_name) LEFT JOIN information_schema.statistics s "
            "ON (s.table_schema, s.table_name, s.non_unique) = (t.table_schema, t.table_name, 0) "
            "WHERE t.table_type = 'BASE TABLE' AND t.table_schema NOT IN %s "
            "GROUP BY t.table_schema, t.table_name ORDER BY t.table_schema, t.table_name",
            [OWN],
        )
        for schema, name, counted, uniques, unique_columns in found:
            takes = not uniques or (counted and (uniques, unique_columns) == (1, 1))
            if takes and rows(opened, f"SELECT 1 FROM {table(schema, name)} LIMIT 1"):  # noqa: S608 -- quoted
                yield (schema, name)


def _double(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    with session(stand) as opened:
        names = ", ".join(
            quoted(column)
            for (column,) in rows(
                opened,
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
                "AND COALESCE(generation_expression, '') = '' AND extra NOT LIKE '%%auto_increment%%' ORDER BY ordinal_position",
                list(target),
            )
        )
        where = table(*_pair(target))
        change_one(opened, f"INSERT INTO {where} ({names}) SELECT {names} FROM {where} LIMIT 1")  # noqa: S608 -- quoted
    return _done("a row doubled in", target)


def _values(stand: Stand, *, least: int = 1) -> Iterator[Target]:
    with session(stand) as opened:
        for schema, name in keyed_tables(opened, least=least):
            for column, _ in columns(opened, schema, name, (*WHOLE, *TEXTS)):
                yield (schema, name, column)


def _flip(stand: Stand, target: Target, chance: random.Random) -> Injected:
    """Flip the lowest bit of a number, or of a text's first letter."""
    column = quoted(target[2])
    with session(stand) as opened:
        key = _key(opened, target)
        kind = dict(columns(opened, *_pair(target), (*WHOLE, *TEXTS))).get(target[2])
        is_text = kind in TEXTS
        # Of a text that begins with an ASCII letter: its case is another bit.
        where = f"ASCII({column}) BETWEEN 48 AND 122" if is_text else f"{column} IS NOT NULL"
        found = some_keys(opened, *_pair(target), key, where=where)
        if not found or kind is None:
            raise NotInjected(f"{subject(*target[:2])} has no value in {target[2]} any more")
        value = f"INSERT({column}, 1, 1, CHAR(ASCII({column}) ^ 1))" if is_text else f"{column} + IF({column} MOD 2 = 0, 1, -1)"
        row = chance.choice(found)[:-1]
        change_one(opened, f"UPDATE {table(*_pair(target))} SET {column} = {value} WHERE {is_row(key)}", row)  # noqa: S608
    return _done(f"one bit of a value in {target[2]} flipped in", target)


def _swap(stand: Stand, target: Target, chance: random.Random) -> Injected:
    column = quoted(target[2])
    with session(stand) as opened:
        key = _key(opened, target)
        found = some_keys(opened, *_pair(target), key, column)
        first = chance.choice(found)
        others = [row for row in found if row[-1] != first[-1]]
        if not others:
            raise NotInjected(f"all rows of {subject(*target[:2])} hold the same in {target[2]}")
        second = chance.choice(others)
        for row, value in ((first, second[-1]), (second, first[-1])):
            statement = f"UPDATE {table(*_pair(target))} SET {column} = %s WHERE {is_row(key)}"  # noqa: S608 -- quoted
            change_one(opened, statement, [value, *row[:-1]])
    return _done(f"two values of {target[2]} swapped in", target)


def _swappable(stand: Stand) -> Iterator[Target]:
    with session(stand) as opened:
        for schema, name, column in _values(stand, least=2):
            statement = f"SELECT COUNT(DISTINCT {quoted(column)}) > 1 FROM {table(schema, name)}"  # noqa: S608 -- quoted
            if rows(opened, statement)[0][0]:
                yield (schema, name, column)


_LARGEST = {"tinyint": 7, "smallint": 15, "mediumint": 23, "int": 31, "bigint": 63}


def _counted(stand: Stand) -> Iterator[Target]:
    with session(stand) as opened:
        filled = keyed_tables(opened)
        for schema, name, column, kind in rows(
            opened,
            "SELECT table_schema, table_name, column_name, column_type FROM information_schema.columns "
            "WHERE extra LIKE '%%auto_increment%%' AND column_key = 'PRI' AND table_schema NOT IN %s ORDER BY 1, 2",
            [OWN],
        ):
            if filled.get((schema, name)) == [column] and str(kind).partition("(")[0].partition(" ")[0] in _LARGEST:
                yield (schema, name, column, str(kind))


def _use_up(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    """Give the last row the highest number that the column takes: there is none after it."""
    kind = target[3]
    largest = (1 << _LARGEST[kind.partition("(")[0].partition(" ")[0]] + ("unsigned" in kind)) - 1
    column, where = quoted(target[2]), table(*_pair(target))
    with session(stand) as opened:
        change_one(opened, f"UPDATE {where} SET {column} = %s ORDER BY {column} DESC LIMIT 1", [largest])  # noqa: S608
    return _done("the counter used up in", target)


def _key(opened: Session, target: Target) -> list[str]:
    key = keyed_tables(opened).get(_pair(target))
    if key is None:
        raise NotInjected(f"{subject(*target[:2])} has no rows any more")
    return key


def _pair(target: Target) -> tuple[str, str]:
    return target[0], target[1]


def _done(what: str, target: Target) -> Injected:
    name = subject(*target[:2])
    return Injected(f"{what} {name}", (name,))


def _promised(stand: Stand, targets: Iterable[Target]) -> list[Target]:
    """Return those in tables that are compared."""
    stated = promised(stand)
    return list(islice((target for target in targets if subject(*target[:2]) in stated), MOST))


KINDS: Sequence[Kind] = (
    Kind("row deleted", TYPES, "running", lambda stand: _promised(stand, _tables(stand)), _delete, "running"),
    Kind("row doubled", TYPES, "running", lambda stand: _promised(stand, _doubled(stand)), _double, "running"),
    Kind("bit of a column flipped", TYPES, "running", lambda stand: _promised(stand, _values(stand)), _flip, "running"),
    Kind("values of two rows swapped", TYPES, "running", lambda stand: _promised(stand, _swappable(stand)), _swap, "running"),
    Kind("counter used up", TYPES, "running", lambda stand: _promised(stand, _counted(stand)), _use_up, "running"),
)
