"""Brings a copy from its witness forward through the next backup's log, to a moment between the two."""

import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from backups.errors import LifeboatError
from backups.services.base import Fetched, Point
from backups.services.mysql.binlog import chain as log_chain
from backups.services.mysql.binlog import locate
from backups.services.mysql.binlog.chain import RelayLog
from backups.services.mysql.binlog.locate import Commit, Stop
from backups.services.mysql.copy.options import HOME
from backups.services.mysql.copy.replay import ADVANCE_CHANNEL, Replay, relay_base
from backups.services.mysql.details import LogSegment, MySQLDetails
from backups.services.mysql.source.connection import Session, rows

_KEPT = "kept"
_ONE_GTID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(:[a-zA-Z_]\w{0,31})?:[1-9]\d*")


def keep_last_log(relay: Path, logs: Sequence[RelayLog]) -> RelayLog | None:
    """Keep the chain's last log file, in which the next backup's log goes on: a replay that is done deletes its own."""
    if not logs:
        return None
    last = logs[-1]
    os.link(relay / last.name, relay / _KEPT)
    return RelayLog(last.file, _KEPT, last.size, last.head)


class Advance:
    """Brings a copy from the last backup of `chain` (`details`) to `point` in the log of `later` (`more`), the next backup."""

    def __init__(self, chain: Sequence[Fetched], details: MySQLDetails, later: Fetched, more: MySQLDetails, point: Point) -> None:
        self._last = chain[-1].manifest
        self._details = details
        self._later = later
        self._point = point
        self._segments: list[tuple[LogSegment, Path]] = [
            (segment, later.data / segment.path) for segment in log_chain.log_after(chain, details, later, more)
        ]

    def find(self, session: Session) -> Stop:
        """Find the moment in the log. `session`: with a server that can compare GTIDs.

        Raises LifeboatError when the moment is not between the two backups.
        """
        begins, ends = self._last.taken_at, self._later.manifest.taken_at
        time, position = self._point.time, self._point.position
        if time is not None and not begins <= time <= ends:
            where = "before" if time < begins else "after the end of"
            raise LifeboatError(
                f"{_utc(time)} is {where} the log of {self._later.manifest.id}, which goes from {_utc(begins)} to {_utc(ends)}",
                hint="lifeboat list shows which backup holds which moments",
            )
        executed = self._details.end.gtid_executed
        if position is not None and executed is None:
            raise LifeboatError(
                f"{position} cannot be looked for: the source ran without GTIDs", hint="name a time instead: --at TIME"
            )
        if position is not None and not _ONE_GTID.fullmatch(position):
            raise LifeboatError(
                f"{position} is not the GTID of one transaction",
                hint="written source:number, as in 3e11fa47-71ca-11e1-9e33-c80aa9429562:23",
            )
        if position is not None and rows(session, "SELECT GTID_SUBSET(%s, %s)", [position, executed])[0][0]:
            raise LifeboatError(
                f"{position} is not after {self._last.id}: that backup, of {_utc(begins)}, holds it already",
                hint="restore that backup, or begin with an older one: lifeboat list",
            )
        pieces = [locate.Piece(segment.file, segment.start, path) for segment, path in self._segments]
        stop = locate.find(pieces, self._details.end, self._point)
        if stop is None:
            raise LifeboatError(
                f"{position} is not in the log of {self._later.manifest.id}, which goes from {_utc(begins)} to {_utc(ends)}",
                hint="a GTID is written source:number; lifeboat list shows which backup holds which moments",
            )
        if executed is not None and stop.gtids is not None:
            return Stop(
                stop.position.model_copy(update={"gtid_executed": f"{executed},{stop.gtids}" if executed else stop.gtids}),
                stop.last,
                stop.following,
                stop.gtids,
            )
        return stop

    def place(self, relay: Path, kept: RelayLog, stop: Stop) -> list[RelayLog]:
        """Put the log up to the moment, and nothing beyond it, where the server looks for a channel's relay logs."""
        base = relay_base(ADVANCE_CHANNEL)
        logs = list(log_chain.extend(relay, base, kept, self._segments, stop.position))
        (relay / f"{base}.index").write_text("".join(f"{HOME}/relay/{log.name}\n" for log in logs))
        return logs

    def replay(self, session: Session, logs: Sequence[RelayLog], stop: Stop) -> None:
        """Replay up to the moment, and prove that it is reached and not passed."""
        Replay(session, logs, stop.position, channel=ADVANCE_CHANNEL).run(self._details.end)


def describe(stop: Stop) -> str:
    """Say where a copy stands, for the runbook."""
    last = f"its last transaction {_commit(stop.last)}" if stop.last else "no transaction since the backup"
    following = f"the first one left out {_commit(stop.following)}" if stop.following else "none of this log left out"
    return f"{stop.position.file}:{stop.position.offset}, {last}, {following}"


def _commit(commit: Commit) -> str:
    return f"{commit.gtid or 'without a GTID'} committed at {_utc(commit.time)}"


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S.%f} UTC"
