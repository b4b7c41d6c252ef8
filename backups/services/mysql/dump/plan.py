"""Decides which table goes into which file of a dump, and which programs are started for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from backups.services.mysql.dump import exact
from backups.services.mysql.dump.program import DATA_OPTIONS, SCHEMA_OPTIONS, TRIGGER_OPTIONS, VIEW_OPTIONS, Dumps
from backups.services.mysql.dump_details import ACCOUNTS, DATA, EXACT, GRANTS, SCHEMA, TRIGGERS, VIEWS
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES, tables_not_innodb
from backups.services.mysql.witness import catalogue
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.definitions import subject


@dataclass(frozen=True)
class Found:
    """What a server has to dump. unsafe: tables whose engine has no snapshots. exact: those that we write ourselves."""

    catalogue: Catalogue
    databases: tuple[str, ...]
    unsafe: tuple[str, ...]
    exact: tuple[Table, ...]

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


def survey(session: Session) -> Found:
    """List databases and tables, and which of the tables need special care."""
    found = catalogue.read(session)
    databases = (row[0] for row in rows(session, "SHOW DATABASES"))
    return Found(
        found,
        tuple(sorted(name for name in databases if name.lower() not in SYSTEM_DATABASES)),
        tuple(unsafe_tables(session)),
        tuple(exact.tables(found)),
    )


def unsafe_tables(session: Session) -> list[str]:
    """Return the tables whose engine has no snapshots, each with its engine."""
    return [f"{subject(schema, name)} ({engine})" for schema, name, engine in tables_not_innodb(session)]


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
        others = {*mine, *plain}.difference(part)
        program.add(DATA.format(number), group, [*DATA_OPTIONS, *_ignoring(sorted(others))], found.databases)
    return tuple(DATA.format(number) for number in range(len(dealt)))


def start_definitions(found: Found, program: Dumps, group: str) -> None:
    """Start the dumps of everything that is not rows; they wait until their group is released."""
    if not found.databases:
        return
    tables = [_key(table) for table in found.catalogue.tables]
    program.add(SCHEMA, group, [*SCHEMA_OPTIONS, *_ignoring(found.catalogue.views)], found.databases)
    program.add(VIEWS, group, [*VIEW_OPTIONS, *_ignoring([*tables, *found.catalogue.sequences])], found.databases)
    program.add(TRIGGERS, group, TRIGGER_OPTIONS, found.databases)


def exact_files(found: Found) -> list[tuple[str, Table]]:
    """Return the files that we write ourselves."""
    return [(EXACT.format(number), table) for number, table in enumerate(found.exact)]


def stages(found: Found, data: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the files in the order that they are loaded in."""
    if not found.databases:
        return (ACCOUNTS,), (GRANTS,)
    loaded = (*data, *(name for name, _ in exact_files(found)))
    return (ACCOUNTS,), (SCHEMA,), (GRANTS,), (VIEWS,), *([loaded] if loaded else []), (TRIGGERS,), (GRANTS,)


def _key(table: Table) -> tuple[str, str]:
    return table.schema, table.name


def _ignoring(names: Iterable[tuple[str, str]]) -> list[str]:
    return [f"--ignore-table={schema}.{name}" for schema, name in names]
