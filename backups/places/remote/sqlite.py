"""Copies a live SQLite database of another machine: a consistent copy is made there, by SQLite's online backup, and fetched."""

import uuid
from pathlib import Path

from backups.errors import LifeboatError, Transient
from backups.hosts.session import CHUNK, CommandResult
from backups.machine import disk
from backups.places import sqlite_program
from backups.places.remote import shell
from backups.places.remote.shell import RemoteRoot, quoted

_ABSENT, _NO_ROOM, _NO_TOOL, _FAILED = 4, 5, 6, 7

_PATIENCE = 1800.0
"""Seconds that copying a large database on the machine may take, before its first byte is fetched."""

_OWNER = "is it a SQLite database, and may its owner read it and write beside it? as root, it is opened as the user it belongs to"

_PROGRAM = Path(sqlite_program.__file__).read_text(encoding="utf-8")


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
        r=$(realpath -- {quoted(place.root)} && echo .) || exit; r=${{r%??}}
        f=$(realpath -- "$f" && echo .) || exit; f=${{f%??}}
        t=$(mktemp -d /var/tmp/lifeboat.XXXXXXXX 2>/dev/null || mktemp -d) || exit
        trap 'rm -rf -- "$t"' 0; trap 'exit 1' 1 2 13 15
        need=$(stat -c %s -- "$f"); have=$(df -B1 --output=avail -- "$t" | tail -n 1)
        if [ "$have" -lt "$need" ]; then echo "$need $have $t" >&2; exit {_NO_ROOM}; fi
        if python3 -c 'import ctypes, sqlite3' 2>/dev/null; then
            python3 -I -c {quoted(_PROGRAM)} "$r" "${{f#"${{r%/}}"/}}" "$t/copy" {seconds:f} || exit {_FAILED}
            stat -c %s -- "$t/copy" && cat -- "$t/copy"
            exit
        fi
        command -v sqlite3 >/dev/null || exit {_NO_TOOL}
        # As the user that the database belongs to, never as root beside files of others: see sqlite_program.py.
        cd -- "${{f%/*}}/" && f=./${{f##*/}} || exit {_FAILED}
        as=
        if [ "$(id -u)" = 0 ]; then
            set -- $(stat -c '%u %g' -- "$f") $(stat -c '%u %a' -- .)
            if [ "$1" != 0 ] || [ "$3" != 0 ] || [ $((0$4 & 022)) != 0 ]; then
                command -v setpriv >/dev/null || exit {_NO_TOOL}
                u=$1; [ "$u" != 0 ] || u=$3; [ "$u" != 0 ] || u=65534
                as="setpriv --reuid=$u --regid=$2 --clear-groups --"
                chown "$u:$2" "$t" || exit
            fi
        fi
        $as sqlite3 -init /dev/null -batch -bail -cmd '.timeout {seconds * 1000:.0f}' "$f" \\
            'PRAGMA query_only = ON' 'BEGIN' 'SELECT count(*) FROM sqlite_master' ".backup '$t/copy'" >/dev/null || exit {_FAILED}
        $as stat -c %s -- "$t/copy" && $as cat -- "$t/copy"
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
            f"{uncopied}: {place.connection} has neither python3 with its sqlite3 module nor sqlite3 and setpriv",
            hint="install one there: apt-get install python3, or: apt-get install sqlite3 util-linux",
        )
    if result.code == _NO_ROOM:
        need, have, where = reason.split(" ", 2)
        return LifeboatError(
            f"{uncopied}: its copy needs {disk.size(int(need))} in {where} there; {disk.size(int(have))} are free",
            hint="free some space there",
        )
    if "locked" in reason:
        return LifeboatError(f"{uncopied}: {reason}", hint="another process keeps it locked; try again")
    return LifeboatError(f"{uncopied}: {reason}", hint=_OWNER)
