"""Opens sessions with MySQL servers, over TCP and TLS or by a unix socket.

Next files: `session.py`, what a session is; `explained.py`, its errors with hints.
"""

import errno
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, SupportsIndex, overload

import pymysql

from backups.errors import ConfigError, LifeboatError, Transient
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.explained import TLS_MISSING, Away, Down, errors_explained, server_message
from backups.services.mysql.source.session import GARBLED, Session

__all__ = ["Away", "Down", "Session", "connect", "connect_socket", "errors_explained", "prepare", "rows"]

_REACHED = 20.0
"""Seconds to wait for a server to take a connection."""
_GIVEN_UP = 3
"""How often in a row a server must let nobody in before a statement that it works on is given up."""
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 8}
"""So a peer that is gone is noticed in three minutes, however long an answer may take."""

_UNKNOWN_VARIABLE = 1193
_LIMITS = {
    "sql_select_limit": 2**64 - 1,
    "sql_big_selects": 1,
    "group_concat_max_len": 2**32 - 1,
    "sql_mode": "",
    "autocommit": 1,
}
"""What a server's own defaults could cut answers off by, or have SQL mean something else."""
_TIME_LIMITS = ("max_execution_time", "max_statement_time")
"""How long a statement may take: on MySQL, on MariaDB."""


def connect(settings: MySQLSettings, *, database: str | None = None, silence: float | None = None) -> Session:
    """Open a session on the source: autocommit, utf8mb4, TLS as `settings.tls` says.

    silence: seconds without an answer after which the server is given up; None: as long as it lets another session in.
    Raises Away when nothing answers, ConfigError when the password cannot be read, LifeboatError when it is refused.
    """
    password = settings.reveal_password()
    context = _tls_context(settings)
    with errors_explained(settings):
        try:
            return _connect(settings, password, database, context, silence)
        except pymysql.err.OperationalError as error:
            if settings.tls != "preferred" or error.args[0] != TLS_MISSING:
                raise
        return _connect(settings, password, database, None, silence)


def unverified(settings: MySQLSettings) -> bool:
    """Whether somebody could stand between us and the server: its certificate is not checked, and no SSH leads to its machine."""
    behind_ssh = settings.ssh is not None and loopback(settings.host)
    return not (settings.tls == "verify" or behind_ssh)


def connect_socket(path: Path, user: str, password: str) -> Session:
    """Open a session by a unix socket, however long its path is. Raises Transient while nobody listens there."""
    try:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Transient(f"there is no socket {path}: {error.strerror}") from error
    try:
        # A socket's address holds 107 bytes; by its directory's handle it is always short enough.
        return prepare(
            Session(
                trusted=True,
                unix_socket=f"/proc/self/fd/{directory}/{path.name}",
                user=user,
                password=password.encode(),
                charset="utf8mb4",
                autocommit=True,
                program_name="lifeboat",
                ssl_disabled=True,
            )
        )
    except pymysql.err.OperationalError as error:
        raise Transient(f"the server behind {path} does not answer: {server_message(error)}") from error
    finally:
        os.close(directory)


def prepare(session: Session) -> Session:
    """Free a session from the server's own limits, so that its answers are whole; closes it when that fails."""
    try:
        # First of all, since a limit of a millisecond ends even the question whether it answers.
        rows(session, "SET " + ", ".join(f"SESSION {name} = %s" for name in _LIMITS), list(_LIMITS.values()))
        mariadb = "mariadb" in session.get_server_info().lower()  # type: ignore[no-untyped-call]
        for name in reversed(_TIME_LIMITS) if mariadb else _TIME_LIMITS:
            try:
                rows(session, f"SET SESSION {name} = 0")
                break
            except pymysql.err.MySQLError as error:
                # What stands between us and the server may tell another version than the server has.
                if error.args[0] != _UNKNOWN_VARIABLE:
                    raise
        _require_answers(session)
    except BaseException:
        with suppress(pymysql.err.Error):
            session.close()
        raise
    return session


def _require_answers(session: Session) -> None:
    """Raise OperationalError for a server that answers everything alike, as some proxies do."""
    if rows(session, "SELECT 'lifeboat', 1 + 1") != [("lifeboat", 2)]:
        raise pymysql.err.OperationalError(GARBLED, "it answers 1 + 1 with something else")


def rows(session: Session, statement: str, arguments: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows; pymysql's errors pass through (see `errors_explained`)."""
    with session.cursor() as cursor:
        cursor.execute(statement, arguments)
        return _Rows(cursor.fetchall())


class _Rows(list[tuple[Any, ...]]):
    """The rows of an answer. A row that is not there although every server gives it is the server's fault, not ours."""

    @overload
    def __getitem__(self, at: SupportsIndex) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, at: slice) -> list[tuple[Any, ...]]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> tuple[Any, ...] | list[tuple[Any, ...]]:
        try:
            return super().__getitem__(at)
        except IndexError as error:
            raise pymysql.err.OperationalError(GARBLED, "an answer lacks the row that was asked for") from error


def variable(session: Session, name: str) -> str | None:
    """Return a global variable's value as the server prints it, or None when this server has none of that name."""
    found = rows(session, "SHOW GLOBAL VARIABLES WHERE variable_name = %s", [name])
    return str(found[0][1]) if found else None


def encrypted(session: Session) -> bool:
    """Return whether the session runs over TLS."""
    return bool(rows(session, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1])


def quoted(identifier: str) -> str:
    """Return an identifier as SQL text, whatever it holds."""
    return f"`{identifier.replace('`', '``')}`"


def _open_socket(settings: MySQLSettings) -> socket.socket:
    if settings.ssh is None:
        return _dial(settings.host, settings.port)
    from backups.services.mysql.source import tunnel

    try:
        return tunnel.socket_over(settings.open_channel())
    except Transient as error:
        kind = Down if tunnel.refused(error) else Away
        raise kind(f"MySQL at {settings.where} does not answer: {error.message}", hint=error.hint) from error


def _dial(host: str, port: int) -> socket.socket:
    try:
        connection = socket.create_connection((host, port), timeout=_REACHED)
    except (OSError, UnicodeError) as error:
        nobody = isinstance(error, ConnectionRefusedError | TimeoutError) or getattr(error, "errno", None) == errno.EHOSTUNREACH
        if not nobody:
            # A name that is not known, a network that is not there: nothing was asked.
            raise Away(
                f"MySQL at {host}:{port} cannot be reached from this machine: {getattr(error, 'strerror', None) or error}",
                hint="does this machine know that name, and a way there? otherwise correct host in lifeboat.yaml",
            ) from error
        raise Down(
            f"MySQL at {host}:{port} does not answer: {getattr(error, 'strerror', None) or error}",
            hint="is the server up, and its port open to this machine? otherwise correct host and port in lifeboat.yaml",
        ) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return connection


def _connect(
    settings: MySQLSettings, password: str, database: str | None, context: ssl.SSLContext | None, silence: float | None
) -> Session:
    session = Session(
        trusted=not unverified(settings),
        silence=silence,
        alive=_still_there(settings) if silence is None else None,
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=password.encode(),
        database=database,
        charset="utf8mb4",
        autocommit=True,
        program_name="lifeboat",
        defer_connect=True,
        ssl=context,
        ssl_disabled=context is None,
    )
    session.connect(_open_socket(settings))
    return prepare(session)


def _still_there(settings: MySQLSettings) -> Callable[[], None]:
    """Return what asks whether the server lets anybody in, and raises TimeoutError when it has not for several times in a row.

    A statement may take hours, with nothing sent meanwhile. A server that was stopped, or whose disk hangs, sends nothing either.
    """
    refused = 0

    def ask() -> None:
        nonlocal refused
        try:
            connect(settings, silence=_REACHED).close()
        except Away as error:
            refused += 1
            if refused >= _GIVEN_UP:
                raise TimeoutError(f"no answer for a long time, and to no other session: {error.message}") from error
        except LifeboatError:
            # It has no free connection, or so: it is there.
            refused = 0
        else:
            refused = 0

    return ask


def loopback(host: str) -> bool:
    """Return whether an address is that of the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls_context(settings: MySQLSettings) -> ssl.SSLContext | None:
    if settings.tls == "disabled":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # A server's own certificate names no host: `verify` means that it was signed by tls_ca.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if settings.tls == "verify":
        if settings.tls_ca is None:
            raise ConfigError(
                f"MySQL at {settings.where}: tls: verify needs tls_ca",
                hint="tls_ca: /path/to/ca.pem, the file that the server names as ssl_ca",
            )
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(settings.tls_ca.expanduser())
        except OSError as error:
            raise ConfigError(
                f"MySQL at {settings.where}: tls_ca cannot be read: {settings.tls_ca}: {error.strerror or error}",
                hint="copy the file that the server names as ssl_ca (SHOW VARIABLES LIKE 'ssl_ca') to this machine",
            ) from error
    return context
