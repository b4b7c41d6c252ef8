"""Opens sessions with MySQL servers, over TCP and TLS or by a unix socket, and explains their errors with hints."""

import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection

from backups.errors import ConfigError, LifeboatError, Transient
from backups.services.mysql.settings import MySQLSettings

_GREETING = 20.0
"""Seconds to wait for a server to take a connection, and for each of its answers while it does."""
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 8}
"""So a peer that is gone is noticed in three minutes, however long an answer may take."""

_BUSY = {
    1040: "has no free connection",
    1203: "allows this user no more connections",
    1205: "gave no lock in time",
    1226: "allows user {settings.user} no more for now",
}
_BUSY_HINTS = {
    1226: "a backup needs up to 6 sessions at once, and more queries the more tables there are: ALTER USER … WITH "
    "MAX_USER_CONNECTIONS 0 MAX_CONNECTIONS_PER_HOUR 0 MAX_QUERIES_PER_HOUR 0"
}
_LOST = (2003, 2006, 2013, 1053, 1077, 1079, 1927, 3169, 4031)
_TLS_FAILED, _TLS_MISSING, _TLS_WANTED = -1, 2026, 3159
_FORBIDDEN = (
    "does not let {settings.user} do what a backup needs",
    "`lifeboat doctor` prints the GRANT that is missing",
)
_REFUSALS = {
    1045: (
        "refuses user {settings.user}",
        "is the password right? ALTER USER … IDENTIFIED BY '…' sets another; `lifeboat doctor` prints how to create the user",
    ),
    1130: ("lets nobody in from this machine", "create the user for this machine's address, or for '%'"),
    _TLS_FAILED: (
        "cannot be reached over TLS",
        "is tls_ca the file that the server names as ssl_ca? without checking its certificate: tls: required",
    ),
    _TLS_MISSING: (
        "offers no TLS, and `tls: {settings.tls}` asks for it",
        "give the server a certificate, or set tls: preferred",
    ),
    _TLS_WANTED: ("takes no session without TLS, and `tls: {settings.tls}` gives none", "set tls: preferred or tls: required"),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 3530), _FORBIDDEN),
    1184: (
        "ended the session of {settings.user} as soon as it began: its init_connect fails",
        (
            "GRANT CONNECTION_ADMIN ON *.* to that user, whom init_connect then leaves alone, or mend init_connect; "
            "the server's error log has the statement that failed"
        ),
    ),
    1814: (
        "holds a table whose tablespace was discarded: its rows cannot be read, and no backup can hold them",
        (
            "find it with SELECT name FROM information_schema.innodb_tablespaces WHERE state = 'discarded'; then "
            "ALTER TABLE … IMPORT TABLESPACE, or DROP TABLE …"
        ),
    ),
    **dict.fromkeys(
        (1820, 1862),
        (
            "lets {settings.user} do nothing: the password has expired",
            "ALTER USER … IDENTIFIED BY '…' PASSWORD EXPIRE NEVER; and the same password in lifeboat.yaml",
        ),
    ),
    3032: ("is in offline mode, and lets only administrators in", "SET GLOBAL offline_mode = OFF; as soon as it may serve again"),
    3118: (
        "lets {settings.user} not in: the account is locked",
        "ALTER USER … ACCOUNT UNLOCK; as SELECT user, host FROM mysql.user spells the account",
    ),
}
"""Error number -> what it means, and what to do."""
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


class Away(Transient):
    """Nothing answers at the server's address, or the server ended the connection."""


class Session(Connection):
    """A connection that is made within seconds, and then waits for an answer as long as the server works on it."""

    def connect(self, sock: socket.socket | None = None) -> None:
        """Connect, with a limit for each step."""
        self._read_timeout: float | None = _GREETING
        super().connect(sock)
        self._read_timeout = None

    def stream(self, command: int, payload: bytes) -> Callable[[memoryview], int]:
        """Send a command whose answer never ends; returns what fills a buffer with what arrives (0 bytes: the server hung up).

        The session is of no other use afterwards: close it.
        """
        self._execute_command(command, payload)  # type: ignore[attr-defined]
        stream: socket.socket = self._sock  # type: ignore[attr-defined]
        stream.settimeout(None)
        return stream.recv_into


def connect(settings: MySQLSettings, *, database: str | None = None) -> Session:
    """Open a session on the source: autocommit, utf8mb4, TLS as `settings.tls` says.

    Raises Away when nothing answers, ConfigError when the password cannot be read, LifeboatError when it is refused.
    """
    password = settings.reveal_password()
    context = _tls_context(settings)
    with errors_explained(settings):
        try:
            return _connect(settings, password, database, context)
        except pymysql.err.OperationalError as error:
            if settings.tls != "preferred" or error.args[0] != _TLS_MISSING:
                raise
        return _connect(settings, password, database, None)


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
        raise Transient(f"the server behind {path} does not answer: {_server_message(error)}") from error
    finally:
        os.close(directory)


def prepare(session: Session) -> Session:
    """Free a session from the server's own limits, so that its answers are whole; closes it when that fails."""
    try:
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
    except BaseException:
        with suppress(pymysql.err.Error):
            session.close()
        raise
    return session


def rows(session: Session, statement: str, arguments: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows; pymysql's errors pass through (see `errors_explained`)."""
    with session.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())


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


@contextmanager
def errors_explained(settings: MySQLSettings) -> Iterator[None]:
    """Turn pymysql's errors into ones that name the server and say what to do."""
    try:
        yield
    except pymysql.err.Error as error:
        raise explain(error, settings) from error


def explain(error: pymysql.err.Error, settings: MySQLSettings) -> LifeboatError:
    """Make of a MySQL error one that names the server, says what it means and what to do."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    answer = _server_message(error)
    if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        code = _TLS_FAILED
    kind, meaning, hint = LifeboatError, f"answered with an error: {answer}", "the number can be looked up: perror NUMBER"
    if code in _BUSY:
        kind, meaning, hint = (
            Transient,
            f"{_BUSY[code].format(settings=settings)}: {answer}",
            _BUSY_HINTS.get(code, "try again when it is less busy"),
        )
    elif code in _LOST or isinstance(error, pymysql.err.InterfaceError):
        kind, meaning, hint = (
            Away,
            f"ended the connection: {answer}",
            "is the server up? its error log says what happened",
        )
    elif code in _REFUSALS:
        refusal, hint = _REFUSALS[code]
        meaning = f"{refusal.format(settings=settings)}: {answer}"
    return kind(f"MySQL at {settings.where} {meaning}", hint=hint)


def _open_socket(settings: MySQLSettings) -> socket.socket:
    if settings.ssh is None:
        return _dial(settings.host, settings.port)
    from backups.services.mysql.source import tunnel

    try:
        return tunnel.socket_over(settings.open_channel())
    except Transient as error:
        raise Away(f"MySQL at {settings.where} does not answer: {error.message}", hint=error.hint) from error


def _dial(host: str, port: int) -> socket.socket:
    try:
        connection = socket.create_connection((host, port), timeout=_GREETING)
    except OSError as error:
        raise Away(
            f"MySQL at {host}:{port} does not answer: {error.strerror or error}",
            hint="is the server up, and its port open to this machine? otherwise correct host and port in lifeboat.yaml",
        ) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return connection


def _connect(settings: MySQLSettings, password: str, database: str | None, context: ssl.SSLContext | None) -> Session:
    session = Session(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=password.encode(),
        database=database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=int(_GREETING),
        program_name="lifeboat",
        defer_connect=True,
        ssl=context,
        ssl_disabled=context is None,
    )
    session.connect(_open_socket(settings))
    return prepare(session)


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


def _server_message(error: pymysql.err.Error) -> str:
    """Return the server's own message with its number, on one line."""
    if len(error.args) == 2:
        return f"{' '.join(str(error.args[1]).split())} (error {error.args[0]})"
    return " ".join(str(error).split())
