"""Says of each kind of repository whether whoever takes over this machine can delete every backup in it.

Nothing is deleted to find out, nor is anything made: where it cannot be asked, it is said that it is not known.
"""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backups.emptied import object_lock
from backups.errors import LifeboatError
from backups.repository import append_only
from backups.repository.repository import Repository
from backups.secret import Secret

_KIND = re.compile(r"(?P<kind>sftp|rest|s3|b2|azure|gs|swift|rclone|local):")
"""The backends of restic; any other url is a directory."""
_CONFIG = "config"
"""The file that every repository of restic has, in the directory that it is in."""


@dataclass(frozen=True)
class Emptied:
    """Whether every backup in a repository can be deleted from here, and why; None: it cannot be found out.

    stated: that they cannot is what the operator has stated, and was not found out
    """

    can: bool | None
    why: str
    stated: bool = False


def look(repository: Repository, *, kept_by_other_side: bool | str, now: datetime) -> Emptied:
    """Look at one repository. kept_by_other_side: the operator's statement, from lifeboat.yaml. Never raises."""
    try:
        found = _found(repository, now)
    except LifeboatError as fault:
        found = Emptied(None, fault.message)
    if found.can is False or not kept_by_other_side:
        return found
    why = kept_by_other_side if isinstance(kept_by_other_side, str) else "the other side keeps what is deleted"
    return Emptied(can=False, why=why, stated=True)


def _found(repository: Repository, now: datetime) -> Emptied:
    url = Secret(repository.url).reveal()
    match = _KIND.match(url)
    match match["kind"] if match else "local":
        case "local":
            return _directory(Path(url.removeprefix("local:")))
        case "rest":
            refuses = append_only.refuses(url)
            words = {
                True: "its server refuses deletions from here (append-only)",
                False: "its server takes deletions from here",
                None: "its server does not say whether it takes deletions, or does not answer",
            }
            return Emptied(None if refuses is None else not refuses, words[refuses])
        case "s3":
            return _bucket(object_lock.ask(url, repository.environment, repository.options, now=now))
        case "sftp":
            return Emptied(None, "whoever logs in there may delete, unless the other side forbids it, which SFTP does not say")
        case kind:
            return Emptied(None, f"a repository of the kind {kind} cannot be asked")


def _directory(path: Path) -> Emptied:
    # Where its disk is not mounted, its directory may be there all the same, and says nothing of the disk's.
    if not _is_seen(path / _CONFIG):
        return Emptied(
            None, "it could not be looked at: no repository is in its directory, or none to be seen; is its disk mounted?"
        )
    if os.access(path, os.W_OK | os.X_OK):
        return Emptied(can=True, why="this user may write its directory")
    return Emptied(None, "this user may not write its directory, but root of this machine may, unless its other side forbids it")


def _is_seen(path: Path) -> bool:
    """Return whether something is there that this user may look at; `Path.exists` raises where it may not."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def _bucket(lock: object_lock.Lock) -> Emptied:
    if lock.mode is None:
        return Emptied(None, f"{lock.why}; whether a policy forbids deletions cannot be asked")
    kept = f"Object Lock keeps each object for {lock.kept} ({lock.mode})"
    if lock.mode == "GOVERNANCE":
        return Emptied(None, f"{kept}: whether these credentials may bypass it cannot be asked")
    return Emptied(None, f"{kept}: older ones may be deleted, which newer backups share, unless the lock is renewed")
