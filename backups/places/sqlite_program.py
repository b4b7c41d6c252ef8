"""Copies a live SQLite database as the user it belongs to: run as a program, on this machine and, as its text, on others.

    ROOT PATH TARGET SECONDS    the database PATH below ROOT into the new file TARGET, waiting SECONDS for its lock

Whoever may write beside a database decides what opening it does: SQLite plays back a journal that lies there, and then deletes
any file that the journal names. So a database that others than root may touch is never opened by root.
It imports the standard library alone, and runs on Python 3.7 and later.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sqlite3
import stat
import sys

_NOBODY = 65534
_PR_SET_PDEATHSIG = 1


def reader(directory: os.stat_result, file: os.stat_result) -> tuple[int, int]:
    """Return the user and the group to read a database as, by the status of its directory and its own."""
    if file.st_uid:
        return file.st_uid, file.st_gid
    if directory.st_uid == 0 and not directory.st_mode & 0o022:
        return 0, 0
    return directory.st_uid or _NOBODY, file.st_gid


def become(user: int, group: int) -> None:
    """Give up every right but those of this user, for good; what ends this process when its parent dies is asked for again."""
    if user:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(root: str, path: str, target: str, seconds: str) -> None:
    """Copy the database; raises sqlite3.Error and OSError."""
    os.umask(0o077)
    # Opened before the rights are given up, and without a journal, which would be another file beside it.
    copy = sqlite3.connect(target)
    copy.execute("PRAGMA journal_mode = OFF")
    # No link is followed, and from here on all is bound to this directory, wherever its name leads later.
    *above, name = path.split("/")
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in above:
        directory = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
    file = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISREG(file.st_mode):
        sys.exit("it is not a regular file")
    whole = f"{root}/{path}"
    if os.geteuid() == 0:
        os.fchdir(directory)
        try:
            # Its owner may be kept out of the directories above, as Docker keeps everybody out of its volumes.
            os.chroot(".")
            whole = "/" + name
        except PermissionError:
            pass
        become(*reader(os.fstat(directory), file))
    quoted = whole.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    # mode=rw, not ro: reading a database in WAL mode needs its shared-memory file.
    live = sqlite3.connect("file:" + quoted + "?mode=rw", uri=True, timeout=float(seconds))
    live.execute("PRAGMA query_only = ON")
    live.execute("PRAGMA temp_store = MEMORY")
    # A read transaction first: it waits for the lock for at most `seconds`; Connection.backup would wait for ever.
    live.execute("BEGIN")
    live.execute("SELECT count(*) FROM sqlite_master").fetchone()
    live.backup(copy)
    live.close()
    copy.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main(*sys.argv[1:])
    except (sqlite3.Error, OSError) as error:
        sys.exit(str(error))
