"""Reads accounts as the SQL that creates them, from SHOW CREATE USER and SHOW GRANTS, on MySQL and on MariaDB."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pymysql.err

from backups.services.mysql.source.connection import Session, quoted, rows

RESERVED = ("mysql.sys@localhost", "mysql.session@localhost", "mysql.infoschema@localhost", "mariadb.sys@localhost")
"""The server's own: every server has them, and nobody logs in as them."""
_PUBLIC = "PUBLIC"
_NO_SUCH_USER = 1133
_DEFAULT_ROLE = re.compile(r" DEFAULT ROLE ((?:`(?:[^`]|``)*`@`(?:[^`]|``)*`,?)+)")

_PASSWORD = re.compile(
    r"(?P<start>CREATE USER (?P<account>`(?:[^`]|``)*`@`(?:[^`]|``)*`) (?P<how>IDENTIFIED WITH '[^']*' AS ))"
    r"(?P<hash>0x[0-9A-Fa-f]+)"
)


@dataclass(frozen=True)
class Account:
    """An account or a role: `user@host`; what creates it, and what can only be run when everything else is there."""

    name: str
    created: tuple[str, ...]
    granted: tuple[str, ...]


def mysql(session: Session) -> Iterator[Account]:
    """Yield every account of a MySQL server, its passwords as hashes."""
    roles: dict[str, list[str]] = {}
    # From its table: SHOW GRANTS adds the roles that the server's settings give to everybody.
    for role, role_host, user, host, admin in rows(
        session, "SELECT from_user, from_host, to_user, to_host, with_admin_option FROM mysql.role_edges"
    ):
        option = " WITH ADMIN OPTION" if admin == "Y" else ""
        roles.setdefault(f"{user}@{host}", []).append(f"GRANT {_at(role, role_host)} TO {_at(user, host)}{option}")
    second = _second_passwords(session)
    for user, host in rows(session, "SELECT user, host FROM mysql.user ORDER BY user, host"):
        created = str(rows(session, "SHOW CREATE USER %s@%s", [user, host])[0][0])
        default = _DEFAULT_ROLE.search(created)
        creating = _DEFAULT_ROLE.sub("", created)
        old = second.get(f"{user}@{host}")
        grants = [row[0] for row in rows(session, "SHOW GRANTS FOR %s@%s", [user, host]) if " ON " in row[0]]
        yield Account(
            f"{user}@{host}",
            with_second_password(creating, old) if old else (creating,),
            (
                *grants,
                *roles.get(f"{user}@{host}", []),
                *([f"ALTER USER {_at(user, host)} DEFAULT ROLE {default[1]}"] if default else []),
            ),
        )


def with_second_password(created: str, old: str) -> tuple[str, ...]:
    """Return what creates an account that a second password is let in with: `old`, its hash as it is kept. Pure.

    It is created with the old one, and then given the new one while the old is retained.
    """
    found = _PASSWORD.match(created)
    if found is None:
        return (created,)
    expired = " PASSWORD EXPIRE" if re.search(r" PASSWORD EXPIRE(?! (?:DEFAULT|NEVER|INTERVAL))", created) else ""
    changed = f"ALTER USER {found['account']} {found['how']}{found['hash']} RETAIN CURRENT PASSWORD"
    return (
        f"{found['start']}0x{old.encode().hex()}{created[found.end() :]}",
        changed,
        *([f"ALTER USER {found['account']}{expired}"] if expired else []),
    )


def _second_passwords(session: Session) -> dict[str, str]:
    """Return user@host -> the hash of the password that was retained when it was changed; there are none before 8.0.14."""
    if not rows(session, "SHOW COLUMNS FROM mysql.user LIKE 'user_attributes'"):
        return {}
    return {
        f"{user}@{host}": old
        for user, host, old in rows(
            session,
            "SELECT user, host, user_attributes->>'$.additional_password' FROM mysql.user "
            "WHERE user_attributes->>'$.additional_password' IS NOT NULL",
        )
    }


def mariadb(session: Session) -> Iterator[Account]:
    """Yield every account and role of a MariaDB server, its passwords as hashes."""
    for user, host, role in rows(session, "SELECT user, host, is_role FROM mysql.user ORDER BY user, host"):
        if role == "Y":
            name = _PUBLIC if user == _PUBLIC else quoted(user)
            created = [] if user == _PUBLIC else [f"CREATE ROLE {name}"]
            grants = rows(session, f"SHOW GRANTS FOR {name}")
        else:
            try:
                created = [rows(session, "SHOW CREATE USER %s@%s", [user, host])[0][0]]
            except pymysql.err.MySQLError as error:
                # With skip_name_resolve the server itself has set accounts of named hosts aside: nobody can be one of them.
                if error.args[0] != _NO_SUCH_USER:
                    raise
                continue
            grants = rows(session, "SHOW GRANTS FOR %s@%s", [user, host])
        yield Account(f"{user}@{host}", tuple(created), tuple(sorted({row[0] for row in grants}, key=_order)))


def _order(grant: str) -> tuple[bool, str]:
    """Sort key of grants: roles are granted before one of them is made the default."""
    return grant.startswith("SET DEFAULT ROLE"), grant


def _at(user: str, host: str) -> str:
    return f"{quoted(user)}@{quoted(host)}"
