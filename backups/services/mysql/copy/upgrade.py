"""Has a copy's data start on a newer server: ends the old one as its maker asks, and compares accounts before and after.

What such an upgrade changes by itself is in `../upgrades.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pymysql.err

from backups.errors import Damaged, LifeboatError
from backups.machine.docker import Docker, Image
from backups.machine.wait import wait_until
from backups.services.mysql.copy.server import HINT, Server
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.text import one_line
from backups.services.mysql.upgrades import GIVEN_METRIC, GONE_METRIC, LOGS_IN, NEW_METRIC
from backups.services.mysql.versions import Version
from backups.services.mysql.witness import accounts, grants
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.upgraded import VERSION_SECONDS
from backups.witness import Check, Fact

_ENDING = 3600.0
"""Seconds for a server to purge and write all that it has."""
_VERSION = 'server=$(command -v mariadbd || command -v mysqld) && exec "$server" --no-defaults --version'
_END, _OLD_END = "2106-02-07 06:28:15.999999", "2038-01-19 03:14:07.999999"
"""The end of MariaDB's time, and what it was before 11.5; in UTC, as sessions here are."""
_GLOBAL = "global_grants: "
_PRIVILEGE = "priv"


def require_same_series(session: Session, image: Image, version: str) -> None:
    """Raise LifeboatError when the image is of another series, which brings the data up to its own, so nothing is proven.

    version: the one that was backed up
    """
    backed_up, runs = Version.parse(version), Version.parse(rows(session, "SELECT @@version")[0][0])
    if backed_up.series != runs.series:
        raise LifeboatError(
            f"the image {image.name} runs MySQL {runs.text}, the backup is of {backed_up.text}",
            hint=f"name an image of MySQL {backed_up.series} in lifeboat.yaml, or this time: lifeboat restore --image NAME",
        )


def version_in(image: Image, docker: Docker, name: str) -> Version:
    """Read the version of the server in an image, in a container called `name`. Raises LifeboatError where there is none."""
    container = docker.run(name, image, entrypoint=["sh", "-c", _VERSION], command=[])
    try:
        code, output = container.wait(VERSION_SECONDS), container.logs(20)
    finally:
        container.remove()
    if code:
        raise LifeboatError(
            f"the image {image.name} holds neither MySQL nor MariaDB: asked for its version, it ends with code {code}: "
            f"{one_line(output, 200) or 'it prints nothing'}",
            hint="name an image of the backup's own maker",
        )
    try:
        return Version.parse(output, output)
    except ValueError as error:
        raise LifeboatError(
            f"the image {image.name} does not say the version of its server: {one_line(output, 200)}", hint="name another image"
        ) from error


def shut_down(session: Session, server: Server) -> None:
    """End a server as both makers ask before an upgrade: slowly, so that everything is purged and nothing is left in its log.

    Raises Damaged when transactions are prepared that nobody has ended, LifeboatError when it does not end in order.
    """
    if prepared := len(rows(session, "XA RECOVER")):
        raise Damaged(
            f"{prepared} XA transactions are prepared, and have to be committed or rolled back before an upgrade",
            hint="XA RECOVER lists them on the source",
        )
    rows(session, "SET GLOBAL innodb_fast_shutdown = 0")
    rows(session, "SHUTDOWN")
    if not wait_until(lambda: not server.container.running(), seconds=_ENDING, interval=0.1):
        raise LifeboatError(f"the server does not end within {_ENDING:.0f} s: {server.error_log()}", hint=HINT)
    if code := server.container.wait():
        raise LifeboatError(f"the server did not end in order (exit code {code}): {server.error_log()}", hint=HINT)


@dataclass(frozen=True)
class Accounts:
    """Who may do what, and who can log in, at one moment.

    stored: what the server holds of each, by lines. barred: who cannot log in, None where it does not say. known: the privileges
    that the server has
    """

    stored: Mapping[str, Sequence[str]] = field(default_factory=dict)
    barred: frozenset[str] | None = frozenset()
    known: frozenset[str] = frozenset()

    @classmethod
    def of(cls, session: Session, without: str, *, mariadb: bool = False) -> "Accounts":
        """Read them; `without`: our own account (`user@host`)."""
        held = _mariadb(session) if mariadb else grants.stored(session)
        barred = _barred(session)
        return cls(
            {name: lines for name, lines in held.items() if name != without},
            None if barred is None else barred - {without},
            frozenset(str(row[0]).upper().replace(" ", "_") for row in rows(session, "SHOW PRIVILEGES")),
        )


def _mariadb(session: Session) -> Mapping[str, Sequence[str]]:
    """Read MariaDB's accounts as it writes them; 11.8.9 writes those of a proxy in backticks, 10.11.18 does not."""
    return {
        account.name: [
            line.replace("'", "`") if line.startswith("GRANT PROXY ON ") else line
            for line in (*account.created, *account.granted)
        ]
        for account in accounts.mariadb(session)
    }


def _barred(session: Session) -> frozenset[str] | None:
    """Return the accounts that log in by a plugin which the server does not have, or has switched off; None: it does not say."""
    try:
        found = rows(
            session,
            "SELECT CONCAT(user, '@', host) FROM mysql.user WHERE plugin <> '' AND plugin NOT IN "
            "(SELECT plugin_name FROM information_schema.plugins WHERE plugin_status = 'ACTIVE')",
        )
    except pymysql.err.MySQLError:
        return None
    return frozenset(name.decode() if isinstance(name, bytes) else str(name) for (name,) in found)


def before_2106(found: Catalogue) -> Catalogue:
    """Have the end of time, until which the present rows of a table with system versioning hold, be read as it was before."""

    def read(table: Table) -> Table:
        if table.history is None:
            return table
        end = quoted(table.history[1])
        read_as = f"IF({end} = '{_END}', '{_OLD_END}', {end})"
        columns = tuple(replace(each, read_as=read_as) if each.name == table.history[1] else each for each in table.columns)
        return replace(table, columns=columns)

    return replace(found, tables=tuple(map(read, found.tables)))


def end(server: Server, without: str, *, mariadb: bool = False) -> Accounts:
    """Look at the accounts for the last time, but for our own (`without`), and end the server."""

    def last_look(session: Session) -> Accounts:
        found = Accounts.of(session, without, mariadb=mariadb)
        shut_down(session, server)
        return found

    return server.run(last_look)


def compared(facts: Sequence[Fact], stated: Sequence[Fact], before: Accounts, after: Accounts) -> tuple[list[Fact], list[Check]]:
    """Return the facts, and what was done to each account that was there: privileges given and taken, and who can log in. Pure.

    An account that differs by nothing but such privileges has its fact as it was stated: they tell what has changed.
    """
    checks = []
    for account, lines in before.stored.items():
        had, has = _privileges(lines), _privileges(after.stored.get(account, ()))
        subject = f"account {account}"
        for name in sorted(has.keys() - had.keys()):
            metric = GIVEN_METRIC if name in before.known else NEW_METRIC
            checks.append(Check(subject, f"{metric}: {name}", None, name, passed=False))
        checks += [Check(subject, f"{GONE_METRIC}: {name}", name, None, passed=False) for name in sorted(had.keys() - has.keys())]
        both = sorted(name for name in had.keys() & has.keys() if had[name] != has[name])
        checks += [Check(subject, f"privilege: {name}", had[name], has[name], passed=False) for name in both]
        could, can = (None if each.barred is None else account not in each.barred for each in (before, after))
        if could is not None:
            checks.append(Check(subject, LOGS_IN, could, can, passed=could == can))
    values = {fact.subject: fact for fact in stated if fact.metric == "definition"}
    same = {
        f"account {account}"
        for account, lines in before.stored.items()
        if _others(lines) == _others(after.stored.get(account, ()))
    }
    return [
        values[fact.subject] if fact.metric == "definition" and fact.subject in same & values.keys() else fact for fact in facts
    ], checks


def _privileges(lines: Sequence[str]) -> dict[str, str]:
    """Return the names of the dynamic privileges among the rows of an account, and what else those say: whether to hand it on."""
    found = {}
    for line in lines:
        if line.startswith(_GLOBAL):
            values = {
                name: bytes.fromhex(value).decode(errors="replace")
                for name, _, value in (part.partition("=") for part in line.removeprefix(_GLOBAL).split())
            }
            found[values.pop(_PRIVILEGE, "")] = " ".join(f"{name}={value}" for name, value in values.items())
    return found


def _others(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith(_GLOBAL)]
