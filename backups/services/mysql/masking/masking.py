"""Masks a copy of a MySQL server: looks at what is personal, writes masked rows into a new server, and searches its files.

Next files: `rules.py` and `classify.py` (which columns), `replace.py` (by what), `fresh.py` (the new server), `load.py` (its
rows), `remains.py` (the search).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property

from backups.errors import LifeboatError
from backups.places.base import Ownership
from backups.services.base import Copy, Delivery, Sandbox
from backups.services.masked import Masked, Masks, Ruled, Unruled
from backups.services.mysql.copy import hand_over
from backups.services.mysql.copy.opened import HasServer, Opened
from backups.services.mysql.first_start import PORT
from backups.services.mysql.masking import classify, columns, definitions, load, pools, rules, samples
from backups.services.mysql.masking.columns import Column, ForeignKey
from backups.services.mysql.masking.developer import AsDeveloper
from backups.services.mysql.masking.digest import Digests
from backups.services.mysql.masking.fresh import DEVELOPER, Fresh
from backups.services.mysql.masking.remains import Remains
from backups.services.mysql.masking.replace import Replacer
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness.definitions import subject
from backups.witness import Fact

_EXTRA = ("event-scheduler=OFF",)
"""Events of the source run in no copy by themselves."""


class MySQLMasking:
    """See `Masking`. It looks at the copy when it is made."""

    def __init__(self, name: str, copy: Copy, masks: Masks, sandbox: Sandbox) -> None:
        if not isinstance(copy, HasServer):
            raise TypeError("a copy of MySQL has a server")
        self._name = name
        self._original: Opened = copy.opened()
        self._masks = masks
        self._sandbox = sandbox
        pools.pools(masks.locale)
        self._seed = int.from_bytes(Digests(masks.key)("seed", b"")[:4], "big")
        with self._session() as session:
            self._columns = columns.read(session)
            self._keys = columns.foreign_keys(session)
            self._with_history = columns.with_history(session)
            self._in_own_databases = [] if self._original.mariadb else columns.in_own_databases(session)
            self._chosen = rules.apply(masks.rules, self._columns, self._keys)
            self._definitions = definitions.write(
                session, sandbox.directory / f"{name}-definitions", mariadb=self._original.mariadb, definer=f"`{DEVELOPER}`@`%`"
            )
            rules.require_known(masks.definitions, self._definitions.sql)
            without = [
                column for column in self._columns if column not in self._chosen or not classify.decided(self._chosen[column])
            ]
            values = samples.values(session, without, self._seed)
        self._unruled = [
            *classify.unruled(self._columns, self._chosen, values),
            *classify.unread(self._definitions.sql, masks.definitions),
        ]

    @property
    def ruled(self) -> Sequence[Ruled]:
        """See `Masking`."""
        return [self._chosen[column] for column in self._columns if column in self._chosen]

    @property
    def unruled(self) -> Sequence[Unruled]:
        """See `Masking`."""
        return self._unruled

    def make(self, say: Callable[[str], None]) -> Masked:
        """See `Masking`."""
        if self._unruled:
            raise AssertionError("nothing is masked while something is in no rule")
        fresh = Fresh(self._name, self._original, self._sandbox)
        with self._session() as session:
            remains = Remains.of(session, self._columns, self._chosen, self._masks, self._definitions.sql, self._seed)
        say("making an empty server")
        fresh.initialise()
        remains.leave_out(fresh.data)
        fresh.start()
        refused = self._load(fresh, definitions.BEFORE_ROWS)
        written = self._rows(fresh, say)
        refused += self._load(fresh, definitions.AFTER_ROWS)
        orphans = self._orphans(fresh)
        say("ending the masked server, and searching its files")
        compressed = fresh.run(_compressed)
        data = fresh.settle()
        with self._session() as session:
            searched = remains.search(session, data, compressed)
        counts = {subject(*table): found.rows for table, found in written.items()}
        return Masked(
            self._delivery(fresh, counts, refused),
            fresh.developer.user,
            fresh.developer.password,
            self._told(written),
            counts,
            [subject(*table) for table in self._with_history],
            orphans,
            searched,
        )

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self._original.server.errors_explained(), self._original.server.connect() as session:
            load.prepare(session)
            yield session

    def _load(self, fresh: Fresh, files: Sequence[str]) -> list[str]:
        """Load definitions; returns the objects that the new server refused. Raises LifeboatError for a refused table."""
        refused: list[str] = []
        for file in files:
            (fresh.home / "dump" / file).write_bytes((self._definitions.directory / file).read_bytes())
            said = fresh.load(file)
            if said and file in definitions.BEFORE_ROWS:
                raise LifeboatError(
                    f"the masked server refuses a definition: {said[0]}", hint="please report it, with the object's definition"
                )
            refused += said
        return refused

    def _rows(self, fresh: Fresh, say: Callable[[str], None]) -> dict[tuple[str, str], load.Written]:
        """Write the masked rows of all tables; returns what was written of each."""
        replacer = Replacer(self._masks, self._chosen, self._keys)
        written = {}
        with ExitStack() as stack:
            original = stack.enter_context(self._session())
            masked = stack.enter_context(fresh.server.connect())
            load.prepare(masked)
            for table, members in self._tables.items():
                say(f"masking {subject(*table)}")
                replaced = [
                    load.Replaced(column, self._chosen[column].kind, replacer.of(column, self._chosen[column].kind))
                    for column in members
                    if column in self._chosen and self._chosen[column].kind != "keep"
                ]
                written[table] = load.copy(original, masked, table, members, replaced)
                _require_rows(masked, table, written[table].rows)
        return written

    @cached_property
    def _tables(self) -> Mapping[tuple[str, str], Sequence[Column]]:
        """The columns of each table that are written."""
        found: dict[tuple[str, str], list[Column]] = {}
        for column in self._columns:
            members = found.setdefault(column.of, [])
            if not column.generated:
                members.append(column)
        return found

    def _orphans(self, fresh: Fresh) -> dict[str, int]:
        """Count the rows without a parent of each foreign key with a masked column. Raises LifeboatError for more than before."""
        masked = {column.key for column, ruled in self._chosen.items() if ruled.kind != "keep"}
        found: dict[str, int] = {}
        for key in self._keys:
            if not any(side in masked for pair in key.pairs for side in pair):
                continue
            name = subject(*key.child, key.name)
            with self._session() as session:
                before = _without_parent(session, key)
            found[name] = fresh.run(lambda session, key=key: _without_parent(session, key))  # type: ignore[misc]
            if found[name] > before:
                raise LifeboatError(
                    f"after masking {found[name]} rows of {subject(*key.child)} find no parent by {key.name}, {before} before",
                    hint="their collation calls values equal that a replacement does not: give both sides the rule hash, or keep",
                )
        return found

    def _told(self, written: Mapping[tuple[str, str], load.Written]) -> list[Ruled]:
        """Return every rule with the number of values that it replaced."""
        told = []
        for table, members in self._tables.items():
            counts = iter(written[table].values)
            with_rules = [self._chosen[column] for column in members if column in self._chosen]
            told += [replace(ruled, rows=0 if ruled.kind == "keep" else next(counts)) for ruled in with_rules]
        return told

    def _delivery(self, fresh: Fresh, counts: Mapping[str, int], refused: Sequence[str]) -> Delivery:
        notes = [
            f"it has one account, {DEVELOPER}, which may do everything; views, routines, triggers and events are defined by it",
            "events run once event_scheduler is ON",
            "not taken over: accounts, histograms, connections to other servers, settings",
            *(f"not taken over: the history of {subject(*table)}" for table in self._with_history),
            *(
                f"not taken over: {subject(*table)}, which is in one of the server's own databases"
                for table in self._in_own_databases
            ),
            *(f"not taken over: {line}" for line in self._definitions.left_out),
            *(f"refused by the masked server: {line}" for line in refused),
        ]
        options = [f"--{setting}" for setting in (*self._original.settings, *_EXTRA)]
        facts = [Fact(table, "rows", number) for table, number in counts.items()]
        return Delivery(
            fresh.data,
            Ownership("mysql:mysql", 999, 999, 0o750),
            hand_over.DATA,
            notes=notes,
            options=options,
            port=PORT,
            first_start=AsDeveloper(facts, fresh.developer.user, fresh.developer.password),
        )


def _require_rows(masked: Session, table: tuple[str, str], expected: int) -> None:
    (number,) = rows(masked, f"SELECT COUNT(*) FROM {quoted(table[0])}.{quoted(table[1])}")[0]  # noqa: S608 -- quoted
    if number != expected:
        raise LifeboatError(
            f"{subject(*table)} has {number} rows after masking, {expected} were written", hint="please report it"
        )


def _without_parent(session: Session, key: ForeignKey) -> int:
    """Count the rows whose foreign key is complete, and names no row."""
    on = " AND ".join(f"p.{quoted(other)} = c.{quoted(own)}" for own, other in zip(key.columns, key.referred, strict=True))
    whole = " AND ".join(f"c.{quoted(own)} IS NOT NULL" for own in key.columns)
    child, parent = (f"{quoted(table[0])}.{quoted(table[1])}" for table in (key.child, key.parent))
    question = f"SELECT COUNT(*) FROM {child} AS c WHERE {whole} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {on})"  # noqa: S608
    return int(rows(session, question)[0][0])


def _compressed(session: Session) -> list[str]:
    """Return the tables whose files no search can read."""
    return [
        subject(schema, name)
        for schema, name in rows(
            session,
            "SELECT table_schema, table_name FROM information_schema.tables WHERE CAST(table_schema AS BINARY) NOT IN %s "
            "AND (row_format = 'Compressed' OR create_options LIKE '%%COMPRESS%%') ORDER BY 1, 2",
            [SYSTEM_DATABASES],
        )
    ]
