"""Writes single tables of a copy as files of SQL: `mysql DATABASE < FILE` loads one beside a running server.

The server writes the values, each so that loading it gives the same bytes again: what is no text, and text in other character
sets than UTF-8, in hexadecimal; a FLOAT with all digits that tell it from its neighbours, which mysqldump rounds to six. A JSON
number with a fraction comes back as a double, dates inside JSON as text: JSON's own text knows no more.
"""

import difflib
import hashlib
import secrets
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pymysql.err
from pymysql.cursors import SSCursor

from backups.errors import LifeboatError
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness.column_types import Form, column_type
from backups.services.mysql.witness.definitions import subject

_STATEMENT = 1 << 20
"""Bytes of one INSERT, about; every server takes so much."""
_NAME_LIMIT = 200
_UTF8 = frozenset({"ascii", "utf8", "utf8mb3", "utf8mb4"})
_MODES = "NO_AUTO_VALUE_ON_ZERO"
"""Of the session that loads: zero dates and odd values are what they were, backslashes escape, 0 is a number and no counter."""
_HEAD = """-- {name}, as Lifeboat brought it back. Load it beside a running server: mysql DATABASE < this file
-- Not in it: triggers, views, grants, and the values of generated columns, which the server computes.
SET NAMES utf8mb4;
SET time_zone = '+00:00', sql_mode = '{modes}', foreign_key_checks = 0, unique_checks = 0;
{relaxed}{create};
"""
_RELAXED = {
    "strict": """-- The table is one that InnoDB takes by this setting only; it needs SESSION_VARIABLES_ADMIN (or SUPER):
SET innodb_strict_mode = 0;
""",
    "foreign keys": """-- A foreign key refers to columns that are no unique key; servers from 8.4 on take it like this:
/*!80400 SET restrict_fk_on_non_standard_key = 0 */;
""",
}
"""What a table may need that was made under other settings: only of those tables, since not every user may set it."""


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    characters: str | None


def export(session: Session, names: Sequence[str], into: Path) -> list[Path]:
    """Write `into/DATABASE.TABLE.sql` for each of the tables, named `database.table` as reports name them; returns the files.

    What a file's name cannot hold is percent-encoded. All names are looked up before anything is written; a file is there whole
    or not at all. The server must not be written to meanwhile. Raises LifeboatError for a table that is not there.
    """
    chosen = _chosen(session, names)
    rows(session, "SET NAMES utf8mb4")
    rows(session, "SET time_zone = '+00:00', sql_mode = ''")
    into.mkdir(parents=True, exist_ok=True)
    return [_write(session, schema, table, into) for schema, table in chosen]


def _chosen(session: Session, names: Sequence[str]) -> list[tuple[str, str]]:
    found = rows(
        session,
        "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE CAST(table_schema AS BINARY) NOT IN %s "
        "ORDER BY table_schema, table_name",
        [SYSTEM_DATABASES],
    )
    tables = {(schema, name): kind for schema, name, kind in found}
    called: dict[str, tuple[str, str]] = {f"{schema}.{name}": (schema, name) for schema, name in tables}
    called |= {subject(schema, name): (schema, name) for schema, name in tables}
    chosen: dict[tuple[str, str], None] = {}
    for name in names:
        key = called.get(name)
        if key is None:
            raise LifeboatError(f"there is no table {name} at that moment", hint=_near(name, called))
        if tables[key] not in ("BASE TABLE", "SYSTEM VERSIONED"):
            raise LifeboatError(f"{name} is a {tables[key].lower()}, which holds no rows", hint="name the tables that it reads")
        chosen[key] = None
    return list(chosen)


def _near(name: str, called: dict[str, tuple[str, str]]) -> str:
    table = name.rpartition(".")[2]
    near = (
        difflib.get_close_matches(name, called, n=3, cutoff=0.75) or [each for each in called if each.endswith(f".{table}")][:5]
    )
    names = dict.fromkeys(subject(*called[each]) for each in near)
    if names:
        return f"did you mean {', '.join(names)}?"
    return "a table is named database.table, as the report of a verification shows it"


def _write(session: Session, schema: str, table: str, into: Path) -> Path:
    path = into / _file_name(schema, table)
    partial = path.with_name(f"{path.name}.partial")
    create = rows(session, f"SHOW CREATE TABLE {quoted(schema)}.{quoted(table)}")[0][1]
    columns = _columns(session, schema, table)
    try:
        with partial.open("wb") as out:
            name = subject(schema, table).replace("\n", " ").replace("\r", " ")
            out.write(_HEAD.format(name=name, modes=_MODES, relaxed=_relaxed(session, schema, table), create=create).encode())
            if columns:
                _insert(session, schema, table, columns, out)
            out.write(b"-- complete\n")
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def _relaxed(session: Session, schema: str, table: str) -> str:
    """Return the statements without which a server with default settings would not take the table's definition."""
    needed = ""
    probe = f"{quoted(schema)}.{quoted(f'lifeboat_{secrets.token_hex(8)}')}"
    rows(session, "SET innodb_strict_mode = ON")
    try:
        rows(session, f"CREATE TABLE {probe} LIKE {quoted(schema)}.{quoted(table)}")
    except pymysql.err.MySQLError:
        needed += _RELAXED["strict"]
    else:
        rows(session, f"DROP TABLE {probe}")
    if _has_loose_keys(session, schema, table):
        needed += _RELAXED["foreign keys"]
    return needed


def _has_loose_keys(session: Session, schema: str, table: str) -> bool:
    """Return whether a foreign key of the table refers to columns that are not, all of them, one unique key."""
    referred: dict[str, tuple[str, str, list[str]]] = {}
    for key, *parent, column in rows(
        session,
        "SELECT constraint_name, referenced_table_schema, referenced_table_name, referenced_column_name "
        "FROM information_schema.key_column_usage "
        "WHERE table_schema = %s AND table_name = %s AND referenced_table_name IS NOT NULL ORDER BY constraint_name",
        [schema, table],
    ):
        referred.setdefault(key, (parent[0], parent[1], []))[2].append(column)
    return any(sorted(columns) not in _unique_keys(session, *parent) for *parent, columns in referred.values())


def _unique_keys(session: Session, schema: str, table: str) -> list[list[str]]:
    """Return the columns of each unique key, sorted; of one over parts of columns or expressions, what no foreign key names."""
    keys: dict[str, list[str]] = {}
    for key, column, part in rows(
        session,
        "SELECT index_name, column_name, sub_part FROM information_schema.statistics "
        "WHERE table_schema = %s AND table_name = %s AND non_unique = 0",
        [schema, table],
    ):
        keys.setdefault(key, []).append(column if column is not None and part is None else "")
    return [sorted(columns) for columns in keys.values()]


def _insert(session: Session, schema: str, table: str, columns: Sequence[_Column], out: BinaryIO) -> None:
    begin = f"INSERT INTO {quoted(table)} ({', '.join(quoted(column.name) for column in columns)}) VALUES\n".encode()
    size = 0
    for row in _rows(session, schema, table, columns):
        out.write(begin if not size else b",\n")
        out.write(row)
        size += len(row) + 2
        if size > _STATEMENT:
            out.write(b";\n")
            size = 0
    if size:
        out.write(b";\n")


def _rows(session: Session, schema: str, table: str, columns: Sequence[_Column]) -> Iterator[bytes]:
    """Yield each row as SQL, one line: the client that loads it would change line ends inside a text."""
    values = ", ',', ".join(value(column.name, column.type, column.characters) for column in columns)
    # As bytes: the client's character set is not asked, and a row that could not be written comes as NULL.
    statement = f"SELECT CAST(CONCAT('(', {values}, ')') AS BINARY) FROM {quoted(schema)}.{quoted(table)}"  # noqa: S608 -- quoted
    with SSCursor(session) as cursor:
        cursor.execute(statement)
        while found := cursor.fetchone():
            if found[0] is None:
                raise LifeboatError(
                    f"a row of {subject(schema, table)} is too large to be written as SQL (1 GB)",
                    hint="restore the whole server to another place, and take the table from there",
                )
            yield found[0]


def value(column: str, data_type: str, characters: str | None) -> str:
    """Return SQL that writes one value of a column as SQL; NULL as the word. characters: its character set, where it has one."""
    name = quoted(column)
    kind = column_type(data_type)
    form = kind.form if kind else None
    if form is Form.JSON:
        return _text(f"CAST({name} AS CHAR CHARACTER SET utf8mb4)")
    if characters in _UTF8:
        return _text(name)
    if characters is not None:
        return f"IFNULL(CONCAT('_{characters} X''', HEX({name}), ''''), 'NULL')"
    return _value_without_characters(name, form)


def _value_without_characters(name: str, form: Form | None) -> str:
    """Return SQL that writes a value without a character set as SQL."""
    match form:
        case Form.CODE:
            return f"IFNULL(CAST({name} AS UNSIGNED), 'NULL')"
        case Form.FLOAT:
            return f"QUOTE(CAST({name} AS DOUBLE))"
        case Form.NUMBER | Form.DOUBLE | Form.TIME:
            return f"QUOTE({name})"
        case _:
            # The bytes, also of types that are not known.
            return f"IFNULL(CONCAT('X''', HEX({name}), ''''), 'NULL')"


def _text(expression: str) -> str:
    return f"REPLACE(REPLACE(QUOTE({expression}), CHAR(10), '\\\\n'), CHAR(13), '\\\\r')"


def _columns(session: Session, schema: str, table: str) -> list[_Column]:
    """Return the columns that hold values of their own."""
    found = rows(
        session,
        "SELECT column_name, data_type, character_set_name, extra FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        [schema, table],
    )
    decoded: Callable[[object], str] = lambda value: value.decode() if isinstance(value, bytes) else str(value)  # noqa: E731
    return [
        _Column(name, decoded(kind).lower(), characters)
        for name, kind, characters, extra in found
        if " GENERATED" not in f" {extra}".replace("DEFAULT_GENERATED", "")
    ]


def _file_name(schema: str, table: str) -> str:
    """Return a name that no other table has: dots inside a name are encoded too."""
    name = ".".join(urllib.parse.quote(part, safe="").replace(".", "%2E").replace("~", "%7E") for part in (schema, table))
    if len(name) > _NAME_LIMIT:
        name = f"{name[:_NAME_LIMIT]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return f"{name}.sql"
