"""Replays a chain's log on a copy's server, as relay logs, and proves that it stopped exactly at the wanted position."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import pymysql.err
from pymysql.cursors import DictCursor

from backups.errors import Damaged
from backups.services.mysql.binlog.chain import RelayLog
from backups.services.mysql.binlog.stream import FIRST
from backups.services.mysql.details import Position
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.text import one_line, without_statement
from backups.services.mysql.versions import Version

CHANNEL = "lifeboat"
ADVANCE_CHANNEL = "advance"
"""The channel of what is replayed beyond the witness: a channel of its own has relay logs of its own."""


def relay_base(channel: str) -> str:
    """Return the base name of a channel's relay logs, on a server that is started with `--relay-log=…/relay`."""
    return f"relay-{channel}"


_NEW_TERMS = (8, 0, 23)
_NEW_VARIABLES = (8, 0, 26)
_STANDSTILL = 900.0
"""Seconds in which a server that replays touches not a single page: it will not go on any more."""
_OUT_OF_LOG = 15.0
"""The same, once it has read all log there is and waits for more."""
_HINT = "the log of this chain does not fit its full backup: verify an older backup, and take a full: lifeboat backup --kind full"


class Replay:
    """Replays a log on one server. `logs`: the relay logs of `channel` there, the last one up to `end`."""

    def __init__(self, session: Session, logs: Sequence[RelayLog], end: Position, *, channel: str = CHANNEL) -> None:
        self._session = session
        self._channel = channel
        self._logs = {log.file: log for log in logs}
        self._end = end
        version = Version.parse(rows(session, "SELECT @@version")[0][0])
        self._old_terms = not version.since(mysql=_NEW_TERMS, mariadb=None)
        self._exec_mode = ("replica" if version.since(mysql=_NEW_VARIABLES, mariadb=None) else "slave") + "_exec_mode"

    def forget_channels(self) -> None:
        """Drop what the source replicated from: a copy never connects to anything."""
        self._run("RESET REPLICA ALL")

    def run(self, start: Position | None = None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Replay from `start` (where the clone stands) to the end, and prove that it was reached and not passed.

        Raises Damaged when it was not.
        """
        overlap = start is None and self._end.gtid_executed is None
        start = start or self._cloned_at()
        if (start.file, start.offset) != (self._end.file, self._end.offset):
            with self._overlapping() if overlap else nullcontext():
                self._begin(start)
                self._await(sleep)
            self._prove(self._status())
            self._run(f"RESET REPLICA ALL FOR CHANNEL '{self._channel}'")
        elif self._end.gtid_executed is not None:
            self._prove_transactions(self._end.gtid_executed)

    @contextmanager
    def _overlapping(self) -> Iterator[None]:
        """Accept rows of the log that are there already, or gone already.

        Without GTIDs a clone under load may hold a transaction more than the position that it gives says (seen in one of some
        hundred clones): with GTIDs a server passes over it by itself. Whatever comes of it is compared with the witness.
        """
        self._run(f"SET GLOBAL {self._exec_mode} = 'IDEMPOTENT'")
        yield
        self._run(f"SET GLOBAL {self._exec_mode} = 'STRICT'")

    def _cloned_at(self) -> Position:
        """Return the clone's own position in the source's log, which is known once a server has started on it."""
        found = rows(self._session, "SELECT binlog_file, binlog_position, state FROM performance_schema.clone_status")
        file = str(found[0][0]).rpartition("/")[2] if len(found) == 1 and found[0][0] else ""
        try:
            return Position(file=file, offset=int(found[0][1]))
        except (ValueError, TypeError, IndexError) as error:
            raise Damaged(
                f"the restored data do not hold their position in the source's log (clone_status: {found or 'empty'})",
                hint="the clone is not whole: verify an older backup, and take a full: lifeboat backup --kind full",
            ) from error

    def _begin(self, start: Position) -> None:
        first = self._logs.get(start.file)
        if first is None or start.offset > first.size:
            raise Damaged(
                f"a binary log is missing from the chain: the clone stands at {start.file}:{start.offset}, the chain has "
                + (", ".join(f"{log.file} up to {log.size}" for log in self._logs.values()) or "none"),
                hint=_HINT,
            )
        self._run(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'lifeboat.invalid', RELAY_LOG_FILE = %s, RELAY_LOG_POS = %s "
            f"FOR CHANNEL '{self._channel}'",
            [first.name, start.offset],
        )
        if self._end.gtid_executed is not None:
            self._run(
                f"START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS = %s FOR CHANNEL '{self._channel}'", [self._end.gtid_executed]
            )
        else:
            self._run(
                f"START REPLICA SQL_THREAD UNTIL RELAY_LOG_FILE = %s, RELAY_LOG_POS = %s FOR CHANNEL '{self._channel}'",
                [self._logs[self._end.file].name, self._end.offset],
            )

    def _await(self, sleep: Callable[[float], None]) -> None:
        """Wait for the replay to stop by itself. Raises Damaged when it stopped with an error, or makes no progress."""
        pause, progress, moved_at = 0.02, None, time.monotonic()
        while (status := self._status())["Replica_SQL_Running"] == "Yes":
            sleep(pause)
            pause = min(pause * 1.5, 1.0)
            if (latest := self._progress(status)) != progress:
                progress, moved_at = latest, time.monotonic()
                continue
            still = time.monotonic() - moved_at
            if still > (_OUT_OF_LOG if "has read all relay log" in status["Replica_SQL_Running_State"] else _STANDSTILL):
                self._run(f"STOP REPLICA FOR CHANNEL '{self._channel}'")
                raise Damaged(
                    f"the replay has not moved for {still:.0f} s: it is at {self._where(status)}; wanted: {self._wanted()}"
                    f"{self._lacking()}",
                    hint=_HINT,
                )
        if status["Last_SQL_Errno"]:
            raise Damaged(
                f"the replay stopped at {self._where(status)}; wanted: {self._wanted()}; "
                f"error {status['Last_SQL_Errno']}: {self._error(status)}",
                hint=_HINT,
            )

    def _prove(self, status: dict[str, Any]) -> None:
        if self._end.gtid_executed is not None:
            self._prove_transactions(self._end.gtid_executed)
        elif self._at(status) != (self._end.file, self._end.offset):
            raise Damaged(f"the replay ended at {self._where(status)}; wanted: {self._wanted()}", hint=_HINT)

    def _prove_transactions(self, wanted: str) -> None:
        missing, surplus, executed = rows(
            self._session,
            "SELECT GTID_SUBTRACT(%s, @@GLOBAL.gtid_executed), GTID_SUBTRACT(@@GLOBAL.gtid_executed, %s), @@GLOBAL.gtid_executed",
            [wanted, wanted],
        )[0]
        if missing or surplus:
            raise Damaged(
                f"the copy's transactions are not the witness's: it has {one_line(executed)}, wanted {one_line(wanted)}; "
                f"missing: {one_line(missing) or 'none'}, too many: {one_line(surplus) or 'none'}",
                hint=_HINT,
            )

    def _lacking(self) -> str:
        """Say which of the wanted transactions the copy lacks, for the end of a message; nothing without GTIDs."""
        if self._end.gtid_executed is None:
            return ""
        found = rows(self._session, "SELECT GTID_SUBTRACT(%s, @@GLOBAL.gtid_executed)", [self._end.gtid_executed])
        return f"; missing: {one_line(found[0][0]) or 'none'}"

    def _progress(self, status: dict[str, Any]) -> tuple[object, ...]:
        """Return something that changes while anything is done: one transaction, or one ALTER, may take hours."""
        touched = rows(
            self._session, "SHOW GLOBAL STATUS WHERE variable_name IN ('Innodb_buffer_pool_read_requests', 'Innodb_log_writes')"
        )
        return (status["Relay_Log_File"], status["Relay_Log_Pos"], *touched)

    def _error(self, status: dict[str, Any]) -> str:
        """Return the error itself, without what may be secret in the statement.

        With several workers, the channel's only says that one of them has it.
        """
        workers = rows(
            self._session,
            "SELECT last_error_message FROM performance_schema.replication_applier_status_by_worker "
            "WHERE channel_name = %s AND last_error_number <> 0",
            [self._channel],
        )
        return without_statement(one_line(workers[0][0] if workers else status["Last_SQL_Error"]))

    def _at(self, status: dict[str, Any]) -> tuple[str, int]:
        """Return the position in the source's log: a relay log's offsets are those of the file that it was made of."""
        offset = int(status["Relay_Log_Pos"])
        for log in self._logs.values():
            if log.name == status["Relay_Log_File"]:
                # What a file begins with is read, but moves no position.
                return log.file, min(log.head, log.size) if offset == FIRST else offset
        return "beyond the log", offset

    def _where(self, status: dict[str, Any]) -> str:
        file, offset = self._at(status)
        return f"{file}:{offset}"

    def _wanted(self) -> str:
        gtids = f" ({one_line(self._end.gtid_executed)})" if self._end.gtid_executed else ""
        return f"{self._end.file}:{self._end.offset}{gtids}"

    def _status(self) -> dict[str, Any]:
        """Run SHOW REPLICA STATUS, and return it by its present column names."""
        with self._session.cursor(DictCursor) as cursor:
            cursor.execute(self._statement(f"SHOW REPLICA STATUS FOR CHANNEL '{self._channel}'"))
            found = cursor.fetchone() or {}
        return {name.replace("Master", "Source").replace("Slave", "Replica"): value for name, value in found.items()}

    def _run(self, statement: str, arguments: Sequence[object] = ()) -> None:
        try:
            rows(self._session, self._statement(statement), list(arguments) or None)
        except pymysql.err.MySQLError as error:
            raise Damaged(
                f"the copy's server refuses to replay: {one_line(str(error.args[-1]))}; the statement was: {statement}",
                hint=_HINT,
            ) from error

    def _statement(self, statement: str) -> str:
        if not self._old_terms:
            return statement
        for new, old in (("REPLICATION SOURCE", "MASTER"), ("SOURCE_HOST", "MASTER_HOST"), ("REPLICA", "SLAVE")):
            statement = statement.replace(new, old)
        return statement
