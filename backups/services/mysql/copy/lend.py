"""Lends a copy's server to the copy of a service that keeps its data there, and tells from where its accounts are let in."""

import socket
from collections.abc import Iterator

from backups.services.joined import Lent, Table
from backups.services.mysql.copy.for_drill import Account
from backups.services.mysql.copy.server import Server
from backups.services.mysql.source.connection import Session, rows

_HOSTS = "SELECT host FROM mysql.user WHERE user = %s ORDER BY host"


def lend(server: Server, account: Account, backup: str) -> Lent:
    """See `Lends.lend`. The account is the copy's own: whatever the source's accounts are bound to, it is let in."""

    def tables(database: str) -> Iterator[Table]:
        with server.errors_explained(), server.connect() as session:
            names = rows(
                session,
                "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE'",
                [database],
            )
            for (name,) in names:
                with session.cursor() as cursor:
                    cursor.execute(f"SELECT * FROM {_quoted(database)}.{_quoted(name)}")  # noqa: S608 - quoted identifiers
                    yield str(name), [column[0] for column in cursor.description or ()], cursor.fetchall()

    def execute(database: str, statement: str) -> None:
        def run(session: Session) -> None:
            rows(session, f"USE {_quoted(database)}")
            rows(session, statement)

        server.run(run)

    def dial() -> socket.socket:
        # The server knows who has logged in before: then a password is proven by its hash, over any connection.
        server.connect().close()
        return server.dial()

    return Lent(backup, server.container, dial, account.user, account.password, tables, execute)


def admits(server: Server, user: str) -> list[str]:
    """Return the hosts of the accounts of that name, as the grant tables have them."""
    return [str(host) for (host,) in server.run(lambda session: rows(session, _HOSTS, [user]))]


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
