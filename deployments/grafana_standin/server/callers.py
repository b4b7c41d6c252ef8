"""Who is asking: a password or a service account's token checked against the database, or the auth proxy's header.

No sessions.
"""

import base64
import binascii
import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

from . import passwords
from .request import Caller, RefusedError
from .settings import Settings


def identify(
    connection: sqlite3.Connection, headers: Mapping[str, str], settings: Settings, namespace_org: int | None = None
) -> Caller:
    """The caller, in the organisation of `X-Grafana-Org-Id` (or of the /apis namespace, or their own).

    Raises RefusedError 401 for an unknown user, a wrong password or a disabled user.
    """
    if (headers.get("Authorization") or "").lower().startswith("bearer "):
        return _service_account(connection, str(headers.get("Authorization"))[7:], namespace_org or _wanted(headers))
    login, password = _credentials(headers, settings)
    rows = connection.execute("SELECT * FROM user WHERE login = ? OR email = ?", (login, login)).fetchall()
    user = next((dict(row) for row in rows if not dict(row).get("is_service_account")), None)
    if user is None:
        return _administrator_of_an_empty_database(connection, login, password, settings)
    if user.get("is_disabled") or (password is not None and not passwords.matches(password, user["salt"], user["password"])):
        raise _stranger("Invalid username or password", "password-auth.failed")
    org_id = namespace_org or _wanted(headers) or user["org_id"]
    member = connection.execute("SELECT role FROM org_user WHERE org_id = ? AND user_id = ?", (org_id, user["id"])).fetchone()
    return Caller(user["id"], _uid(user), user["login"], bool(user["is_admin"]), org_id, member[0] if member else "")


def _credentials(headers: Mapping[str, str], settings: Settings) -> tuple[str, str | None]:
    """Login and password; the password is None where the auth proxy vouches."""
    if settings.proxy_header and headers.get(settings.proxy_header):
        return headers[settings.proxy_header], None
    kind, _, value = (headers.get("Authorization") or "").partition(" ")
    if kind.lower() != "basic":
        raise _stranger("Unauthorized", "auth.unauthorized")
    try:
        login, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _stranger("Invalid Basic Auth Header", "password-auth.invalid") from None
    if not colon:
        raise _stranger("Invalid Basic Auth Header", "password-auth.invalid")
    return login, password


def _service_account(connection: sqlite3.Connection, token: str, org_id: int) -> Caller:
    """The service account of a token, which acts in its own organisation only. `api_key.key` is the token's SHA-256 here."""
    rows = connection.execute(
        "SELECT user.*, org_user.role AS role, api_key.org_id AS org FROM api_key JOIN user ON user.id = api_key.service_account_id"
        " JOIN org_user ON org_user.user_id = user.id AND org_user.org_id = api_key.org_id"
        " WHERE api_key.key = ? AND NOT coalesce(api_key.is_revoked, 0)",
        (hashlib.sha256(token.encode()).hexdigest(),),
    ).fetchall()
    if not rows or rows[0]["is_disabled"] or org_id not in {0, rows[0]["org"]}:
        raise _stranger("Invalid API key", "api-key.invalid")
    row = dict(rows[0])
    return Caller(row["id"], _uid(row), row["login"], server_admin=False, org_id=row["org"], role=row["role"])


def _administrator_of_an_empty_database(
    connection: sqlite3.Connection, login: str, password: str | None, settings: Settings
) -> Caller:
    """GF_SECURITY_ADMIN_* count only while there is no user yet, as in Grafana (which then creates the user; this one does not)."""
    (users,) = connection.execute("SELECT count(*) FROM user").fetchone()
    if users == 0 and (login, password) == (settings.admin_user, settings.admin_password):
        return Caller(0, "", login, server_admin=True, org_id=1, role="Admin")
    raise _stranger("Invalid username or password", "password-auth.failed")


def _stranger(words: str, code: str) -> RefusedError:
    return RefusedError(401, words, code=code, extra=None, traceID="")


def _wanted(headers: Mapping[str, str]) -> int:
    value = headers.get("X-Grafana-Org-Id") or ""
    return int(value) if value.isdecimal() else 0


def _uid(user: dict[str, Any]) -> str:
    return user.get("uid") or str(user["id"])
