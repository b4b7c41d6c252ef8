"""What panels ask of a MySQL data source: asked at its address, with its account and secret, in a READ ONLY transaction.

Everything that is Grafana's own (macros, types, series) is done by the project's `backups/panels/sql`.
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from backups.panels.sql import replies, results
from backups.panels.sql.macros import IN_THE_LOG, Filled, Window
from backups.panels.sql.replies import Refusal
from deployments.grafana_standin.server.request import Request

if TYPE_CHECKING:
    from pymysql.connections import Connection

Json = dict[str, Any]
_PORT = 3306
_SECONDS = 10
_NOBODY = (2002, 2003, 2006, 2013)
_NO_TLS = 2026
_STATES = {1054: "42S22", 1064: "42000", 1146: "42S02"}


def answer(request: Request, source: Json, query: Json, start: int, end: int) -> Json:
    """What stands below `results[refId]`. start, end: milliseconds."""
    import pymysql

    ref, window = str(query.get("refId") or "A"), Window.of(query, start, end, request.now)
    sent = replies.prepared(query, window)
    if not isinstance(sent, Filled):
        return sent
    columns = None
    try:
        with _asking(request, source) as session, results.raw(session), session.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(sent.sql)
            columns = results.columns(cursor)
            rows = list(cursor.fetchall())
    except pymysql.err.MySQLError as error:
        number, words = _told(error)
        if number in _NOBODY:
            return replies.failed(ref, f"db query error: failed to connect to server - {IN_THE_LOG}", sent.sql, downstream=True)
        refusal = Refusal(number, _STATES.get(number, "HY000"), words)
        return replies.refused(ref, refusal, sent.sql, after_columns=columns is not None)
    return replies.reply(query, sent, window, columns, rows)


def health(request: Request, source: Json) -> str:
    """Its words when it answers; raises OSError in Grafana's words when it does not."""
    import pymysql

    try:
        with _asking(request, source):
            return "Database Connection OK"
    except pymysql.err.MySQLError as error:
        told = "failed to connect to server" if _told(error)[0] in _NOBODY else "query failed"
        raise OSError(f"{told} - {IN_THE_LOG}") from error


@contextmanager
def _asking(request: Request, source: Json) -> Iterator["Connection[Any]"]:
    settings = json.loads(source["json_data"] or "{}")
    sealed = json.loads(source["secure_json_data"] or "{}").get("password", "")
    host, _, port = source["url"].partition(":")
    with (
        closing(
            _connected(
                host=host,
                port=int(port or _PORT),
                user=source["user"] or "",
                password=(request.vault.open(sealed) if sealed else "").encode(),
                database=settings.get("database") or source["database"] or None,
                charset="utf8mb4",
                connect_timeout=_SECONDS,
            )
        ) as session,
        session.cursor() as cursor,
    ):
        cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci")
        if settings.get("timezone"):
            cursor.execute("SET SESSION time_zone = %s", [settings["timezone"]])
        cursor.execute("START TRANSACTION READ ONLY")
        yield session


def _connected(**arguments: Any) -> "Connection[Any]":
    """A connection, over TLS where the server has it: without, some accounts' passwords need a library that the image lacks."""
    import pymysql

    try:
        return pymysql.connect(ssl={"check_hostname": False, "verify_mode": False}, **arguments)
    except pymysql.err.OperationalError as error:
        if error.args[0] != _NO_TLS:
            raise
    return pymysql.connect(**arguments)


def _told(error: Exception) -> tuple[int, str]:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return number, str(error.args[1] if len(error.args) > 1 else error)
