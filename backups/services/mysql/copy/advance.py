"""Brings a copy from its witness forward through the next backup's log, to a moment between the two, and on to the later one."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path, PurePath

from backups.errors import LifeboatError
from backups.machine import below, disk, processes
from backups.services.base import Fetched, Point
from backups.services.mysql.binlog import chain as log_chain
from backups.services.mysql.binlog import locate
from backups.services.mysql.binlog.chain import RelayLog
from backups.services.mysql.binlog.locate import Commit, Stop
from backups.services.mysql.copy.options import HOME
from backups.services.mysql.copy.replay import ADVANCE_CHANNEL, Replay, relay_base
from backups.services.mysql.details import DATADIR, LogSegment, MySQLDetails, Position
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.text import one_line

RELAY = "relay"
"""The server's directory of relay logs, in its home."""
_KEPT = "kept"
_REST = "rest"
_WITNESS_CHANNEL = "witness"
"""The channel of what leads from the moment on to the later witness."""
_ONE_PLACE = re.compile(r"[^:]+\.\d+:\d+")
_ONE_GTID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(:[a-zA-Z_]\w{0,31})?:[1-9]\d*")


def hand_in(placed: Path, home: Path, logs: Sequence[RelayLog]) -> RelayLog | None:
    """Move what was `placed` in a directory of ours to a server's relay logs, and keep its last log file where it was placed: the
    next backup's log goes on in it, and a replay that is done deletes its own.
    """
    kept = None
    if logs:
        last = logs[-1]
        os.link(placed / last.name, placed / _KEPT)
        kept = RelayLog(last.file, _KEPT, last.size, last.head)
    # The server may have put anything under these names.
    below.move_into([path for path in sorted(placed.iterdir()) if path.name != _KEPT], home, PurePath(RELAY))
    return kept


def copy_settled(first: Path, second: Path) -> None:
    """Copy the data of a server that has ended into the home of a second one; links among them stay links.

    Raises LifeboatError when the disk has no room for them.
    """
    needed = disk.tree_size(first / DATADIR)
    disk.require(second, needed, "a second copy of the restored data")
    # Where the file system can share blocks, this takes no time and no room.
    copied = processes.run(["cp", "-a", "--reflink=auto", str(first / DATADIR), str(second / DATADIR)])
    if copied.code:
        raise LifeboatError(
            f"the restored data cannot be copied a second time to {second}: {one_line(copied.errors)}",
            hint=f"it needs {disk.size(needed)}; free some space there",
        )


class Advance:
    """Brings a copy from the last backup of `chain` (`details`) into the log of `later` (`more`), the next backup."""

    def __init__(self, chain: Sequence[Fetched], details: MySQLDetails, later: Fetched, more: MySQLDetails) -> None:
        self._last = chain[-1].manifest
        self._details = details
        self._later = later
        self._more = more
        self._segments: list[tuple[LogSegment, Path]] = [
            (segment, later.data / segment.path) for segment in log_chain.log_after(chain, details, later, more)
        ]

    def find(self, session: Session, point: Point) -> Stop:
        """Find the moment in the log. `session`: with a server that can compare GTIDs.

        Raises LifeboatError when the moment is not between the two backups.
        """
        begins, ends = self._last.taken_at, self._later.manifest.taken_at
        time, position = point.time, point.position
        if time is not None and not begins <= time <= ends:
            where = "before" if time < begins else "after the end of"
            raise LifeboatError(
                f"{_utc(time)} is {where} the log of {self._later.manifest.id}, which goes from {_utc(begins)} to {_utc(ends)}",
                hint="lifeboat list shows which backup holds which moments",
            )
        executed = self._details.end.gtid_executed
        by_file = position is not None and _ONE_PLACE.fullmatch(position)
        if position is not None and executed is None and not by_file:
            raise LifeboatError(
                f"{position} cannot be looked for: the source ran without GTIDs",
                hint="name a time instead, or where the transaction begins, as lifeboat log prints it: FILE:OFFSET",
            )
        if position is not None and not by_file and not _ONE_GTID.fullmatch(position):
            raise LifeboatError(
                f"{position} is not the GTID of one transaction",
                hint="written source:number, as in 3e11fa47-71ca-11e1-9e33-c80aa9429562:23",
            )
        if position and not by_file and rows(session, "SELECT GTID_SUBSET(%s, %s)", [position, executed])[0][0]:
            raise LifeboatError(
                f"{position} is not after {self._last.id}: that backup, of {_utc(begins)}, holds it already",
                hint="restore that backup, or begin with an older one: lifeboat list",
            )
        pieces = [locate.Piece(segment.file, segment.start, path) for segment, path in self._segments]
        stop = locate.find(pieces, self._details.end, point)
        if stop is None:
            what = f"no transaction begins at {position}" if by_file else f"{position} is not"
            raise LifeboatError(
                f"{what} in the log of {self._later.manifest.id}, which goes from {_utc(begins)} to {_utc(ends)}",
                hint=f"see what it holds, and how its transactions are named: lifeboat log {self._later.manifest.service}",
            )
        if executed is not None and stop.gtids is not None:
            return Stop(
                stop.position.model_copy(update={"gtid_executed": f"{executed},{stop.gtids}" if executed else stop.gtids}),
                stop.last,
                stop.following,
                stop.gtids,
                stop.transactions,
            )
        return stop

    def up_to(self, at: Position, cut: Path) -> list[locate.Piece]:
        """Return the log from the witness up to the end `at` of a transaction, and nothing beyond it: what is left of the piece
        that it ends in is written to the file `cut`.
        """
        pieces: list[locate.Piece] = []
        if (at.file, at.offset) == (self._details.end.file, self._details.end.offset):
            return pieces
        for segment, path in self._segments:
            if segment.file != at.file or segment.end < at.offset:
                pieces.append(locate.Piece(segment.file, segment.start, path))
                continue
            if segment.end > at.offset:
                with path.open("rb") as whole, cut.open("wb") as part:
                    left = at.offset - segment.start
                    while left:
                        left -= os.sendfile(part.fileno(), whole.fileno(), None, left)
            pieces.append(locate.Piece(segment.file, segment.start, path if segment.end == at.offset else cut))
            break
        return pieces

    def place(self, placed: Path, kept: RelayLog, stop: Stop) -> list[RelayLog]:
        """Make a channel's relay logs of the log up to the moment, and nothing beyond it, in a directory of ours."""
        base = relay_base(ADVANCE_CHANNEL)
        logs = list(log_chain.extend(placed, base, kept, self._segments, stop.position))
        (placed / f"{base}.index").write_text("".join(f"{HOME}/{RELAY}/{log.name}\n" for log in logs))
        return logs

    def replay(self, session: Session, logs: Sequence[RelayLog], stop: Stop) -> None:
        """Replay up to the moment, and prove that it is reached and not passed."""
        Replay(session, logs, stop.position, channel=ADVANCE_CHANNEL).run(self._details.end)

    def place_rest(self, placed: Path, kept: RelayLog, at: Position) -> list[RelayLog]:
        """Make a channel's relay logs of the log from `at` (where `kept` ends) to the later witness, in a directory of ours."""
        base = relay_base(_WITNESS_CHANNEL)
        logs = list(log_chain.extend(placed, base, kept, list(self._after(at, placed / _REST)), self._more.end))
        (placed / _REST).unlink(missing_ok=True)
        (placed / f"{base}.index").write_text("".join(f"{HOME}/{RELAY}/{log.name}\n" for log in logs))
        return logs

    def replay_rest(self, session: Session, logs: Sequence[RelayLog], at: Position) -> None:
        """Replay from `at` to the later witness's position, and prove that it is reached and not passed."""
        Replay(session, logs, self._more.end, channel=_WITNESS_CHANNEL).run(at)

    def _after(self, at: Position, rest: Path) -> Iterator[tuple[LogSegment, Path]]:
        """Yield the segments from `at` on; of the one that holds it, what is left is written to the file `rest`."""
        files = [segment.file for segment, _ in self._segments]
        first = files.index(at.file) if at.file in files else 0
        for segment, path in self._segments[first:]:
            if segment.file != at.file or segment.start == at.offset:
                yield segment, path
                continue
            with path.open("rb") as whole, rest.open("wb") as left:
                whole.seek(at.offset - segment.start)
                shutil.copyfileobj(whole, left, 1 << 20)
            yield segment.model_copy(update={"start": at.offset}), rest


def describe(stop: Stop) -> str:
    """Say where a copy stands, for the runbook."""
    last = f"its last transaction {_commit(stop.last)}" if stop.last else "no transaction since the backup"
    following = f"the first one left out {_commit(stop.following)}" if stop.following else "none of this log left out"
    return f"{stop.position.file}:{stop.position.offset}, {last}, {following}"


def _commit(commit: Commit) -> str:
    return f"{commit.gtid or 'without a GTID'} committed at {_utc(commit.time)}"


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S.%f} UTC"
