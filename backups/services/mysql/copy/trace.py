"""Names the rows of a copy that differ from another server's: see `Traced`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql.err

from backups.services.mysql.copy.server import Server
from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session
from backups.services.mysql.witness import catalogue, definitions, differing, fingerprint, kinds, sessions
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.data import CHANGED, Counted
from backups.services.mysql.witness.differing import NotFound, Reader
from backups.services.traced import Rows, Trace
from backups.witness import Check

_OF_ROWS = ("rows", "fingerprint")


@dataclass(frozen=True)
class ServerRows(Rows):
    """A session with the settings that every fact is measured under."""

    session: Session


@contextmanager
def opened(server: Server) -> Iterator[ServerRows]:
    """Open the rows of a copy."""
    with server.errors_explained(), sessions.sessions(server.connect, 1) as (session,):
        yield ServerRows(session)


def trace(
    here: Rows, there: Rows, checks: Sequence[Check], form: Form, *, exactly: bool, seconds: float, values: bool
) -> list[Trace]:
    """See `Traced.trace`. form: how the copy's witness was measured."""
    if not isinstance(here, ServerRows) or not isinstance(there, ServerRows):
        raise TypeError("both are of this service")
    until = time.monotonic() + seconds
    stated = {(check.subject, check.metric): check for check in checks}
    subjects = [check.subject for check in checks if check.metric in _OF_ROWS and not check.passed]
    if not subjects:
        return []
    for side in (here, there):
        fingerprint.keep_secret(side.session, form.row_secret)
    ours, theirs = (_tables(side.session, form) for side in (here, there))
    found = []
    for subject in dict.fromkeys(subjects):
        expected = _expected(stated, subject) if exactly else None
        if exactly and expected is None:
            found.append(Trace(subject, why_not="the witness knows no such table"))
            continue
        try:
            readers = _readers(ours.get(subject), theirs.get(subject), here, there, form, until)
            found.append(differing.trace(subject, *readers, expected=expected, values=values))
        except NotFound as reason:
            found.append(Trace(subject, why_not=str(reason)))
        except pymysql.err.MySQLError as error:
            if error.args[0] not in CHANGED:
                raise
            found.append(Trace(subject, why_not=f"there {CHANGED[error.args[0]]} meanwhile"))
    return found


def _readers(
    ours: Table | None, theirs: Table | None, here: ServerRows, there: ServerRows, form: Form, until: float
) -> tuple[Reader, Reader]:
    if ours is None:
        raise NotFound("the copy has no such table")
    if theirs is None:
        raise NotFound("there is no such table there")
    if ours.columns != theirs.columns:
        raise NotFound("the table has other columns there")
    if ours.history is not None or theirs.history is not None:
        raise NotFound("the table keeps the history of its rows")
    key = differing.key_of(here.session, ours)
    if differing.key_of(there.session, theirs) != key:
        raise NotFound("the table has another key there")
    return Reader(here.session, ours, key, form, until), Reader(there.session, theirs, key, form, until)


def _tables(session: Session, form: Form) -> dict[str, Table]:
    found = catalogue.read(session, of_users=kinds.GUESTS in form.kinds)
    return {definitions.subject(table.schema, table.name): table for table in found.tables}


def _expected(stated: dict[tuple[str, str], Check], subject: str) -> Counted | None:
    counted, value = stated.get((subject, "rows")), stated.get((subject, "fingerprint"))
    if counted is None or value is None or not isinstance(counted.expected, int) or not isinstance(value.expected, str):
        return None
    return counted.expected, value.expected
