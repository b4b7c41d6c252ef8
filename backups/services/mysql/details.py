"""Describes what a MySQL manifest holds besides its witness: positions in the log, log segments, options of a copy's server.

Layout below `data/`: a full has `datadir/` (the clone) and `log/`; an incremental has `log/` alone. A log segment is a run of a
binary log file's own bytes from `start` to `end`; the segments of a chain, put end to end, are the source's log files again.
"""

from typing import Literal

from pydantic import Field, model_validator

from backups.foreign import BackupId, Gtids, LogName, RelativePath, Seconds, Sha256, Size, Uuid
from backups.manifest import Frozen

DATADIR = "datadir"
LOG = "log"

KeylessForm = Literal["digest", "sums"]
"""How the fingerprint of a table without a key is written."""


class Position(Frozen):
    """A point in the source's binary log: file, offset in bytes, and the GTIDs executed there (None without GTIDs)."""

    file: LogName
    offset: Size
    gtid_executed: Gtids | None = None


class LogSegment(Frozen):
    """Bytes [start, end) of the source's log file `file`, kept at `path` below `data/`.

    A segment that starts at 0 holds the file's magic and its format description event too; one that starts later is bare events.
    """

    file: LogName
    start: Size
    end: Size
    path: RelativePath


class Bridge(Frozen):
    """The log between the end of the chain before, `backup` its last, and this full's own log: with it, every moment between the
    two chains can be brought back too. Bringing this full back needs none of it.
    """

    backup: BackupId
    start: Position
    segments: tuple[LogSegment, ...]


class Installed(Frozen):
    """What a server's own tables say that it loads at each start.

    plugins: name -> library, of mysql.plugin; components: URNs of mysql.component, in the order they were installed.
    """

    plugins: dict[str, str]
    components: tuple[str, ...]


class Form(Frozen):
    """How a witness was measured: its copy is measured in the same way. The defaults are those of backups that do not say it.

    json_values: whether a fingerprint holds a JSON value's text, or the types in it too. accounts: by what the server shows of
    them, or by their rows in the grant tables. kinds: of what else is stated; see `witness/kinds.py`
    row_secret: the chain's own, which is part of every row's hash; None where nothing is
    keyless_form: of a table without a key, whose fingerprint is of the sums of its rows' hashes: a digest of them, or themselves,
    which can be carried through the log; see `witness/fingerprint.py`
    """

    json_values: Literal["text", "typed"] = "text"
    accounts: Literal["shown", "stored"] = "shown"
    kinds: tuple[str, ...] = ()
    row_secret: Sha256 | None = None
    keyless_form: KeylessForm = "digest"


class MySQLDetails(Frozen):
    """The `details` of a MySQL manifest. What has a default, older manifests lack.

    start, end: where this backup's log begins (a full's: offset 0 of a file begun before its clone; an incremental's: its
    parent's `end`) and ends (the witness's position)
    log_created: creation stamp of `end.file`, from its format description event: tells a log that was reset and began anew
    variables: server variables that a copy must be started with, by their option names (innodb_page_size, …)
    changed: those of them that are not as a server is built, or that a delivery always names; None: all
    others: known variables that are set, but that no copy needs: for whoever runs the server again
    unknown: variables that this Lifeboat did not know, which copies are started with where a server takes them
    plugins: libraries of the plugins that were active; installed: what the server loads at each start, None where not known
    system_offset: seconds east of UTC of the source's machine: statements in the log mean its time zone when they say SYSTEM
    zone: the same with every change of its clocks; empty where they never change, see `source/zone.py`
    bridge: a full's link to the chain before, where the source still had the log between
    lock_seconds, lock_attempts: how long writers waited for the witness's read lock, and how often it was asked for
    form: how the witness was measured
    carried: the tables whose rows and fingerprint were not scanned but carried through the log, by the backup whose witness
    scanned them last; all others were scanned
    unlogged: the tables of which a scan has found something else than the log says; see `carry/compared.py`
    partial: the same in words, see `Manifest.partial`
    answering: global variables that sessions of dashboards begin with; see `panels/standing.py`
    limits: what of the source the witness could not state, what a copy cannot have as the source had it, and which moments since
    the chain before a full cannot be brought back, a sentence each
    """

    server_uuid: Uuid
    gtid: bool
    start: Position
    end: Position
    log_created: Size
    segments: tuple[LogSegment, ...]
    variables: dict[str, str]
    plugins: tuple[str, ...]
    lock_seconds: Seconds
    lock_attempts: Size
    changed: tuple[str, ...] | None = None
    others: dict[str, str] = Field(default={})
    unknown: dict[str, str] = Field(default={})
    installed: Installed | None = None
    system_offset: int = 0
    zone: tuple[tuple[int, int], ...] = ()
    bridge: Bridge | None = None
    form: Form = Form()
    carried: dict[BackupId, tuple[str, ...]] = Field(default={})
    unlogged: tuple[str, ...] = ()
    answering: dict[str, str] = Field(default={})
    partial: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _each_file_once(self) -> "MySQLDetails":
        """Refuse a file that two segments name: the first would take it away from the second."""
        paths = [segment.path for segment in (*(self.bridge.segments if self.bridge else ()), *self.segments)]
        if len(set(paths)) != len(paths):
            raise ValueError("two segments of the log are in the same file")
        return self
