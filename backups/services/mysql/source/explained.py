"""Explains the errors of MySQL sessions: which server, what its answer means, and what to do."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql.err

from backups.errors import LifeboatError, Transient
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.login import ASKS_BY_KEY, ASKS_IN_CLEAR, UNKNOWN_LOGIN
from backups.services.mysql.source.session import GARBLED, SILENT, TOO_LONG

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
_LOST = (2003, 2006, 2013, 1077, 1079, 1927, 3169, 4031)
_SHUTTING_DOWN = 1053
TLS_MISSING = 2026
_TLS_FAILED, _TLS_WANTED = -100_021, 3159
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
        (
            "compare with the server itself first, somebody may stand between: is tls_ca the file that it names as ssl_ca, and "
            "its certificate (ssl_cert) signed by that and not expired?"
        ),
    ),
    TLS_MISSING: (
        "offers no TLS, and `tls: {settings.tls}` asks for it",
        (
            "compare with the server itself first, somebody may stand between: SHOW VARIABLES LIKE 'ssl_c%' there; it makes "
            "certificates by itself unless tls_version is empty"
        ),
    ),
    _TLS_WANTED: ("takes no session without TLS, and `tls: {settings.tls}` gives none", "set tls: preferred or tls: required"),
    ASKS_IN_CLEAR: (
        "asks for the password in clear, which is told to nobody whose certificate was not checked",
        (
            "compare with the server itself first, somebody may stand between: SELECT user, host, plugin FROM mysql.user; if it "
            "is meant so: tls: verify, with tls_ca"
        ),
    ),
    ASKS_BY_KEY: (
        "asks for the password, encrypted by a key that it sends along, which is done over TLS alone",
        (
            "compare with the server itself first, somebody may stand between; then give the server TLS (it makes certificates "
            "by itself unless tls_version is empty) and leave out tls: disabled, or reach it by ssh:"
        ),
    ),
    UNKNOWN_LOGIN: (
        "asks for the password in a way that Lifeboat does not know",
        (
            "compare with the server itself first, somebody may stand between; then ALTER USER … IDENTIFIED WITH "
            "caching_sha2_password BY '…'"
        ),
    ),
    GARBLED: (
        "does not speak as MySQL does",
        "is that the port of MySQL itself? a web server, or a proxy, may listen there: correct host and port in lifeboat.yaml",
    ),
    TOO_LONG: ("answers with more than an answer can be", "is that the port of MySQL itself? its error log may say more"),
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


class Away(Transient):
    """The server does not answer, or has ended the connection: which may be anybody's fault, and says nothing of the service."""


class Down(Away):
    """Nobody serves: its address refuses connections or lets them time out, nobody has it, or the server says that it ends."""


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
    answer = server_message(error)
    if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        code = _TLS_FAILED
    kind, meaning, hint = LifeboatError, f"answered with an error: {answer}", "the number can be looked up: perror NUMBER"
    if code in _BUSY:
        kind, meaning, hint = (
            Transient,
            f"{_BUSY[code].format(settings=settings)}: {answer}",
            _BUSY_HINTS.get(code, "try again when it is less busy"),
        )
    elif code == SILENT:
        kind, meaning, hint = (
            Away,
            f"does not answer: {error.args[1]}",
            "is it overloaded, or stopped? SHOW PROCESSLIST there; its error log and its disk may say why",
        )
    elif code == _SHUTTING_DOWN:
        kind, meaning, hint = Down, f"says that it is shutting down: {answer}", "start it again; its error log says what happened"
    elif code in _LOST or isinstance(error, pymysql.err.InterfaceError):
        kind, meaning, hint = (
            Away,
            f"ended the connection: {answer}",
            "is the server up? its error log says what happened",
        )
    elif code in _REFUSALS:
        refusal, hint = _REFUSALS[code]
        meaning = f"{refusal.format(settings=settings)}: {answer}"
    elif not code:
        hint = _REFUSALS[GARBLED][1]
    return kind(f"MySQL at {settings.where} {meaning}", hint=hint)


def server_message(error: pymysql.err.Error) -> str:
    """Return the server's own message with its number, or what we have to say of it, on one line."""
    if len(error.args) == 2:
        number = error.args[0]
        ours = isinstance(number, int) and number <= GARBLED
        return " ".join(str(error.args[1]).split()) + ("" if ours else f" (error {number})")
    return " ".join(str(error).split())
