"""Asks a live server for the tables that a witness counted rows in: which it lists, and which it says it does not have."""

from collections.abc import Sequence

import pymysql.err

from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.definitions import subject, table_names
from backups.witness import Fact

_GONE = (1049, 1146)
"""What a server says of a database, or a table, that it does not have."""


def counted(witness: Sequence[Fact]) -> dict[str, int]:
    """Return how many rows the witness counted, by the tables' names."""
    return {fact.subject: int(fact.value or 0) for fact in witness if fact.metric == "rows"}


def listed(session: Session) -> dict[str, str]:
    """Return the tables that the server lists, those of its own databases too, and the database of each.

    A list may be cut off, or hide what our user may not see: see `says_gone`.
    """
    found = rows(
        session,
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') "
        "AND CAST(table_schema AS BINARY) NOT IN ('information_schema', 'performance_schema')",
    )
    return {subject(schema, name): schema for schema, name in found}


def says_gone(session: Session, statement: str) -> bool:
    """Return whether the server itself says that it has no such thing; pymysql's other errors pass through."""
    try:
        rows(session, statement)
    except (pymysql.err.OperationalError, pymysql.err.ProgrammingError) as error:
        if error.args[0] not in _GONE:
            raise
        return True
    return False


def one_row(table: str) -> str:
    """Return the statement that reads one row of a table."""
    return f"SELECT 1 FROM {sql_name(table)} LIMIT 1"  # noqa: S608 - quoted


def sql_name(table: str) -> str:
    """Return a table's name as SQL text."""
    return ".".join(quoted(part) for part in table_names(table))
