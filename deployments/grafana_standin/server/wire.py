"""HTTP: takes a question, opens the database for it, gives the answer as JSON, and logs a line."""

import json
import logging
import random
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from . import callers, routes
from .answers.kubernetes import StatusError
from .first_minute import AlertmanagerLook
from .request import RefusedError, Reply, Request
from .sealed import Vault
from .settings import Settings
from .storage import UidTakenError, opened

log = logging.getLogger("standin")
COMMIT = "stand-in"
ALERTING = ("/api/v1/provisioning/", "/api/alertmanager/", "/api/ruler/")
"""What is not there at all with `[unified_alerting] enabled = false`."""
_BUSY_SECONDS = 5.0


class Server(ThreadingHTTPServer):
    """A server over one database file, which need not exist yet (it then is not healthy)."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], settings: Settings) -> None:
        self.settings = settings
        self._look = AlertmanagerLook(settings, self.connect)
        super().__init__(address, Handler)

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Do what a start does, then answer."""
        self.service_actions()
        super().serve_forever(poll_interval)

    def service_actions(self) -> None:
        """What the server does by itself, between two rounds of waiting for callers."""
        self._look.take()

    def connect(self, *, write: bool) -> sqlite3.Connection:
        """Open the database as it is now; never create it. Reads are opened read-only."""
        path = f"file:{self.settings.database}?mode={'rw' if write else 'ro'}"
        return sqlite3.connect(path, uri=True, timeout=_BUSY_SECONDS)

    def health(self) -> tuple[int, dict[str, str]]:
        """200, or 503 when the database cannot be read or is no Grafana's."""
        body = {"database": "ok", "version": self.settings.version, "commit": COMMIT}
        try:
            with closing(self.connect(write=False)) as connection:
                for table in ("migration_log", "org", "user"):
                    connection.execute(f"SELECT count(*) FROM `{table}`").fetchone()
        except sqlite3.Error as error:
            log.warning("database failing path=%s error=%r", self.settings.database, str(error))
            return 503, body | {"database": "failing"}
        return 200, body

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """The status and the JSON for a question. Raises RefusedError, sqlite3.Error."""
        parts = urlsplit(target)
        path = parts.path.rstrip("/")
        if (method, path) == ("GET", "/api/health"):
            return self.health()
        if not self.settings.alerting and path.startswith(ALERTING):
            raise RefusedError(404, "Not found")
        route, named = routes.find(method, path)
        if path.startswith("/apis/") and not routes.served(path.split("/")[2], named["version"], self.settings.version):
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        org = named.get("org")
        namespace_org = None if org is None else 1 if org == "default" else int(org.removeprefix("org-"))
        writes = method != "GET" and not route.reads
        with closing(self.connect(write=writes)) as connection:
            if writes:
                connection.execute("BEGIN IMMEDIATE")  # what is checked is still so when it is written
            store = opened(connection)
            caller = callers.identify(connection, headers, self.settings, namespace_org)
            if not caller.may(route.role):
                words = f"You'll need additional permissions to perform this action. {routes.needed(route)}"
                raise RefusedError(403, words, title="Access denied", accessErrorId=f"ACE{random.randrange(10**10):010}")
            request = Request(
                connection, store, caller, parse_qs(parts.query), _parsed(body), datetime.now(UTC), self.settings.plugins,
                Vault(connection, self.settings.secret_key), self.settings,
                disable_provenance=bool(headers.get("X-Disable-Provenance")),
            )  # fmt: skip
            with connection:
                found = route.answer(request, **{key: unquote(value) for key, value in named.items()})
                return (found.status, found.body) if isinstance(found, Reply) else (route.status, found)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets: without it, each answer waits for the other side's 40 ms
    server_version = "LifeboatGrafanaStandIn/1"
    server: Server

    def do_GET(self) -> None:
        """Answer a read."""
        self._reply()

    def do_POST(self) -> None:
        """Answer a write."""
        self._reply()

    def do_DELETE(self) -> None:
        """Answer a removal."""
        self._reply()

    def do_PUT(self) -> None:
        """Answer a change."""
        self._reply()

    def do_PATCH(self) -> None:
        """Answer a change."""
        self._reply()

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = self.server.answer(self.command, self.path, self.headers, body)
        except RefusedError as refused:
            status, answer = refused.status, refused.body
        except UidTakenError:
            status, answer = 400, {"message": "Dashboard cannot be changed to a folder"}
        except sqlite3.Error as error:
            log.warning("database failing path=%s error=%r", self.server.settings.database, str(error))
            status, answer = 500, {"message": f"database failing: {error}"}
        sent = encoded(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)
        log.info("method=%s path=%s status=%d", self.command, self.path, status)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """The server logs its own lines."""


def _parsed(body: bytes) -> Any:
    try:
        parsed = json.loads(body) if body else None
        return json.loads(_whole(json.dumps(parsed, ensure_ascii=False))) if b"\\u" in body else parsed
    except ValueError:
        raise RefusedError(400, "bad request data") from None


def _whole(text: str) -> str:
    """Text as Go reads it: half of a character, which JSON can name, is U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def encoded(answer: Any) -> bytes:
    """JSON as Go writes it: `<`, `>` and `&` escaped, so that nobody comes to compare bytes."""
    text = _whole(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()
