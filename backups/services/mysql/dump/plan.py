"""Decides which table goes into which file of a dump, and which programs are started for it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from backups.services.mysql.dump import exact
from backups.services.mysql.dump.program import DATA_OPTIONS, Dumps
from backups.services.mysql.dump_details import ACCOUNTS, DATA, EXACT, GRANTS, LAST, SCHEMA, TRIGGERS, VIEWS
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness import catalogue
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.definitions import subject

Name = tuple[str, str]
STRAY = "#mysql50#"
"""Begins the name that MariaDB gives to a directory or a file beside its own, which no statement can use."""
_ELSEWHERE = re.compile(r"mrg_|federated|connect|spider|vp$|sphinx|oqgraph|s3$", re.IGNORECASE)
"""Storage engines that show the rows of other tables, of other servers or of files: a dump holds none of them."""


@dataclass(frozen=True)
class Found:
    """What a server has to dump.

    unsafe: tables whose engine has no snapshots, each with its engine. elsewhere: tables whose rows are not their own.
    exact: those that we write ourselves. stray: names that no statement can use. broken: views that cannot be created again
    """

    catalogue: Catalogue
    databases: tuple[str, ...]
    unsafe: tuple[str, ...]
    exact: tuple[Table, ...]
    elsewhere: tuple[Name, ...] = ()
    stray: tuple[str, ...] = ()
    broken: tuple[Name, ...] = ()

    def same(self, later: "Found") -> bool:
        """Return whether a later survey shows the same; how large the tables are does not count."""
        one, other = self.catalogue, later.catalogue
        return (
            self.fits(later)
            and set(one.tables) == set(other.tables)
            and (one.engine_numbers, one.views, one.sequences) == (other.engine_numbers, other.views, other.sequences)
        )

    def fits(self, later: "Found") -> bool:
        """Return whether one dump of everything but `exact`, planned after this survey, holds what a later one shows."""
        return (self.databases, self.unsafe, set(self.exact)) == (later.databases, later.unsafe, set(later.exact))

    def without(self, broken: Iterable[Name]) -> "Found":
        """Return what is left without some views."""
        gone = tuple(sorted(broken))
        views = tuple(view for view in self.catalogue.views if view not in gone)
        return replace(self, catalogue=replace(self.catalogue, views=views), broken=gone)


def survey(session: Session) -> Found:
    """List databases and tables, and which of the tables need special care."""
    found, strays = _usable(catalogue.read(session))
    names = sorted(row[0] for row in rows(session, "SHOW DATABASES"))
    engines = _engines(session)
    return Found(
        found,
        tuple(name for name in names if name not in SYSTEM_DATABASES and not name.startswith(STRAY)),
        tuple(f"{subject(*key)} ({engine})" for key, engine in engines.items() if engine != "InnoDB"),
        tuple(exact.tables(session, found)),
        tuple(key for key, engine in engines.items() if _ELSEWHERE.match(engine)),
        tuple([name for name in names if name.startswith(STRAY)] + strays),
    )


def unsafe_tables(session: Session) -> list[str]:
    """Return the tables whose engine has no snapshots, each with its engine."""
    return [f"{subject(*key)} ({engine})" for key, engine in _engines(session).items() if engine != "InnoDB"]


def stray_names(session: Session) -> list[str]:
    """Return the names of databases that no statement can use."""
    return [name for (name,) in rows(session, "SHOW DATABASES") if name.startswith(STRAY)]


def prepare(found: Found, program: Dumps, group: str, parts: int) -> tuple[str, ...]:
    """Start the dumps of rows, in so many parts; they wait until their group is released. Returns the names of their files."""
    mine = {_key(table) for table in found.exact}
    plain = [_key(table) for table in found.catalogue.tables if _key(table) not in mine]
    if parts == 1:
        dealt = [plain] if found.databases else []
    else:
        # The largest first, dealt out there and back: the parts are about equal.
        dealt = [[key for at, key in enumerate(plain) if at % (2 * parts) in (n, 2 * parts - 1 - n)] for n in range(parts)]
        dealt = [part for part in dealt if part]
    for number, part in enumerate(dealt):
        others = {*mine, *plain, *found.catalogue.views, *found.catalogue.sequences}.difference(part)
        program.add(DATA.format(number), group, [*DATA_OPTIONS, *_ignoring(sorted(others))], found.databases)
    return tuple(DATA.format(number) for number in range(len(dealt)))


def left_out(found: Found, held: Iterable[Name]) -> list[Table]:
    """Return the tables whose rows no dump program wrote although it was to: it compares names as a collation does."""
    written = {*held, *found.elsewhere, *map(_key, found.exact)}
    return [table for table in found.catalogue.tables if _key(table) not in written]


def exact_files(tables: Sequence[Table], first: int = 0) -> list[tuple[str, Table]]:
    """Return the files that we write ourselves, numbered from `first`."""
    return [(EXACT.format(number), table) for number, table in enumerate(tables, first)]


def stages(data: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the files in the order that they are loaded in. data: those with rows."""
    loaded = [tuple(data)] if data else []
    return (ACCOUNTS,), (SCHEMA,), (GRANTS,), (VIEWS,), *loaded, (TRIGGERS,), (GRANTS,), (LAST,)


def _usable(found: Catalogue) -> tuple[Catalogue, list[str]]:
    """Return a catalogue without what no statement can use, and the names of that."""

    def usable(key: Name) -> bool:
        return not any(part.startswith(STRAY) for part in key)

    tables = tuple(table for table in found.tables if usable(_key(table)))
    left = replace(
        found, tables=tables, views=tuple(filter(usable, found.views)), sequences=tuple(filter(usable, found.sequences))
    )
    strays = [_key(table) for table in found.tables if not usable(_key(table))]
    return left, [subject(*key) for key in strays if not key[0].startswith(STRAY)]


def _engines(session: Session) -> dict[Name, str]:
    """Return the engine of each table that a statement can use."""
    return {
        (schema, name): engine
        for schema, name, engine in rows(
            session,
            "SELECT table_schema, table_name, COALESCE(engine, 'unknown') FROM information_schema.tables "
            "WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND CAST(table_schema AS BINARY) NOT IN %s "
            "ORDER BY table_schema, table_name",
            [SYSTEM_DATABASES],
        )
        if not schema.startswith(STRAY) and not name.startswith(STRAY)
    }


def _key(table: Table) -> Name:
    return table.schema, table.name


def _ignoring(names: Iterable[Name]) -> list[str]:
    return [f"--ignore-table={schema}.{name}" for schema, name in names]
