"""Reads the rows of one server, puts replacements in, and writes them into another one: masked rows are all that is ever written.

The server writes what is not replaced as SQL, so that no value is changed on the way; reading and writing go side by side.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pymysql.err

from backups.errors import LifeboatError
from backups.services.masked import Kind
from backups.services.mysql.copy import export_tables
from backups.services.mysql.masking.columns import Column, Family
from backups.services.mysql.masking.replace import Replace
from backups.services.mysql.source import raw_rows
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.text import without_statement
from backups.services.mysql.witness.definitions import subject

_STATEMENT = 1 << 20
"""Bytes of the rows that become one INSERT, about."""
_WAITING = 4
"""Statements that are ready before reading waits for writing."""
_COMMIT = 16
"""Statements of one transaction."""
_DUPLICATE, _CHECK, _NO_PARTITION = 1062, (3819, 4025), (1526, 1748)
_PREPARED = "SET SESSION time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0"


@dataclass(frozen=True)
class Replaced:
    """A column whose values are replaced, how, and by what function."""

    column: Column
    kind: Kind
    replace: Replace


@dataclass(frozen=True)
class Written:
    """The rows of a table that were written, and how many values of each replaced column."""

    rows: int
    values: Sequence[int]


def prepare(session: Session) -> None:
    """Prepare a session of either side."""
    rows(session, "SET NAMES utf8mb4")
    rows(session, _PREPARED)


def copy(
    original: Session, masked: Session, table: tuple[str, str], columns: Sequence[Column], replaced: Sequence[Replaced]
) -> Written:
    """Copy a table's rows. columns: all that are not computed. Raises LifeboatError for a row that the server does not take."""
    plain = [column for column in columns if all(column is not each.column for each in replaced)]
    listed = ", ".join(quoted(column.name) for column in (*plain, *(each.column for each in replaced)))
    name = f"{quoted(table[0])}.{quoted(table[1])}"
    begin = f"INSERT INTO {name} ({listed}) VALUES ".encode()  # noqa: S608 -- quoted
    if not columns:
        return _only_computed(original, masked, name)
    writer = _Writer(masked, table)
    with writer.running():
        number, values = _read(
            original, _select(name, plain, replaced), begin, [each.replace for each in replaced], writer.put, table
        )
    return Written(number, values)


def _only_computed(original: Session, masked: Session, name: str) -> Written:
    (number,) = rows(original, f"SELECT COUNT(*) FROM {name}")[0]  # noqa: S608 -- quoted
    for _ in range(int(number)):
        rows(masked, f"INSERT INTO {name} () VALUES ()")  # noqa: S608 -- quoted
    return Written(int(number), ())


def _select(name: str, plain: Sequence[Column], replaced: Sequence[Replaced]) -> str:
    """Return the question: first a text with the SQL of all that stays, then each value that is replaced."""
    stays = ", ',', ".join(export_tables.value(column.name, column.type, column.charset) for column in plain)
    asked = [f"CAST(CONCAT({stays}) AS BINARY)" if plain else "CAST('' AS BINARY)", *(_bytes(each.column) for each in replaced)]
    return f"SELECT {', '.join(asked)} FROM {name}"  # noqa: S608 -- quoted


def _bytes(column: Column) -> str:
    """Return SQL that gives a value as the bytes that are replaced: text in UTF-8."""
    name = quoted(column.name)
    match column.family:
        case Family.TEXT:
            return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)"
        case Family.JSON:
            return f"CAST(CAST({name} AS CHAR CHARACTER SET utf8mb4) AS BINARY)"
        case Family.INTEGER | Family.DATE:
            return f"CAST(CAST({name} AS CHAR) AS BINARY)"
        case _:
            return name


def _read(
    original: Session,
    question: str,
    begin: bytes,
    replace: Sequence[Replace],
    put: Callable[[bytes], None],
    table: tuple[str, str],
) -> tuple[int, list[int]]:
    """Hand statements on to `put`; returns how many rows they have, and how many values were replaced in each column."""
    number, nulls = 0, [0] * len(replace)
    with closing(raw_rows.batches(original, question, _STATEMENT)) as batches:
        for batch in batches:
            # Column by column: a loop over rows in Python takes twice as long.
            stays, *columns = zip(*batch, strict=True)
            if None in stays:
                raise LifeboatError(
                    f"a row of {subject(*table)} is too large to be written as SQL (1 GB)",
                    hint="give its largest column the rule null",
                )
            values = [map(make, column) for make, column in zip(replace, columns, strict=True)]
            lines = map(b",".join, zip(*([stays] if stays[0] else []), *values, strict=True))
            put(begin + b"(" + b"),(".join(lines) + b")")
            number += len(batch)
            for at, column in enumerate(columns):
                nulls[at] += column.count(None)
    return number, [number - each for each in nulls]


class _Writer:
    """Runs statements in a thread of its own, in the order in which they are put."""

    def __init__(self, session: Session, table: tuple[str, str]) -> None:
        self._session = session
        self._table = table
        self._statements: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="masked rows")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write until the block ends, and then what is left; raises what went wrong with that."""
        self._thread.start()
        try:
            yield
        finally:
            self._statements.put(None)
            self._thread.join()
        self._raise()

    def put(self, statement: bytes) -> None:
        """Have a statement written; raises what went wrong with one before."""
        self._raise()
        self._statements.put(statement)

    def _raise(self) -> None:
        if isinstance(self._fault, pymysql.err.MySQLError):
            raise refusal(self._fault, self._table) from self._fault
        if self._fault is not None:
            raise self._fault

    def _write(self) -> None:
        try:
            rows(self._session, "BEGIN")
            written = 0
            while (statement := self._statements.get()) is not None:
                self._session.query(statement)
                written += 1
                if written % _COMMIT == 0:
                    rows(self._session, "COMMIT")
                    rows(self._session, "BEGIN")
            rows(self._session, "COMMIT")
        except Exception as fault:  # noqa: BLE001 - raised where the rows are read
            self._fault = fault
            while self._statements.get() is not None:
                pass


def refusal(fault: pymysql.err.MySQLError, table: tuple[str, str]) -> LifeboatError:
    """Return what a server's refusal of masked rows means; no value is in it. Pure."""
    code = fault.args[0] if fault.args else None
    name = subject(*table)
    if code == _DUPLICATE:
        key = str(fault.args[1]).rpartition(" for key ")[2]
        return LifeboatError(
            f"two rows of {name} get the same values in the unique key {key}, although they differ in the original",
            hint="its collation tells apart what a replacement does not: give its column the rule hash, else keep or null",
        )
    if code in _CHECK:
        return LifeboatError(
            f"a CHECK of {name} refuses what a rule makes of its column: {without_statement(str(fault.args[1]))}",
            hint="give the column another kind, or keep",
        )
    if code in _NO_PARTITION:
        return LifeboatError(
            f"{name} has no partition for what a rule makes of the column that it is partitioned by",
            hint="keep that column, or hash it where the partitions allow any value",
        )
    return LifeboatError(
        f"the masked server does not take the rows of {name}: error {code}", hint="please report it, with the table's definition"
    )
