"""Knows what tables must hold by the log since the backup before: an incremental need not read them, a full compares them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from backups import plural
from backups.errors import ChainBroken, Damaged, LifeboatError
from backups.machine import disk, parallel
from backups.manifest import Manifest
from backups.services.base import Job
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import compared, foreign_keys, rotation
from backups.services.mysql.carry.decide import SHARE
from backups.services.mysql.carry.expected import Value, known_of, look, through
from backups.services.mysql.clone import recipient
from backups.services.mysql.details import Form, LogSegment, MySQLDetails, Position
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import Version
from backups.services.mysql.witness.catalogue import Catalogue
from backups.services.mysql.witness.definitions import subject
from backups.services.mysql.witness.witness import Carried, Later, Witnessed

OPTIONS = ("--gtid-mode=OFF", "--enforce-gtid-consistency=OFF", "--max-allowed-packet=1G", "--loose-sql-require-primary-key=OFF")
"""Of the throw-away server: rows that are of no transaction, of any length, in tables that have no key."""
_REASONS = 3
"""Reasons for scanning that are told."""


@dataclass(frozen=True)
class Proof:
    """How a witness came by its values, as a backup's details say it; see `MySQLDetails` and `Manifest.partial`."""

    carried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unlogged: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()


@dataclass
class Nightly:
    """The carrier of one backup. before: the last one before it; details: its; form: how it was measured.

    pull: pulls the log up to a position, into the job's directory, and returns all of it since `before`
    values: what was known of each table at the last instant, or why nothing was
    """

    job: Job
    settings: MySQLSettings
    seen: Source
    before: Manifest
    details: MySQLDetails
    form: Form
    pull: Callable[[Position], Sequence[LogSegment]]
    values: Mapping[str, Value | str] = field(default_factory=dict)
    _starting: Callable[[], AbstractContextManager[Session]] | None = field(default=None, init=False)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Within the block the throw-away server is started beside what else is done, for when rows are to be hashed."""
        with parallel.begun(self._started()) as starting:
            self._starting = starting
            try:
                yield
            finally:
                self._starting = None

    def carry(self, session: Session, position: Position, found: Catalogue, definitions: Mapping[str, str]) -> Carried:
        """See `Carrier.carry`. Raises ChainBroken when what an incremental has pulled is no log."""
        pieces = [Piece(each.file, each.start, self.job.directory / each.path) for each in self.pull(position)]
        known = known_of(self.before, self.details, self.form)
        page = int(self.seen.variables["innodb_page_size"])
        sizes = {
            subject(table.schema, table.name): page * found.pages.get((table.schema, table.name), 1) for table in found.tables
        }
        self.values = {}
        try:
            told = look(
                *(found.tables, definitions, known, pieces, foreign_keys.unlogged_cascades(session)),
                most=lambda table: SHARE * sizes[subject(table.schema, table.name)],
            )
        except Damaged as damage:
            if self.job.kind == "incremental":
                raise ChainBroken(damage.message) from damage
            self.job.say(f"the tables are not compared with the log since {self.before.id}: {damage.message}")
            return Carried()
        self.values = told.at_once
        kept = {about: value for about, value in told.at_once.items() if isinstance(value, Value)}
        read = {about: (value.rows, value.since) for about, value in kept.items() if not value.gone}
        read |= {about: (known[about].rows, known[about].since) for about in told.carried}
        due = self._due({about: sizes[about] for about in read}, read)

        def find(go_on: Callable[[], object]) -> Carried:
            self.values = {
                **told.at_once,
                **through(told, known, pieces, self._server, self.form, require_room=self._require_room, go_on=go_on),
            }
            values = {about: value for about, value in self.values.items() if isinstance(value, Value) and not value.gone}
            every = due & values.keys() | {about for about, value in values.items() if not value.fits}
            self._tell(len(values), len(every))
            return Carried({about: value.counted for about, value in values.items()}, every)

        if not told.carried:
            return find(lambda: None)
        at_once = {about: value.counted for about, value in kept.items() if not value.gone}
        return Carried(at_once, due, Later(frozenset(told.carried), find))

    def _require_room(self, size: int) -> None:
        disk.require(self.job.work, size + recipient.SIZE, "carrying fingerprints")

    def _due(self, sizes: Mapping[str, int], known: Mapping[str, tuple[int, str]]) -> frozenset[str]:
        """Return which of the tables (subject -> bytes) are read, to be compared. A full reads all of them.

        known: of each its rows, and the backup that read it last
        """
        if self.job.kind == "full" or self.settings.scan == "nightly":
            return frozenset(sizes)
        works = {about: rotation.work(sizes[about], rows) for about, (rows, _) in known.items()}
        small = rotation.small(works)
        number = self.before.sequence + 1
        turns = {about: known[about] for about in known.keys() - small}
        # What was read by none of the chain's backups that is known here is read now.
        ages = {about: number - self.job.numbers.get(since, -rotation.NIGHTS) for about, (_, since) in turns.items()}
        return small | rotation.due(number, ages, {about: works[about] for about in turns})

    def proof(self, witnessed: Witnessed) -> Proof:
        """Say how the witness came by its values, after comparing what was read with what the log says."""
        carried: dict[str, list[str]] = {}
        for about in sorted(witnessed.carried):
            value = self.values[about]
            if isinstance(value, Value):
                carried.setdefault(value.since, []).append(about)
        gone = [about for about, value in self.values.items() if isinstance(value, Value) and value.gone]
        differing = compared.unlogged(witnessed.compared) | dict.fromkeys(sorted(gone), "by the log it is there, and it is not")
        words = compared.OF_FULL if self.job.kind == "full" else compared.OF_INCREMENTAL
        limits = []
        for about, both in differing.items():
            value = self.values[about]
            limits.append(
                words.format(about=about, since=value.since if isinstance(value, Value) else self.before.id, words=both)
            )
        few = f"{plural.count(len(differing), 'table')} changed without the log saying so"
        return Proof(
            {since: tuple(subjects) for since, subjects in carried.items()},
            # A full holds what the source does: the chain that it begins can be built on.
            tuple(differing) if self.job.kind == "incremental" else (),
            tuple(limits),
            (few,) if differing else (),
        )

    def _server(self) -> AbstractContextManager[Session]:
        """Return the server that is being started, the first time; after that a new one."""
        starting, self._starting = self._starting, None
        return starting() if starting else self._started()

    @contextmanager
    def _started(self) -> Iterator[Session]:
        image = self.job.docker.image(self.settings.image)
        with recipient.empty_server(self.job, image, self.seen, OPTIONS) as session:
            runs = Version.parse(*rows(session, "SELECT @@version, @@version_comment")[0])
            if runs.series != self.seen.version.series:
                raise LifeboatError(f"the image {image.name} runs MySQL {runs.text}, the source {self.seen.version.text}")
            yield session

    def _tell(self, known: int, due: int) -> None:
        scanned = Counter(value for value in self.values.values() if isinstance(value, str))
        through = sum(isinstance(value, Value) and value.through_log for value in self.values.values())
        self.job.say(
            f"{plural.count(known, 'table')} known by the log ({known - through} unnamed in it, {through} carried through it), "
            f"{due} of them scanned to compare; {scanned.total()} scanned"
        )
        for reason, count in scanned.most_common(_REASONS):
            self.job.say(f"scanned: {plural.count(count, 'table')}, since {reason}")


def distrusted(details: MySQLDetails) -> str | None:
    """Say why no backup may build on one with these details: its log does not tell of all that changed; None when it does."""
    if not details.unlogged:
        return None
    listed = ", ".join(details.unlogged[:_REASONS]) + (" and others" if len(details.unlogged) > _REASONS else "")
    return f"the source's log did not tell of every change of {listed}"
