"""A MySQL server brought back from a chain: the clone as its data directory, the log replayed, the witness's facts observed.

Next files: `logchain.py` (the log put together), `replay.py` (the log replayed), `drilling.py` (what only a drill does).
"""

import os
import time
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import pymysql.err
from pydantic import ValidationError

from backups import disk
from backups.containers import Container, Image
from backups.errors import Damaged, LifeboatError, Transient
from backups.services.base import Delivery, Fetched, Point, Sandbox
from backups.services.mysql import definitions, events, fingerprint, lasting, logchain, onward, options, tables, witness
from backups.services.mysql.connection import Session, connect_socket, rows
from backups.services.mysql.details import DATADIR, MySQLDetails
from backups.services.mysql.drilling import RELAXED, Account
from backups.services.mysql.lasting import DURABLE, USER
from backups.services.mysql.logchain import RelayLog
from backups.services.mysql.onward import Onward
from backups.services.mysql.options import HOME, SOCKET
from backups.services.mysql.replay import CHANNEL, Replay, relay_base
from backups.services.mysql.settings import MySQLSettings
from backups.witness import Fact

_T = TypeVar("_T")
_PATIENCE = 1800.0
"""Seconds for a server to recover its data and take connections."""
_ACCESS_DENIED = 1045
_SOCKET_PATH_LIMIT = 100
_HINT = "verify an older backup; the image must be of the source's version"


class MySQLCopy:
    """See `base.Copy`."""

    def __init__(
        self, name: str, settings: MySQLSettings, chain: Sequence[Fetched], sandbox: Sandbox, *, lasting: bool = False
    ) -> None:
        self._name = name
        self._settings = settings
        self._chain = chain
        self._sandbox = sandbox
        self._last = chain[-1].manifest
        self._account = Account.random()
        self._home = sandbox.directory / f"{name}-server"
        self._details: MySQLDetails
        self._image: Image
        self._container: Container
        self._logs: list[RelayLog] = []
        self._lasting = lasting
        self._kept: RelayLog | None = None
        self._notes: list[str] = []

    def assemble(self) -> None:
        """Move the clone to where the server looks for it, and put the chain's log together."""
        self._image = self._sandbox.image(self._last.source.image)
        details = [_details(fetched) for fetched in self._chain]
        self._details = details[-1]
        clone = self._chain[0].data / DATADIR
        if not clone.is_dir():
            raise Damaged(f"backup {self._chain[0].manifest.id} holds no {DATADIR}/, which its chain begins with", hint=_HINT)
        self._home.mkdir(mode=0o711)
        for directory in ("run", "relay"):
            (self._home / directory).mkdir(mode=0o755)
        clone.rename(self._home / DATADIR)
        relay, base = self._home / "relay", relay_base(CHANNEL)
        self._logs = list(logchain.place(logchain.link(self._chain, details), relay, base))
        (relay / f"{base}.index").write_text("".join(f"{HOME}/relay/{log.name}\n" for log in self._logs))
        self._kept = onward.keep(relay, self._logs)
        account = self._home / "account.sql"
        account.touch(mode=0o600)
        account.write_text(self._account.sql())
        self._memory = options.buffer_pool(disk.tree_size(self._home / DATADIR))
        self._sandbox.own(self._home, USER, USER, self._image)

    def start(self) -> None:
        """Start the server on the clone, recover, and forget whatever the source replicated from."""
        self._container = self._sandbox.run(
            self._name,
            self._image,
            entrypoint=["mysqld"],
            command=options.options(self._details, memory=self._memory, more=DURABLE if self._lasting else RELAXED),
            mounts={self._home: HOME, self._home / DATADIR: "/var/lib/mysql"},
            user=f"{USER}:{USER}",
        )
        deadline = time.monotonic() + _PATIENCE
        while (refused := self._refused()) is not None:
            if not self._container.running():
                raise Damaged(f"the server ended on the restored data: {self._last_words()}", hint=_HINT)
            if time.monotonic() > deadline:
                raise Damaged(
                    f"the server takes no connection {_PATIENCE:.0f} s after its start ({refused}): {self._last_words()}",
                    hint=_HINT,
                )
            time.sleep(0.05)

        def forget(session: Session) -> None:
            if source := lasting.followed(session):
                self._notes.append(f"the source followed {source}: what is restored follows nobody")
            self._replay(session).forget_channels()

        self._asked(forget)

    def replay(self) -> None:
        """Replay the log to the witness's position; then let nobody write any more."""

        def bring_forward(session: Session) -> None:
            with lasting.hurried(session, lasting=self._lasting):
                self._replay(session).run()
            events.restore_statuses(session, self._last.witness)
            rows(session, "SET GLOBAL read_only = ON")

        self._asked(bring_forward)

    def first_answer(self) -> None:
        """Count the rows of the smallest table that has any, and compare."""
        counts = [fact for fact in self._last.witness if fact.metric == "rows" and isinstance(fact.value, int)]
        filled = [fact for fact in counts if fact.value] or counts
        if not filled:
            self._asked(lambda session: rows(session, "SELECT 1"))
            return
        fact = min(filled, key=lambda fact: (fact.value, fact.subject))
        schema, table = definitions.table_names(fact.subject)
        statement = f"SELECT COUNT(*) FROM {fingerprint.quoted(schema)}.{fingerprint.quoted(table)}"  # noqa: S608 -- quoted
        found = self._asked(lambda session: rows(session, statement))[0][0]
        if found != fact.value:
            raise Damaged(
                f"the first answer is wrong: {fact.subject} has {found} rows, the witness counted {fact.value}",
                hint="the checks show what else differs; verify an older backup",
            )

    def observe(self) -> Iterable[Fact]:
        """The witness's facts, measured on the copy."""
        try:
            return witness.observe(self._connect, connections=options.processors())
        except pymysql.err.MySQLError as error:
            raise self._broken(error) from error

    def database_url(self, database: str) -> str:
        """An URL that SQLAlchemy opens by the server's socket."""
        path = self._home / "run" / SOCKET
        if len(str(path)) > _SOCKET_PATH_LIMIT:
            # A socket's address holds 107 bytes; the handle stays open as long as somebody may use the address.
            handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            path = Path(f"/proc/{os.getpid()}/fd/{handle}/{SOCKET}")
        password, where, name = (urllib.parse.quote(text, safe="") for text in (self._account.password, str(path), database))
        # SQLAlchemy decodes what stands behind the question mark, but not a database's name before it.
        return f"mysql+pymysql://{self._account.user}:{password}@localhost/?database={name}&unix_socket={where}&charset=utf8mb4"

    def advance(self, log: Fetched, point: Point) -> str:
        """See `Copy.advance`. A time means all that was committed at or before it, to the microsecond, by the source's clock."""
        way = Onward(self._chain, self._details, log, _details(log), point)
        stop = self._asked(way.find)
        if stop.last is not None:
            if self._kept is None:
                raise AssertionError("a chain has a log, since a full begins a file of it")
            relay = self._home / "relay"
            # The server owns its relay logs; nobody uses them between two replays.
            self._sandbox.own(relay, os.geteuid(), os.getegid(), self._image)
            logs = way.place(relay, self._kept, stop)
            self._sandbox.own(relay, USER, USER, self._image)

            def go_on(session: Session) -> None:
                with lasting.hurried(session, lasting=self._lasting):
                    way.replay(session, logs, stop)
                self._notes += events.settle_statuses(session, self._last.witness, log.manifest.witness)

            self._asked(go_on)
        return onward.told(stop)

    def settle(self) -> Delivery:
        """See `Copy.settle`."""
        if not self._lasting:
            raise AssertionError("only a lasting copy is handed over")
        notes = self._asked(lambda session: list(lasting.end(session, self._account, self._container, self._last_words)))
        datadir = self._home / DATADIR
        if os.geteuid():
            self._sandbox.own(datadir, os.geteuid(), os.getegid(), self._image)
        lasting.clear(datadir)
        return lasting.delivery(datadir, self._last, self._details, [*self._notes, *notes])

    def export(self, names: Sequence[str], into: Path) -> list[Path]:
        """Write a file of SQL for each of these tables (`database.table`) into a directory; see `tables.export`."""
        return self._asked(lambda session: tables.export(session, names, into))

    def _replay(self, session: Session) -> Replay:
        return Replay(session, self._logs, self._details.end)

    def _connect(self) -> Session:
        return connect_socket(self._home / "run" / SOCKET, self._account.user, self._account.password)

    def _refused(self) -> str | None:
        """Why the server takes no connection yet; None when it does."""
        try:
            self._connect().close()
        except Transient as error:
            cause = error.__cause__
            if isinstance(cause, pymysql.err.OperationalError) and cause.args[0] == _ACCESS_DENIED:
                raise LifeboatError(
                    f"the copy's server did not make the account that it is asked by: {self._last_words()}",
                    hint="a plugin of the source that checks passwords may forbid it; this is a bug in Lifeboat",
                ) from error
            return error.message
        return None

    def _asked(self, question: Callable[[Session], _T]) -> _T:
        try:
            with self._connect() as session:
                return question(session)
        except pymysql.err.MySQLError as error:
            raise self._broken(error) from error

    def _last_words(self) -> str:
        """What the server said of its trouble: its errors, or its last lines; a stack trace after them says nothing."""
        lines = [line.strip() for line in self._container.logs(300).splitlines() if line.strip()]
        return " | ".join([line for line in lines if "[ERROR]" in line or "mysqld got signal" in line][-4:] or lines[-4:])

    def _broken(self, error: pymysql.err.MySQLError) -> Damaged:
        words = " ".join(str(argument) for argument in error.args)
        state = "" if self._container.running() else f"; the server has ended: {self._last_words()}"
        return Damaged(f"the restored server answers with an error: {words}{state}", hint=_HINT)


def _details(fetched: Fetched) -> MySQLDetails:
    try:
        return MySQLDetails.model_validate(fetched.manifest.details)
    except ValidationError as error:
        first = error.errors()[0]
        raise Damaged(
            f"the manifest of {fetched.manifest.id} is not a MySQL backup's: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            hint="was it written by a newer Lifeboat?",
        ) from error
