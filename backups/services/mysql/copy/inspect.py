"""Checks every index of a copy: a client may be answered from one, and its entries are in no fingerprint.

CHECK TABLE compares how many entries an index has, and their order, not what is in them. So each index that holds whole columns
is read, too, and compared with the rows. What there is no time for is not proven, and is said.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pymysql.err

from backups import durations
from backups.services.inspected import Inspection
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness import catalogue, fingerprint, sessions
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.definitions import subject
from backups.witness import Check

METRIC = "indexes"
SOUND = "sound"
_SHOWN = 3
_INTERRUPTED = 1317
_SESSION_LOST = range(2000, 3000)
"""Errors of the client: the server has ended."""
_Indexes = Mapping[tuple[str, str], Mapping[str, Sequence[str]]]


class _TimeIsUp(Exception):
    """Says that there is no time left for a statement."""


@dataclass(frozen=True)
class _Bounded:
    """Runs statements until a moment, by the monotonic clock; one that runs then is ended at the server."""

    connect: Callable[[], Session]
    deadline: float

    def rows(self, session: Session, statement: str) -> list[tuple[object, ...]]:
        """Run one. Raises _TimeIsUp; pymysql's other errors pass."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise _TimeIsUp
        end = threading.Timer(left, self._interrupt, [session.thread_id()])  # type: ignore[no-untyped-call]
        end.start()
        try:
            answer = rows(session, statement)
        except pymysql.err.MySQLError as error:
            if error.args[0] != _INTERRUPTED:
                raise
            raise _TimeIsUp from error
        finally:
            end.cancel()
        # CHECK TABLE that is interrupted answers with a line of its own.
        if time.monotonic() >= self.deadline:
            raise _TimeIsUp
        return answer

    def _interrupt(self, number: int) -> None:
        with self.connect() as session:
            rows(session, "KILL QUERY %s", [number])


def inspect(connect: Callable[[], Session], *, connections: int, seconds: float) -> Inspection:
    """Check every table's indexes, several tables side by side, the small ones first, for so long at most.

    A check a table: `sound`, or what is wrong. pymysql's errors pass.
    """
    bounded = _Bounded(connect, time.monotonic() + seconds)
    with sessions.sessions(connect, connections) as opened:
        tables = list(reversed(catalogue.read(opened[0]).tables))
        indexes = _whole_indexes(opened[0])
        found = sessions.in_parallel(
            lambda session, table: (subject(table.schema, table.name), _examine(session, bounded, table, indexes)),
            tables,
            over=opened,
            connect=connect,
        )
    left = sorted(name for name, answer in found if answer is None)
    checks = [Check(name, METRIC, SOUND, answer, passed=answer == SOUND) for name, answer in sorted(found) if answer is not None]
    return Inspection(checks, [_unproven(left, len(tables), seconds)] if left else [])


def _examine(session: Session, bounded: _Bounded, table: Table, indexes: _Indexes) -> str | None:
    """Return `sound`, or all that is wrong with a table's indexes; None when there was no time for all of them."""
    try:
        wrong = [*_check_table(session, bounded, table), *_unlike_rows(session, bounded, table, indexes)]
    except _TimeIsUp:
        return None
    except pymysql.err.MySQLError as error:
        if error.args[0] in _SESSION_LOST:
            raise
        return f"{error.args[1]} (error {error.args[0]})"
    return "; ".join(wrong)[:500] or SOUND


def _check_table(session: Session, bounded: _Bounded, table: Table) -> Iterator[str]:
    answer = bounded.rows(session, f"CHECK TABLE {quoted(table.schema)}.{quoted(table.name)} EXTENDED")
    if answer[-1][2:] != ("status", "OK") or any(str(row[2]).lower() == "error" for row in answer):
        yield "; ".join(str(row[3]) for row in answer if row[2] != "status") or str(answer[-1][3])


def _unlike_rows(session: Session, bounded: _Bounded, table: Table, indexes: _Indexes) -> Iterator[str]:
    """Compare what an index holds, which is its columns and the primary key, with the same of the rows."""
    mine = dict(indexes.get((table.schema, table.name), {}))
    key = mine.pop("PRIMARY", ())
    for name, columns in mine.items():
        names = {*columns, *key}
        held = [column for column in table.columns if column.name in names]
        # A virtual column is computed anew for a row, by a session that may be set otherwise than the one that wrote it.
        if len(held) != len(names) or any(column.computed for column in held):
            continue
        answers = {
            fingerprint.value(
                bounded.rows(
                    session, fingerprint.query(table.schema, table.name, held, keyed=table.keyed and bool(key), index=index)
                )[0]
            )
            for index in (name, None)
        }
        if len(answers) > 1:
            yield f"index {quoted(name)} does not hold what the rows hold"


def _whole_indexes(session: Session) -> _Indexes:
    """Return of each table the indexes that hold whole columns, with their columns: no prefixes, no expressions."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    partial = set()
    for schema, table, name, column, part in rows(
        session,
        "SELECT table_schema, table_name, index_name, column_name, sub_part FROM information_schema.statistics "
        "WHERE index_type = 'BTREE' AND is_visible = 'YES' AND table_schema NOT IN %s "
        "ORDER BY table_schema, table_name, index_name, seq_in_index",
        [SYSTEM_DATABASES],
    ):
        found.setdefault((schema, table), {}).setdefault(name, []).append(column)
        if column is None or part is not None:
            partial.add((schema, table, name))
    return {key: {name: columns for name, columns in each.items() if (*key, name) not in partial} for key, each in found.items()}


def _unproven(tables: Sequence[str], count: int, seconds: float) -> str:
    more = f" and {len(tables) - _SHOWN} more" if len(tables) > _SHOWN else ""
    return (
        f"the indexes of {len(tables)} of {count} tables were not checked in {durations.describe(seconds)}, so that they are "
        f"sound is not proven: {', '.join(tables[:_SHOWN])}{more}"
    )
