"""Copies a live SQLite database of another machine: a consistent copy is made there, by SQLite's online backup, and fetched."""

import uuid
from pathlib import Path

from backups.errors import LifeboatError, Transient
from backups.hosts.session import CHUNK, CommandResult
from backups.machine import disk
from backups.places.remote import shell
from backups.places.remote.shell import RemoteRoot, quoted

_ABSENT, _NO_ROOM, _NO_TOOL, _FAILED = 4, 5, 6, 7

_PATIENCE = 1800.0
"""Seconds that copying a large database on the machine may take, before its first byte is fetched."""

# A read transaction first: it waits for the lock no longer than given, and writers cannot make the copy start again.
_PROGRAM = """
import sqlite3, sys, urllib.parse
name, target, seconds = sys.argv[1:]
try:
    live = sqlite3.connect("file:" + urllib.parse.quote(name) + "?mode=rw", uri=True, timeout=float(seconds))
    live.execute("PRAGMA query_only = ON")
    live.execute("BEGIN")
    live.execute("SELECT count(*) FROM sqlite_master").fetchone()
    live.backup(sqlite3.connect(target))
except sqlite3.Error as error:
    sys.exit(str(error))
"""


def fetch(place: RemoteRoot, path: str, destination: Path, seconds: float) -> None:
    """See `Place.fetch_sqlite`."""
    name = place.inside(path)
    # Raises when the path leads outside; costs one round trip.
    place.run_inside(path, ":")
    partial = destination.with_name(f".lifeboat-partial-{uuid.uuid4().hex}")
    with disk.full_disk_reported(destination.parent, f"the copy of {path} from {place.name}"):
        try:
            shell.with_retries(lambda: _copy(place, path, name, partial, seconds))
            partial.rename(destination)
        finally:
            partial.unlink(missing_ok=True)


def _copy(place: RemoteRoot, path: str, name: str, partial: Path, seconds: float) -> None:
    script = f"""
        export LC_ALL=C
        f={quoted(name)}
        [ -f "$f" ] || exit {_ABSENT}
        t=$(mktemp -d /var/tmp/lifeboat.XXXXXXXX 2>/dev/null || mktemp -d) || exit
        trap 'rm -rf -- "$t"' 0; trap 'exit 1' 1 2 13 15
        need=$(stat -L -c %s -- "$f"); have=$(df -B1 --output=avail -- "$t" | tail -n 1)
        if [ "$have" -lt "$need" ]; then echo "$need $have $t" >&2; exit {_NO_ROOM}; fi
        if command -v sqlite3 >/dev/null; then
            sqlite3 -init /dev/null -batch -bail -cmd '.timeout {seconds * 1000:.0f}' "$f" \\
                'PRAGMA query_only = ON' 'BEGIN' 'SELECT count(*) FROM sqlite_master' ".backup '$t/copy'" >/dev/null \\
                || exit {_FAILED}
        elif python3 -c 'import sqlite3' 2>/dev/null; then
            python3 -c {quoted(_PROGRAM)} "$f" "$t/copy" {seconds:f} || exit {_FAILED}
        else
            exit {_NO_TOOL}
        fi
        stat -c %s -- "$t/copy" && cat -- "$t/copy"
    """  # noqa: S608 - the path is quoted for sh, and no part of the SQL
    with place.connection.session(script, stall=seconds + _PATIENCE) as session:
        session.close_input()
        head = b""
        while b"\n" not in head and (piece := session.read(64)):
            head += piece
        size, _, rest = head.partition(b"\n")
        with partial.open("wb") as file:
            file.write(rest)
            while piece := session.read(CHUNK):
                file.write(piece)
            received = file.tell()
        result = place.require_sudo(session.end(seconds + _PATIENCE))
    if result.code != 0:
        raise _fault(place, path, result)
    if received != int(size):
        raise Transient(f"{path} of {place.name} was cut short: {received} of {int(size)} bytes came", hint="try again")


def _fault(place: RemoteRoot, path: str, result: CommandResult) -> LifeboatError:
    uncopied = f"{path} of {place.name} cannot be copied"
    reason = shell.last_line(result)
    if result.code == _ABSENT:
        return LifeboatError(f"{path} is not in {place.name}", hint="is the place the directory that holds it?")
    if result.code == _NO_TOOL:
        return LifeboatError(
            f"{uncopied}: {place.connection} has neither sqlite3 nor python3 with its sqlite3 module",
            hint="install one there: apt-get install sqlite3, or: apt-get install python3",
        )
    if result.code == _NO_ROOM:
        need, have, where = reason.split(" ", 2)
        return LifeboatError(
            f"{uncopied}: its copy needs {disk.size(int(need))} in {where} there; {disk.size(int(have))} are free",
            hint="free some space there",
        )
    if "locked" in reason:
        return LifeboatError(f"{uncopied}: {reason}", hint="another process keeps it locked; try again")
    return LifeboatError(f"{uncopied}: {reason}", hint="is it a SQLite database, and may Lifeboat read it and write beside it?")
