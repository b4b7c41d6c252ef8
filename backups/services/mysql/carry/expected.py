"""States what tables must hold at a position of the log: the last witness, changed by what the log holds up to there."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pymysql.err

from backups.errors import LifeboatError
from backups.manifest import Manifest
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import decide, scratch, stretch
from backups.services.mysql.carry.decide import Known
from backups.services.mysql.carry.scratch import Hashed
from backups.services.mysql.carry.stretch import Name, Stretch
from backups.services.mysql.details import Form, MySQLDetails
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness import fingerprint
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.definitions import subject, table_names

EMPTY = "it is empty now"
"""Why a fingerprint is not to be had where nothing is left to be one of."""
_FINGERPRINT = re.compile(r"[0-9a-f]{64}|0+")
"""Of no rows, a server prints more zeros than of some."""

_OF_ROWS = ("json_values", "row_secret", "keyless_form")
"""What of a form says how rows are hashed."""


@dataclass(frozen=True)
class Value:
    """What a table must hold. since: the backup for which it was scanned last. through_log: the log has rows of it.

    fits: False where no table can hold it, so that the log does not tell of all that changed; it must be read, and differs
    gone: there is no such table, though no statement in the log took it away
    """

    rows: int
    fingerprint: str
    since: str
    through_log: bool
    fits: bool = True
    gone: bool = False

    @property
    def counted(self) -> tuple[int, str]:
        """Rows and fingerprint."""
        return self.rows, self.fingerprint


def known_of(manifest: Manifest, details: MySQLDetails, form: Form) -> dict[str, Known]:
    """Read what a backup's witness says of each table, by its subject; nothing where it was measured otherwise than by `form`."""
    if any(getattr(details.form, field) != getattr(form, field) for field in _OF_ROWS):
        return {}
    facts: dict[str, dict[str, object]] = {}
    for fact in manifest.witness:
        facts.setdefault(fact.subject, {})[fact.metric] = fact.value
    since = {about: backup for backup, subjects in details.carried.items() for about in subjects}
    return {
        about: known
        for about, stated in facts.items()
        if about not in details.unlogged
        and (known := _known(stated, since.get(about, manifest.id), sums=form.keyless_form == "sums"))
    }


def _known(stated: Mapping[str, object], since: str, *, sums: bool) -> Known | None:
    """Read the facts of a table; None where they are of something else, or not of the form that a witness has."""
    rows, value, definition = (stated.get(metric) for metric in ("rows", "fingerprint", "definition"))
    if not (isinstance(value, str) and _FINGERPRINT.fullmatch(value) and isinstance(definition, str)):
        return None
    # True is an int, too.
    return Known(rows, value, definition, since, sums) if type(rows) is int and rows >= 0 else None


@dataclass(frozen=True)
class Told:
    """What a log tells of tables.

    at_once: those of which nothing has to be hashed, by subject; or why nothing is to be had from the log
    carried: the tables whose rows in the log have to be hashed. stretch: what the log did
    """

    at_once: Mapping[str, Value | str]
    carried: Mapping[str, Table]
    stretch: Stretch


def look(
    tables: Iterable[Table],
    definitions: Mapping[str, str],
    known: Mapping[str, Known],
    pieces: Sequence[Piece],
    cascades: Mapping[Name, set[Name]],
    *,
    most: Callable[[Table], float] = lambda _: float("inf"),
) -> Told:
    """Sort the tables by what the log tells of them; for the arguments see `expected`.

    most: for each table the bytes of log beyond which it is not carried
    Raises Damaged where the pieces are no log.
    """
    did = stretch.read(pieces)
    followed = decide.followed(did, cascades)
    tables = tuple(tables)
    result: dict[str, Value | str] = dict(_gone(tables, known, did))
    carried: dict[str, Table] = {}
    for table in tables:
        about = subject(table.schema, table.name)
        decision = decide.decide(table, definitions.get(about), known.get(about), did, followed, most=most(table))
        if decision.how == "carried":
            carried[about] = table
        elif decision.how == "kept":
            before = known[about]
            result[about] = Value(before.rows, before.fingerprint, before.since, through_log=False)
        else:
            result[about] = decision.reason
    return Told(result, carried, did)


def through(
    log: Told,
    known: Mapping[str, Known],
    pieces: Sequence[Piece],
    server: Callable[[], AbstractContextManager[Session]],
    form: Form,
    *,
    require_room: Callable[[int], None] = lambda _: None,
    go_on: Callable[[], object] = lambda: None,
) -> dict[str, Value | str]:
    """State what the tables must hold whose rows in the log have to be hashed; for the arguments see `expected`.

    go_on: called now and then; a LifeboatError that it raises ends the hashing
    """
    if not log.carried:
        return {}
    try:
        require_room(2 * sum(log.stretch.tables[table.schema, table.name].size for table in log.carried.values()))
        return _carried(log.carried, known, pieces, log.stretch, server, form, go_on)
    except LifeboatError as error:
        return dict.fromkeys(log.carried, f"no throw-away server could hash its rows: {error.message}")


def expected(
    tables: Iterable[Table],
    definitions: Mapping[str, str],
    known: Mapping[str, Known],
    pieces: Sequence[Piece],
    cascades: Mapping[Name, set[Name]],
    server: Callable[[], AbstractContextManager[Session]],
    form: Form,
    *,
    require_room: Callable[[int], None] = lambda _: None,
) -> dict[str, Value | str]:
    """State for each table, by its subject, what it must hold where the pieces end, or why that is not to be had from the log.

    A table that must be there, and is not, is stated, too.

    tables, definitions: as they are at the end; definitions by subject. known: what they held where the pieces begin
    cascades: see `foreign_keys.unlogged_cascades`, of the same server. server: starts a throw-away one of the same version, on
    which all may be done; it is asked for when rows have to be hashed only. form: how `known` was measured
    require_room: raises LifeboatError unless the server may write so many bytes
    Raises Damaged where the pieces are no log.
    """
    log = look(tables, definitions, known, pieces, cascades)
    return {**log.at_once, **through(log, known, pieces, server, form, require_room=require_room)}


def _gone(tables: Sequence[Table], known: Mapping[str, Known], did: Stretch) -> Iterator[tuple[str, Value]]:
    """Yield the tables that are known and not there, though nothing in the log has dropped or renamed them."""
    there = {subject(table.schema, table.name) for table in tables}
    for about, before in known.items():
        name = table_names(about)
        # Which tables in the server's own databases are users' is for the reader to say, and another reader may say otherwise.
        if about not in there and name[0] not in SYSTEM_DATABASES and not did.whole and not did.defines(name):
            yield about, Value(before.rows, before.fingerprint, before.since, through_log=False, gone=True)


def _carried(
    tables: Mapping[str, Table],
    known: Mapping[str, Known],
    pieces: Sequence[Piece],
    did: Stretch,
    server: Callable[[], AbstractContextManager[Session]],
    form: Form,
    go_on: Callable[[], object],
) -> dict[str, Value | str]:
    found: dict[Name, Hashed | str] = {}
    gone = "the throw-away server ended"
    try:
        with server() as session:
            found.update(scratch.hashed(session, tables.values(), pieces, form, go_on))
    except pymysql.err.MySQLError as error:
        gone = f"the throw-away server ended: error {error.args[0] if error.args else 'unknown'}"
    return {
        about: _value(known[about], did, (table.schema, table.name), found.get((table.schema, table.name), gone))
        for about, table in tables.items()
    }


def _value(before: Known, did: Stretch, name: Name, hashed: Hashed | str) -> Value | str:
    if isinstance(hashed, str):
        return hashed
    changed = did.tables[name]
    apart = changed.deleted + changed.updated, changed.inserted + changed.updated
    images = apart if len(hashed) > 1 else (sum(apart),)
    if tuple(count for count, _ in hashed) != images:
        there, logged = (" and ".join(map(str, each)) for each in ((count for count, _ in hashed), images))
        return f"the throw-away server has {there} rows of {logged} that the log holds"
    value = fingerprint.carried(before.fingerprint, *(came_to for _, came_to in hashed))
    rows = before.rows + changed.inserted - changed.deleted
    if rows < 0 or (not rows and int(value, 16)):
        # The log takes away what it never brought: a table that was read holds something else.
        return Value(rows, value, before.since, through_log=True, fits=False)
    if not rows:
        # Of no rows a server prints as many zeros as it likes.
        return EMPTY
    return Value(rows, value, before.since, through_log=True)
