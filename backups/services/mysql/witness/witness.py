"""Takes the witness: what a server holds at one instant; `take` on a live source, `observe` on its copy.

Both measure by the same code. Next files: `instant.py` (the instant), `catalogue.py` (what there is), `data.py` (rows),
`definitions.py` and `kinds.py` (everything else), `scope.py` (what is left out, and why).
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from backups.errors import LifeboatError
from backups.machine import parallel
from backups.services.mysql.details import Form, Position
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness import catalogue, definitions, grants, kinds, probes, sessions
from backups.services.mysql.witness.catalogue import Catalogue
from backups.services.mysql.witness.data import EARLIER, PLAIN, ChangedMeanwhile, Counted, about_table, data_of
from backups.services.mysql.witness.instant import freeze, thaw
from backups.witness import Fact

OF_ROWS = Form(json_values="typed", keyless_form="sums")
"""How rows are hashed today, but for the secret of each chain."""
_ROUNDS_WITH_DDL = 2
"""Rounds that let DDL go on while data are read; the next one makes it wait, so that it surely ends."""
_NOT_LOADED = (
    "account {account}: mysql.user was changed by hand and FLUSH PRIVILEGES has not followed: the server does not obey yet what "
    "is stored, a restored one will"
)
_NOT_ASKED = "{index}: nothing was asked of it, so that it finds every row is not proven"


@dataclass(frozen=True)
class Witnessed:
    """The facts, and the position in the log at which they hold exactly. `taken_at`: UTC, by the source's own clock.

    lock_seconds: how long writers waited. lock_attempts: how often the read lock was asked for, over all rounds.
    form: how it was measured. limits: what could not be stated, a sentence each.
    carried: the tables whose rows were not read, but known from the log. compared: what was known of those that were read too,
    and what was read
    """

    position: Position
    taken_at: datetime
    facts: list[Fact]
    lock_seconds: float
    lock_attempts: int
    form: Form = PLAIN
    limits: tuple[str, ...] = ()
    carried: frozenset[str] = frozenset()
    compared: Mapping[str, tuple[Counted, Counted]] = field(default_factory=dict)


class Carrier(Protocol):
    """Knows from the log what some tables hold at an instant, so that they need not be read.

    form: how that was measured; when it is not as the witness is, every table is read, and measured in both ways
    """

    @property
    def form(self) -> Form:
        """How its values were measured."""
        ...

    def carry(self, session: Session, position: Position, found: Catalogue, definitions: Mapping[str, str]) -> "Carried":
        """Say what is known at `position`. session: shows the source's catalogue as it is there; definitions: by table."""
        ...


@dataclass(frozen=True)
class Carried:
    """What is known of tables, by their subjects; those of `due` are read nevertheless, to be compared; later: what is not."""

    values: Mapping[str, Counted] = field(default_factory=dict)
    due: frozenset[str] = frozenset()
    later: "Later | None" = None


@dataclass(frozen=True)
class Later:
    """What this machine can find out about tables while the source is read, which need not be read when that is done.

    find: returns all that is known then, of other tables, too; it calls what it is given now and then, and ends when that raises
    """

    tables: frozenset[str]
    find: Callable[[Callable[[], object]], Carried]


def take(
    connect: Callable[[], Session],
    *,
    connections: int,
    say: Callable[[str], None],
    form: Form = OF_ROWS,
    carrier: Carrier | None = None,
    inside: Callable[[Session], None] | None = None,
) -> Witnessed:
    """Take the witness of a source that is being written to. `connections`: how many sessions read tables side by side.

    form: how rows are hashed; what else is stated is added. carrier: knows some tables from the log; without one, all are read
    inside: does something else in the snapshot, last of all; it must not raise

    Raises Transient when the read lock is not to be had, LifeboatError when an answer cannot be trusted; pymysql's errors pass.
    However it ends, it leaves no lock, snapshot or running statement at the source.
    """
    attempts = 0
    for number in range(1, _ROUNDS_WITH_DDL + 2):
        hold = number > _ROUNDS_WITH_DDL
        try:
            witnessed = _round(connect, connections, say, form, carrier, inside, hold=hold)
        except ChangedMeanwhile as change:
            attempts += change.lock_attempts
            if hold:
                raise LifeboatError(
                    f"the source's tables changed although the instance lock was held: {change}",
                    hint="try again; a server whose DDL ignores LOCK INSTANCE FOR BACKUP cannot be witnessed",
                ) from change
            say(f"{change} while the witness was taken: taking it anew" + (", DDL waits" if number == _ROUNDS_WITH_DDL else ""))
        else:
            attempts += witnessed.lock_attempts
            return replace(witnessed, lock_attempts=attempts)
    raise AssertionError("the last round returns or raises")


def observe(
    connect: Callable[[], Session],
    *,
    connections: int,
    form: Form = PLAIN,
    stated: Sequence[Fact] = (),
    reading: Callable[[Catalogue], Catalogue] = lambda found: found,
) -> list[Fact]:
    """State the same facts of a copy that nobody writes to, without those of our own account there.

    form: how the witness was measured. stated: its facts, which say what indexes are to be asked
    reading: says how columns are read, of a newer server that keeps something of them otherwise
    """
    with sessions.sessions(connect, connections) as opened:
        first = opened[0]
        for session in opened:
            rows(session, "START TRANSACTION READ ONLY")
        (account,) = rows(first, "SELECT CURRENT_USER()")[0]
        found = reading(catalogue.read(first, of_users=kinds.GUESTS in form.kinds))
        facts = definitions_of(first, opened, found, connect, form, without=str(account))
        facts += kinds.stated(first, form.kinds)[0]
        facts += data_of(opened, found, connect, form)
        if kinds.PROBES in form.kinds:
            asked = sessions.in_parallel(
                lambda session, index: probes.on_copy(session, index, stated),
                probes.indexes(first, SYSTEM_DATABASES),
                over=opened,
                connect=connect,
            )
            facts += sorted(fact for answers in asked for fact in answers)
        return facts


def _round(
    connect: Callable[[], Session],
    connections: int,
    say: Callable[[str], None],
    hashed: Form,
    carrier: Carrier | None,
    inside: Callable[[Session], None] | None,
    *,
    hold: bool,
) -> Witnessed:
    with sessions.sessions(connect, connections + 2) as opened:
        control, guard, *readers = opened
        instant = freeze(control, guard, readers, say)
        control.close()
        # The server's dictionary knows no snapshots: while it is read, the instance lock keeps it as it was at the instant.
        found = catalogue.read(guard, of_users=True)
        more, known, limits = kinds.stated(guard)
        form = hashed.model_copy(update={"accounts": "stored", "kinds": (*known, kinds.COUNTERS, kinds.PROBES)})
        facts = definitions_of(guard, readers, found, connect, form) + more
        limits += [_NOT_LOADED.format(account=account) for account in grants.not_loaded(guard)]
        indexes = probes.indexes(guard, SYSTEM_DATABASES)
        if not hold:
            thaw(guard)
        try:
            keep_alive: Callable[[], object] = lambda: guard.ping(reconnect=False)  # noqa: E731
            carried = Carried()
            if carrier:
                defined = {fact.subject: str(fact.value) for fact in facts if fact.metric == "definition"}
                carried = carrier.carry(guard, instant.position, found, defined)
            earlier = carrier.form if carrier and carrier.form.row_secret != form.row_secret else None
            read = partial(data_of, readers, connect=connect, form=form, meanwhile=keep_alive, earlier=earlier)
            rows_read, carried = _read(found, carried, read, keep_alive)
            facts += rows_read
            answers = sessions.in_parallel(probes.at_source, indexes, over=readers, connect=connect, meanwhile=keep_alive)
            _require_unchanged(guard, found)
        except ChangedMeanwhile as change:
            change.lock_attempts = instant.lock_attempts
            raise
        if inside:
            if hold:
                thaw(guard)
            inside(readers[0])
        facts += sorted(fact for answer in answers for fact in answer)
        limits += [_NOT_ASKED.format(index=index.subject) for index in _silent(indexes, facts)]
        measured = {fact.subject: fact.value for fact in facts if fact.metric == (EARLIER if earlier else "fingerprint")}
        rows_of = {fact.subject: fact.value for fact in facts if fact.metric == "rows"}
        compared = {
            about: (value, (int(str(rows_of[about])), str(measured[about])))
            for about, value in carried.values.items()
            if about in carried.due and about in measured
        }
        facts = [fact for fact in facts if fact.metric != EARLIER]
        return Witnessed(
            *(instant.position, instant.at, facts, instant.lock_seconds, instant.lock_attempts, form, tuple(limits)),
            carried=frozenset(_trusted(carried)),
            compared=compared,
        )


def _read(
    found: Catalogue, carried: Carried, read: Callable[..., list[Fact]], meanwhile: Callable[[], object]
) -> tuple[list[Fact], Carried]:
    """State what the tables hold: those that have to be read while this machine finds out about others, then the others.

    Returns the facts, and all that is known.
    """
    if carried.later is None:
        return read(found, known=_trusted(carried)), carried
    waiting = carried.later.tables - carried.due
    first, then = (
        replace(found, tables=tuple(each for each in found.tables if (about_table(each) in waiting) == wait))
        for wait in (False, True)
    )
    ended = threading.Event()

    def go_on() -> None:
        if ended.is_set():
            raise LifeboatError("nobody wants to know any more", hint="see the error that came before")

    with parallel.beside(partial(carried.later.find, go_on), end=ended.set, meanwhile=meanwhile) as known:
        facts = read(first, known=_trusted(carried))
        carried = known()
    return sorted(facts + read(then, known=_trusted(carried))), carried


def _trusted(carried: Carried) -> dict[str, Counted]:
    return {about: value for about, value in carried.values.items() if about not in carried.due}


def _silent(indexes: Sequence[probes.Index], facts: Sequence[Fact]) -> list[probes.Index]:
    """Return the indexes of tables with rows that nothing is stated of."""
    answered = {fact.subject for fact in facts}
    filled = {fact.subject for fact in facts if fact.metric == "rows" and fact.value}
    return [
        index for index in indexes if index.subject not in answered and definitions.subject(index.schema, index.table) in filled
    ]


def _require_unchanged(session: Session, found: Catalogue) -> None:
    if not found.still_holds(catalogue.read(session, of_users=True)):
        raise ChangedMeanwhile("a table was altered, renamed or dropped")


def definitions_of(
    session: Session,
    side_by_side: Sequence[Session],
    found: Catalogue,
    connect: Callable[[], Session],
    form: Form = PLAIN,
    *,
    without: str | None = None,
) -> list[Fact]:
    """State everything that is not rows, but for what `kinds.py` states."""
    tables = sessions.in_parallel(definitions.table_definition, found.tables, over=side_by_side, connect=connect)
    return sorted(tables) + definitions.read(session, found, form, without=without)
