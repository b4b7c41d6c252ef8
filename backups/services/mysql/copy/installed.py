"""Gives a copy the plugins and components that were installed at the source after its full: INSTALL is in no log."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pymysql.err

from backups.services.mysql.details import Installed, MySQLDetails
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.text import one_line


def install(session: Session, chain: Sequence[MySQLDetails]) -> Iterator[str]:
    """Load every component that the source had at one of the backups, before the log is replayed, which may call its functions.

    Plugins are loaded by options. Yields a note for each component that the copy's server does not load.
    """
    wanted = dict.fromkeys(urn for details in chain if details.installed for urn in details.installed.components)
    there = _components(session)
    # In their order: one may need another.
    for urn in (urn for urn in wanted if urn not in there):
        try:
            rows(session, "INSTALL COMPONENT %s", [urn])
        except pymysql.err.MySQLError as error:
            answer = one_line(str(error.args[-1]), 200)
            yield f"the source had installed {urn}, which the copy's server refuses: {answer}; INSTALL COMPONENT '{urn}' again"


def settle(session: Session, chain: Sequence[MySQLDetails]) -> None:
    """Register what the source had registered at the last backup, no more and no less, once the log is replayed."""
    last = chain[-1].installed
    if last is None:
        return
    # What no backup knows was installed while a backup was taken: it stays.
    before = [details.installed for details in chain[:-1] if details.installed]
    plugins = dict(rows(session, "SELECT name, dl FROM mysql.plugin"))
    for name, library in last.plugins.items() - plugins.items():
        rows(session, "REPLACE INTO mysql.plugin (name, dl) VALUES (%s, %s)", [name, library])
    for name in plugins.keys() & _since_removed(before, last, lambda each: each.plugins):
        rows(session, "DELETE FROM mysql.plugin WHERE name = %s", [name])
    for urn in _components(session) & _since_removed(before, last, lambda each: each.components):
        rows(session, "DELETE FROM mysql.component WHERE component_urn = %s", [urn])


def installed_later(chain: Sequence[MySQLDetails], later: MySQLDetails) -> Iterator[str]:
    """Yield a note for each plugin and component that the source had at the backup after the chain only, or no longer."""
    last = chain[-1].installed
    if last is None or later.installed is None:
        return
    for kind, before, after in (
        ("plugin", set(last.plugins), set(later.installed.plugins)),
        ("component", set(last.components), set(later.installed.components)),
    ):
        for name in sorted(before ^ after):
            verb, becomes = ("installed", "INSTALL") if name in after else ("removed", "UNINSTALL")
            yield f"{kind} {name} was {verb} about that moment, which no log tells: {becomes} {kind.upper()} if it shall be so"


def _components(session: Session) -> set[str]:
    return {urn for (urn,) in rows(session, "SELECT component_urn FROM mysql.component")}


def _since_removed(before: Sequence[Installed], last: Installed, of: Callable[[Installed], Iterable[str]]) -> set[str]:
    return {name for each in before for name in of(each)} - set(of(last))
