"""What an answer is made from, and how one refuses."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .sealed import Vault
from .settings import Settings
from .storage import Author, Store

ROLES = ("Viewer", "Editor", "Admin")


class RefusedError(Exception):
    """An answer that is an error: its HTTP status, its message, and Grafana's word for it (`version-mismatch`) where it has one.

    `code` is the name that newer parts of Grafana give an error (`messageId`), and `more` whatever else stands beside it.
    """

    def __init__(self, status: int, message: str, word: str | None = None, *, code: str | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message} | ({"status": word} if word else {}) | more
        if code:
            self.body |= {"messageId": code, "statusCode": status}


@dataclass(frozen=True)
class Reply:
    """An answer that says its status itself."""

    status: int
    body: Any


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they are in the organisation they ask about (`role` is "" for a stranger to it)."""

    id: int
    uid: str
    login: str
    server_admin: bool
    org_id: int
    role: str

    @property
    def author(self) -> Author:
        """The caller as the one who saves."""
        return Author(self.id, self.uid)

    def may(self, role: str) -> bool:
        """Whether the caller has at least this role; `Server` is the server's administrator."""
        if role == "Server":
            return self.server_admin
        return self.role in ROLES and ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True)
class Request:
    """One question. The connection lives as long as the request: nothing is remembered between two."""

    connection: sqlite3.Connection
    store: Store
    caller: Caller
    query: Mapping[str, list[str]]
    body: Any
    now: datetime
    plugins: Path
    vault: Vault
    settings: Settings
    disable_provenance: bool = False

    @property
    def org_id(self) -> int:
        """The organisation asked about."""
        return self.caller.org_id

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows as dictionaries; a column that a version does not have is simply absent."""
        return [dict(row) for row in self.connection.execute(sql, values)]

    def has_table(self, name: str) -> bool:
        """Whether this version has the table."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name))

    def text(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.query.get(name, [default])[0]

    def number(self, name: str, default: int) -> int:
        """A query parameter that is a number; nonsense counts as absent, as it does for Grafana."""
        value = self.text(name)
        return int(value) if value.isdecimal() else default

    def page(self, items: list[Any], *, size: str, default: int, first: int = 1) -> list[Any]:
        """The asked page of a list; `size` names the query parameter, `first` the number of the first page."""
        length = self.number(size, default) or default
        start = max(self.number("page", first) - first, 0) * length
        return items[start : start + length]


def fields(body: Any) -> dict[str, Any]:
    """A request's body that has to be an object."""
    if not isinstance(body, dict):
        raise RefusedError(400, "bad request data")
    return body
