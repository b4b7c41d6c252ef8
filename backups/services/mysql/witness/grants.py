"""States accounts as the grant tables hold them, secondary passwords too: a server that starts on a copy reads them there."""

from collections.abc import Iterator, Mapping

from backups.services.mysql.source.connection import Session, quoted, rows

TABLES = {
    "user": ("user", "host"),
    "db": ("user", "host"),
    "tables_priv": ("user", "host"),
    "columns_priv": ("user", "host"),
    "procs_priv": ("user", "host"),
    "proxies_priv": ("user", "host"),
    "global_grants": ("user", "host"),
    "role_edges": ("to_user", "to_host"),
    "default_roles": ("user", "host"),
}
"""The tables of `mysql` that say who may do what, and the columns that say whose row it is."""
_LEFT_OUT = ("grantor", "timestamp", "password_last_changed")
"""Columns that say who has given a privilege and when: a replayed log has other values there."""
_NOTHING = ("", "4E", "30")
"""What says nothing in a column, in hexadecimal digits: an empty text, N, 0. So a column of a newer release is no change."""
_OTHER_NAMES = {
    "CREATE TMP TABLE": "CREATE TEMPORARY TABLES",
    "REPL SLAVE": "REPLICATION SLAVE",
    "REPL CLIENT": "REPLICATION CLIENT",
    "SHOW DB": "SHOW DATABASES",
}


def stored(session: Session) -> Mapping[str, list[str]]:
    """Return what each account (`user@host`) has in the grant tables, in an order that does not depend on the server."""
    held: dict[str, list[str]] = {}
    for table, owner in TABLES.items():
        columns = [
            row[0]
            for row in rows(
                session,
                "SELECT LOWER(column_name) FROM information_schema.columns WHERE table_schema = 'mysql' AND table_name = %s",
                [table],
            )
            if row[0] not in _LEFT_OUT
        ]
        values = ", ".join(f"HEX(CAST({quoted(column)} AS BINARY))" for column in columns)
        names = ", ".join(map(quoted, owner))
        for user, host, *row in rows(session, f"SELECT {names}, {values} FROM mysql.{quoted(table)}"):  # noqa: S608 -- quoted
            said = [f"{name}={value}" for name, value in sorted(zip(columns, row, strict=True)) if (value or "") not in _NOTHING]
            held.setdefault(f"{_text(user)}@{_text(host)}", []).append(f"{table}: {' '.join(said)}")
    return {account: sorted(lines) for account, lines in held.items()}


def not_loaded(session: Session) -> Iterator[str]:
    """Yield the accounts whose privileges on everything are, in the server's memory, not those of mysql.user.

    Somebody has changed the table, and FLUSH PRIVILEGES is still to come: what the server obeys is not what a copy will.
    """
    columns = [
        row[0]
        for row in rows(
            session,
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'mysql' AND table_name = 'user' AND column_name LIKE %s AND column_name <> 'Grant_priv'",
            ["%\\_priv"],
        )
    ]
    names = [_privilege(column) for column in columns]
    obeyed: dict[str, set[str]] = {}
    for grantee, privilege in rows(session, "SELECT grantee, privilege_type FROM information_schema.user_privileges"):
        obeyed.setdefault(grantee, set()).update({privilege} & set(names))
    listed = ", ".join(map(quoted, columns))
    for user, host, *held in rows(session, f"SELECT user, host, {listed} FROM mysql.user ORDER BY user, host"):  # noqa: S608
        table = {name for name, value in zip(names, held, strict=True) if value == "Y"}
        if obeyed.get(f"'{_text(user)}'@'{_text(host)}'") != table:
            yield f"{_text(user)}@{_text(host)}"


def _privilege(column: str) -> str:
    name = column.removesuffix("_priv").replace("_", " ").upper()
    return _OTHER_NAMES.get(name, name)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
