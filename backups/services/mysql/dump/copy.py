"""Brings a server back from a dump: loads the SQL into a new, empty one of the source's version, measures the witness's facts.

Next files: `../dump_details.py` (which files there are), `load.py` (how one is loaded).
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from backups.errors import Damaged, LifeboatError
from backups.machine import below
from backups.machine.docker import Container, Image
from backups.manifest import details_of
from backups.panels.boards import DataSource
from backups.panels.question import Asker
from backups.panels.sql import fit
from backups.places.base import Ownership
from backups.services.base import Delivery, Fetched, Sandbox
from backups.services.joined import Lent
from backups.services.mysql.copy import export_tables, hand_over, options, trace, upgrade
from backups.services.mysql.copy.first_answer import first_answer
from backups.services.mysql.copy.for_drill import RELAXED, Account
from backups.services.mysql.copy.lend import admits, lend
from backups.services.mysql.copy.opened import Opened
from backups.services.mysql.copy.options import network, processors
from backups.services.mysql.copy.server import HINT, Server, connect
from backups.services.mysql.copy.zone_file import zone_file
from backups.services.mysql.details import DATADIR
from backups.services.mysql.dump import load
from backups.services.mysql.dump.capture import without_reserved
from backups.services.mysql.dump_details import ACCOUNTS, DEFINITIONS, DUMP, GRANTS, DumpDetails
from backups.services.mysql.first_start import BESIDE, PORT, RowsStay
from backups.services.mysql.panels.asker import asking
from backups.services.mysql.panels.standing import as_source
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import command_line
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.variables import copy_value
from backups.services.mysql.text import one_line
from backups.services.mysql.upgrades import END_OF_TIME
from backups.services.mysql.witness import accounts, definitions, witness
from backups.services.mysql.witness.data import PLAIN
from backups.services.standing import Stand
from backups.services.traced import Rows, Trace
from backups.services.upgraded import Step
from backups.witness import Check, Fact

_USER = 999
"""The user and group `mysql` of the official images."""
_ENDING = 3600
"""Seconds for a server to write what it has in memory."""
_INSIDE = "/var/lib/mysql"


class DumpedCopy:
    """Brings a dump back; see `base.Copy`."""

    def __init__(
        self, name: str, settings: MySQLSettings, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False
    ) -> None:
        self._name = name
        self._settings = settings
        self._fetched = chain[-1]
        self._sandbox = sandbox
        self._for_restore = for_restore
        self._account = Account.random()
        self._home = sandbox.directory / f"{name}-server"
        self._details: DumpDetails
        self._image: Image
        self._server: Server
        self._refused: list[Fact] = []
        self._stand: Stand | None = None
        self._accounts = upgrade.Accounts()
        self._next = ""
        self._made: Step | None = None

    def stand(self, stand: Stand) -> None:
        """See `Stands`."""
        self._stand = stand

    def admits(self, user: str) -> Sequence[str]:
        """See `Stands`."""
        return admits(self._server, user)

    def assemble(self) -> None:
        """Initialise an empty data directory, and move the files there that will be loaded."""
        manifest = self._fetched.manifest
        self._image = self._sandbox.image(manifest.source.image)
        self._details = details_of(manifest, DumpDetails, "a dump")
        command_line.require(self._details, manifest.id)
        dump = self._fetched.data / DUMP
        missing = [name for stage in self._details.stages for name in stage if not (dump / name).is_file()]
        if missing:
            raise Damaged(f"backup {manifest.id} lacks {DUMP}/{missing[0]}, which its manifest names", hint=HINT)
        self._home.mkdir()
        for directory in ("run", DATADIR):
            (self._home / directory).mkdir()
            (self._home / directory).chmod(0o755)
        # By chmod, whatever the umask: who is not root reaches the socket of a server that runs as another user.
        self._home.chmod(0o711)
        dump.rename(self._home / DUMP)
        if self._details.zone:
            (self._home / options.ZONE).write_bytes(zone_file(self._details.zone))
        for name, text in (("account.sql", self._account_sql()), ("password", self._account.password)):
            (self._home / name).touch(mode=0o600)
            (self._home / name).write_text(text)
        # The home itself stays ours: a server cannot put anything in the place of what is in it.
        self._sandbox.own(self._home, _USER, _USER, self._image, within=True)
        self._initialise()

    def start(self) -> None:
        """Start the empty server and wait until it takes connections."""
        self._begin("")

    def _begin(self, suffix: str, seconds: float | None = None) -> None:
        command = [*self._options(), f"--init-file={load.HOME}/account.sql"]
        container = self._run(suffix, "server", command, beside=self._stand.pod if self._stand else None)
        self._server = Server(container, self._home, self._account)
        self._server.wait_until_ready(seconds)

    def replay(self) -> None:
        """Load the dump, and then let nobody write any more."""
        self._server.run(self._forget_accounts)
        if self._details.mariadb:
            # Rows that were written while nothing checked them are in the source: they are taken here too.
            self._server.run(lambda session: rows(session, "SET GLOBAL check_constraint_checks = OFF"))
        for stage in self._details.stages:
            self._load(stage)
        self._server.run(lambda session: rows(session, "SET GLOBAL read_only = ON"))
        if self._stand:
            self._server.run(lambda session: as_source(session, self._details.answering))

    def _load(self, stage: Sequence[str]) -> None:
        """Load the files of one stage. What the server refuses of definitions does not keep it from the rest, and is told."""
        refused = load.load(
            self._sandbox,
            self._image,
            self._name,
            self._home,
            stage,
            self._account.user,
            # Rows of a table that was refused are refused too; else nothing of them may be.
            force=set(stage) <= DEFINITIONS or bool(self._refused),
        )
        # Whether accounts lack anything, their own facts say: a grant is tried twice, and some need what comes later.
        self._refused.extend(fact for fact in refused if fact.subject not in (f"{DUMP}/{ACCOUNTS}", f"{DUMP}/{GRANTS}"))

    def first_answer(self) -> None:
        """Count the rows of the smallest table that has any, and compare."""
        first_answer(self._server, self._fetched.manifest.witness)

    def observe(self) -> Iterable[Fact]:
        """Measure the witness's facts on the copy."""
        later = self._made is not None and self._details.mariadb and self._made.passes(END_OF_TIME)
        reading = upgrade.before_2106 if later else lambda found: found
        with self._server.errors_explained():
            observed = witness.observe(self._server.connect, connections=processors(), reading=reading)
        return [*without_reserved(observed), *self._refused]

    def rows(self) -> AbstractContextManager[Rows]:
        """See `HasRows.rows`."""
        return trace.opened(self._server)

    def trace(self, checks: Sequence[Check], other: Rows, *, exactly: bool, seconds: float, values: bool) -> list[Trace]:
        """See `Traced.trace`."""
        with self.rows() as own:
            return trace.trace(own, other, checks, PLAIN, exactly=exactly, seconds=seconds, values=values)

    def opened(self) -> Opened:
        """See `HasServer`."""
        details = self._details
        return Opened(
            self._server,
            self._image,
            mariadb=details.mariadb,
            variables=details.variables,
            settings=[f"{name}={copy_value(name, value)}" for name, value in details.variables.items()],
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
        answering, seconds = self._details.answering, fit.COPY_SECONDS
        with self._server.errors_explained(), asking(self._server.connect, sources, answering, seconds) as opened:
            yield opened

    def settle(self) -> Delivery:
        """Remove our account, end the server in order, and hand its data directory over."""
        if not self._for_restore:
            raise AssertionError("only a copy for a restore is handed over")
        self._server.run(lambda session: rows(session, f"DROP USER '{self._account.user}'@'localhost'"))
        self._server.container.stop(_ENDING)
        code = self._server.container.wait()
        if code:
            raise Damaged(f"the loaded server did not end in order (exit code {code}): {self._server.error_log()}", hint=HINT)
        hand_over.remove_sandbox_files(self._home / DATADIR)
        below.require_plain(self._home / DATADIR, "the restored data")
        settings = [f"{name}={copy_value(name, value)}" for name, value in self._details.variables.items()]
        version = self._fetched.manifest.source.version
        notes = [
            f"start {'MariaDB' if self._details.mariadb else 'MySQL'} {version} on it, or a later one of its series",
            f"as on the source, set: {' '.join(settings)}",
            "accounts, passwords and grants are those of the source at that moment",
            "it was loaded from a dump: its binary log begins anew, so replicas of the old server are to be made anew",
            "not in a dump: other settings of the old server (SET PERSIST, components, plugins, resource groups, time zones)",
            *(f"the server refused a statement of {fact.subject}: {fact.value}" for fact in self._refused),
        ]
        events = any(fact.metric == definitions.EVENT_STATUS for fact in self._fetched.manifest.witness)
        if events:
            notes.append("its events run as they did on the source once a server starts with event_scheduler=ON")
        owner = Ownership("mysql:mysql", _USER, _USER)
        first_start = RowsStay(self._fetched.manifest.witness, events=events)
        return Delivery(
            self._home / DATADIR,
            owner,
            _INSIDE,
            notes=notes,
            options=[f"--{setting}" for setting in settings],
            port=PORT,
            first_start=first_start,
            beside=BESIDE if events else None,
        )

    def end(self) -> None:
        """See `UpgradableCopy.end`."""
        self._accounts = upgrade.end(self._server, self._account.name, mariadb=self._details.mariadb)

    def run_on(self, image: Image, made: Step | None, seconds: float | None = None) -> None:
        """See `UpgradableCopy.run_on`: MariaDB's system tables are brought up to its version by a program of its own."""
        self._image, self._next, self._made = image, f"{self._next}-next", made
        self._begin(self._next, seconds)
        if made and self._details.mariadb:
            mounts = {self._home: load.HOME, self._home / DATADIR: _INSIDE}
            load.upgrade(self._sandbox, image, self._name + self._next, mounts, self._account.user)
        self._server.run(lambda session: rows(session, "SET GLOBAL read_only = ON"))

    def upgraded(self) -> tuple[Sequence[Fact], Sequence[Check]]:
        """See `UpgradableCopy.upgraded`."""
        mariadb = self._details.mariadb
        after = self._server.run(lambda session: upgrade.Accounts.of(session, self._account.name, mariadb=mariadb))
        return upgrade.compared(list(self.observe()), self._fetched.manifest.witness, self._accounts, after)

    def export(self, names: Sequence[str], into: Path) -> list[Path]:
        """Write single tables as files of SQL; see `../copy/export_tables.py`."""
        return self._server.run(lambda session: export_tables.export(session, names, into))

    def _initialise(self) -> None:
        made = self._run("-initialise", "initialise", self._variables())
        while made.running():
            time.sleep(0.1)
        if code := made.wait():
            output = one_line(made.logs(10), 500)
            raise LifeboatError(
                f"image {self._image.name} cannot make an empty data directory (exit code {code}): {output}",
                hint="is it an image of the source's version?",
            )

    def _run(self, suffix: str, what: str, command: Sequence[str], *, beside: Container | None = None) -> Container:
        mounts = {self._home: load.HOME, self._home / DATADIR: _INSIDE}
        shell = ["sh", "-c", load.SCRIPTS[what], what]
        user = f"{_USER}:{_USER}"
        return self._sandbox.run(
            self._name + suffix,
            self._image,
            entrypoint=shell,
            command=list(command),
            environment=options.environment(self._details),
            mounts=mounts,
            user=user,
            beside=beside,
        )

    def _account_sql(self) -> str:
        sql = self._account.sql()
        return sql.replace(" WITH caching_sha2_password", "") if self._details.mariadb else sql

    def _forget_accounts(self, session: Session) -> list[tuple[object, ...]]:
        """Drop the empty server's own accounts: all are to be the source's. Before, its root gives us PROXY to hand on."""
        with connect(self._home, "root", "") as root:
            anybody = "''@'%'" if self._details.mariadb else "''@''"
            rows(root, f"GRANT PROXY ON {anybody} TO '{self._account.user}'@'localhost' WITH GRANT OPTION")
        for user, host in rows(session, "SELECT user, host FROM mysql.user"):
            if f"{user}@{host}" not in accounts.RESERVED and user not in (self._account.user, "PUBLIC"):
                rows(session, "DROP USER %s@%s", [user, host])
        return []

    def _variables(self) -> list[str]:
        return [f"--loose-{name}={copy_value(name, value)}" for name, value in self._details.variables.items()]

    def _options(self) -> list[str]:
        """Return the options of a server that nobody can reach, and that need not survive a crash: the backup still has all."""
        return [
            # First: what a copy is kept in has the last word.
            *self._variables(),
            *(f"--plugin-load-add={library}" for library in self._details.plugins),
            *load.SERVER,
            *network(self._stand),
            *RELAXED,
            # A server that is handed over ends with clean files.
            *(["--innodb-fast-shutdown=1"] if self._for_restore else []),
        ]
