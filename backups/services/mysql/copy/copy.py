"""Brings a MySQL server back from a chain: starts it on the clone, replays the log, measures the witness's facts.

Next files: `server.py` (its server), `../binlog/chain.py` (the log put together), `replay.py` (the log replayed), `for_drill.py`
(what only a drill does), `advance.py` (a moment after the witness), `hand_over.py` (what is handed over), `export_tables.py`.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from backups.errors import Damaged
from backups.machine import below, disk
from backups.machine.docker import Image
from backups.panels.boards import DataSource
from backups.panels.question import Asker
from backups.panels.sql import fit
from backups.services.base import Delivery, Fetched, Point, Sandbox
from backups.services.continuous import Advanced, Expected
from backups.services.inspected import Inspection
from backups.services.joined import Lent
from backups.services.mysql.binlog import chain as log_chain
from backups.services.mysql.binlog import in_place
from backups.services.mysql.binlog.chain import RelayLog
from backups.services.mysql.binlog.coverage import log_details
from backups.services.mysql.copy import (
    advance,
    at_moment,
    events,
    export_tables,
    hand_over,
    home,
    inspect,
    installed,
    options,
    trace,
    upgrade,
)  # fmt: skip
from backups.services.mysql.copy.advance import RELAY, Advance
from backups.services.mysql.copy.first_answer import first_answer
from backups.services.mysql.copy.for_drill import RELAXED, Account
from backups.services.mysql.copy.hand_over import DURABLE, USER
from backups.services.mysql.copy.lend import admits, lend
from backups.services.mysql.copy.opened import Opened
from backups.services.mysql.copy.options import HOME
from backups.services.mysql.copy.replay import CHANNEL, Replay, relay_base
from backups.services.mysql.copy.server import HINT, Ended, Server
from backups.services.mysql.details import DATADIR, MySQLDetails, Position
from backups.services.mysql.panels.asker import asking
from backups.services.mysql.panels.standing import as_source
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.witness import witness
from backups.services.standing import Stand
from backups.services.traced import Rows, Trace
from backups.services.upgraded import Step
from backups.witness import Check, Fact


class MySQLCopy:
    """Brings a clone and its log back; see `base.Copy`."""

    def __init__(
        self, name: str, settings: MySQLSettings, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False
    ) -> None:
        self._name = name
        self._settings = settings
        self._chain = chain
        self._sandbox = sandbox
        self._last = chain[-1].manifest
        self._account = Account.random()
        self._title = name
        self._home = sandbox.directory / f"{name}-server"
        self._placed = sandbox.directory / f"{name}-placed"
        self._details: MySQLDetails
        self._all_details: list[MySQLDetails]
        self._image: Image
        self._server: Server
        self._logs: list[RelayLog] = []
        self._for_restore = for_restore
        self._kept: RelayLog | None = None
        self._at: Position
        self._beyond = False
        self._notes: list[str] = []
        self._later: MySQLDetails | None = None
        self._stated = self._last.witness
        self._stand: Stand | None = None
        self._accounts = upgrade.Accounts()

    def stand(self, stand: Stand) -> None:
        """See `Stands`."""
        self._stand = stand

    def admits(self, user: str) -> Sequence[str]:
        """See `Stands`."""
        return admits(self._server, user)

    def assemble(self) -> None:
        """Move the clone to where the server looks for it, and put the chain's log together."""
        self._image = self._sandbox.image(self._last.source.image)
        self._all_details = details = [log_details(fetched.manifest) for fetched in self._chain]
        self._details = details[-1]
        clone = self._chain[0].data / DATADIR
        if clone.is_symlink() or not clone.is_dir():
            raise Damaged(f"backup {self._chain[0].manifest.id} holds no {DATADIR}/, which its chain begins with", hint=HINT)
        hand_over.require_data_only(clone, self._chain[0].manifest.id)
        home.make(self._home, self._details.zone, self._account)
        clone.rename(self._home / DATADIR)
        self._placed.mkdir(mode=0o700)
        base = relay_base(CHANNEL)
        self._logs = list(log_chain.place(log_chain.log_files(self._chain, details), self._placed, base))
        in_place.require(self._placed, self._logs)
        (self._placed / f"{base}.index").write_text("".join(f"{HOME}/{RELAY}/{log.name}\n" for log in self._logs))
        self._kept = advance.hand_in(self._placed, self._home, self._logs)
        self._memory = options.buffer_pool(disk.tree_size(self._home / DATADIR))
        self._sandbox.own(self._home, USER, USER, self._image, within=True)

    def start(self) -> None:
        """Start the server on the clone, wait until it has recovered, and drop the replication channels of the source."""
        self._start_known()

        def forget(session: Session) -> None:
            upgrade.require_same_series(session, self._image, self._last.source.version)
            if source := hand_over.replication_source(session):
                self._notes.append(f"the source followed {source}: what is restored follows nobody")
            self._replay(session).forget_channels()

        self._server.run(forget)

    def _start_known(self, seconds: float | None = None) -> None:
        """Start the server, without the variables that Lifeboat does not know where it does not start with them."""
        try:
            self._start_server(unknown=True, seconds=seconds)
        except Ended:
            if not self._details.unknown:
                raise
            # One of the variables that Lifeboat does not know may be what it did not start with.
            self._server.container.remove()
            self._start_server(unknown=False, seconds=seconds)
            listed = ", ".join(self._details.unknown)
            self._notes.append(f"the copy's server did not start with settings that Lifeboat does not know: {listed}")

    def _start_server(self, *, unknown: bool, seconds: float | None = None) -> None:
        container = self._sandbox.run(
            self._title,
            self._image,
            entrypoint=["mysqld"],
            command=options.options(
                self._all_details,
                memory=self._memory,
                more=DURABLE if self._for_restore else RELAXED,
                unknown=unknown,
                stand=self._stand,
            ),
            environment=options.environment(self._details),
            mounts={self._home: HOME, self._home / DATADIR: "/var/lib/mysql"},
            user=f"{USER}:{USER}",
            beside=self._stand.pod if self._stand else None,
        )
        self._server = Server(container, self._home, self._account)
        self._server.wait_until_ready(seconds)

    def replay(self) -> None:
        """Replay the log to the witness's position; then let nobody write any more."""

        def bring_forward(session: Session) -> None:
            self._notes += installed.install(session, self._all_details)
            with hand_over.without_sync(session, for_restore=self._for_restore):
                self._replay(session).run()
            events.restore_statuses(session, self._last.witness)
            installed.settle(session, self._all_details)
            # What the log did to the grant tables by hand (DML), a restored server obeys from its start on.
            rows(session, "FLUSH PRIVILEGES")
            rows(session, "SET GLOBAL read_only = ON")
            if self._stand:
                as_source(session, self._details.answering)

        self._server.run(bring_forward)

    def first_answer(self) -> None:
        """Count the rows of the smallest table that has any, and compare."""
        first_answer(self._server, self._last.witness)

    def observe(self) -> Iterable[Fact]:
        """Measure the witness's facts on the copy."""
        with self._server.errors_explained():
            return witness.observe(
                self._server.connect,
                connections=options.processors(),
                form=(self._later or self._details).form,
                stated=self._stated,
            )

    def inspect(self, seconds: float) -> Inspection:
        """Have the server check every table and index; see `Inspected.inspect`."""
        with self._server.errors_explained():
            return inspect.inspect(self._server.connect, connections=options.processors(), seconds=seconds)

    def rows(self) -> AbstractContextManager[Rows]:
        """See `HasRows.rows`."""
        return trace.opened(self._server)

    def trace(self, checks: Sequence[Check], other: Rows, *, exactly: bool, seconds: float, values: bool) -> list[Trace]:
        """See `Traced.trace`."""
        with self.rows() as own:
            return trace.trace(own, other, checks, self._details.form, exactly=exactly, seconds=seconds, values=values)

    def opened(self) -> Opened:
        """See `HasServer`."""
        details = self._later or self._details
        return Opened(
            self._server,
            self._image,
            mariadb=False,
            variables=details.variables,
            settings=hand_over.delivered_settings(details),
            plugins=details.plugins,
            environment=options.environment(details),
            zone=details.zone,
        )

    def database_url(self, database: str) -> str:
        """Return an URL that SQLAlchemy opens by the server's socket."""
        return self._server.url(database)

    def lend(self, backup: str) -> Lent:
        """See `Lends`."""
        return lend(self._server, self._account, backup)

    @contextmanager
    def asker(self, sources: tuple[DataSource, ...]) -> Iterator[Asker]:
        """Ask it as the source was asked, in the same time zone and SQL mode; see `PanelledCopy`."""
        answering = (self._later or self._details).answering
        seconds = fit.COPY_SECONDS
        with self._server.errors_explained(), asking(self._server.connect, sources, answering, seconds) as opened:
            yield opened

    def advance(self, log: Fetched, point: Point) -> Advanced:
        """See `ContinuousCopy.advance`. A time means all that was committed at or before it, by the source's clock."""
        later = log_details(log.manifest)
        path = Advance(self._chain, self._details, log, later)
        stop = self._server.run(lambda session: path.find(session, point))
        self._at, self._beyond = stop.position, True
        if stop.last is not None:
            logs = self._hand_in(lambda placed, kept: path.place(placed, kept, stop))

            def go_on(session: Session) -> None:
                self._notes += installed.install(session, [later])
                self._notes += installed.installed_later(self._all_details, later)
                with hand_over.without_sync(session, for_restore=self._for_restore):
                    path.replay(session, logs, stop)
                self._notes += events.settle_statuses(session, self._last.witness, log.manifest.witness)

            self._server.run(go_on)
        bound = stop.following or stop.last
        return Advanced(advance.describe(stop), stop.transactions, bound.time if bound else None)

    def expected(self, log: Fetched) -> Expected:
        """See `ContinuousCopy.expected`."""
        path = Advance(self._chain, self._details, log, log_details(log.manifest))
        cut = self._sandbox.directory / f"{self._name}-cut"
        try:
            pieces = path.up_to(self._at, cut)
            return at_moment.state(self._server, self._last, self._details, pieces, self._sandbox, self._image)
        finally:
            cut.unlink(missing_ok=True)

    def scanned(self, log: Fetched) -> Callable[[str], bool]:
        """See `ContinuousCopy.scanned`."""
        return at_moment.scanned(log_details(log.manifest))

    def reopen(self) -> None:
        """See `ContinuousCopy.reopen`. The second copy need not survive a crash."""
        first, self._home = self._home, self._sandbox.directory / f"{self._name}-second-server"
        self._title, self._account, self._for_restore = f"{self._name}-second", Account.random(), False
        home.make(self._home, self._details.zone, self._account)
        advance.copy_settled(first, self._home)
        self._sandbox.own(self._home, USER, USER, self._image, within=True)
        self.start()

    def advance_to_witness(self, log: Fetched) -> None:
        """See `ContinuousCopy.advance_to_witness`."""
        later = log_details(log.manifest)
        path = Advance(self._chain, self._details, log, later)
        logs = self._hand_in(lambda placed, kept: path.place_rest(placed, kept, self._at))

        def go_on(session: Session) -> None:
            with hand_over.without_sync(session, for_restore=self._for_restore):
                path.replay_rest(session, logs, self._at)
            events.restore_statuses(session, log.manifest.witness)

        self._server.run(go_on)
        # A full of another chain was measured with another secret.
        self._later, self._stated = later, log.manifest.witness

    def settle(self) -> Delivery:
        """See `Copy.settle`."""
        if not self._for_restore:
            raise AssertionError("only a copy for a restore is handed over")
        events = self._server.run(hand_over.enabled_events)
        notes = self._server.run(lambda session: list(hand_over.shut_down(session, self._account, self._server, events)))
        datadir = self._home / DATADIR
        if os.geteuid():
            self._sandbox.own(self._home, os.geteuid(), os.getegid(), self._image)
        hand_over.remove_sandbox_files(datadir)
        below.require_plain(datadir, "the restored data")
        every = [*self._notes, *notes]
        return hand_over.delivery(datadir, self._last, self._details, every, beyond=self._beyond, events=events > 0)

    def end(self) -> None:
        """See `UpgradableCopy.end`."""
        self._accounts = upgrade.end(self._server, self._account.name)

    def run_on(self, image: Image, made: Step | None, seconds: float | None = None) -> None:  # noqa: ARG002
        """See `UpgradableCopy.run_on`: its server upgrades the dictionary and the system tables before it takes connections."""
        self._image, self._title = image, f"{self._title}-next"
        self._start_known(seconds)
        self._server.run(lambda session: rows(session, "SET GLOBAL read_only = ON"))

    def upgraded(self) -> tuple[Sequence[Fact], Sequence[Check]]:
        """See `UpgradableCopy.upgraded`."""
        after = self._server.run(lambda session: upgrade.Accounts.of(session, self._account.name))
        return upgrade.compared(list(self.observe()), self._stated, self._accounts, after)

    def export(self, names: Sequence[str], into: Path) -> list[Path]:
        """Write a file of SQL for each of these tables (`database.table`) into a directory; see `export_tables.export`."""
        return self._server.run(lambda session: export_tables.export(session, names, into))

    def _hand_in(self, place: Callable[[Path, RelayLog], list[RelayLog]]) -> list[RelayLog]:
        """Have more log placed among the server's relay logs, and keep the last file again, in which what follows goes on."""
        if self._kept is None:
            raise AssertionError("a chain has a log, since a full begins a file of it")
        logs = place(self._placed, self._kept)
        # The server owns its relay logs; nobody uses them between two replays.
        self._sandbox.own(self._home / RELAY, os.geteuid(), os.getegid(), self._image)
        self._kept = advance.hand_in(self._placed, self._home, logs)
        self._sandbox.own(self._home / RELAY, USER, USER, self._image)
        return logs

    def _replay(self, session: Session) -> Replay:
        return Replay(session, self._logs, self._details.end)
