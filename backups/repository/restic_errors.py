"""Translates restic's failures by its output, since most of them share one exit code (restic 0.14 to 0.19).

The failures are provoked in `tests/integration/repository/test_local_faults.py` and `tests/integration/repository/remote/`.
"""

import json
import re
from collections.abc import Iterator

from backups.errors import ConfigError, Damaged, LifeboatError, Transient
from backups.machine.processes import STALLED, Completed
from backups.repository import remote_errors
from backups.repository.remote_errors import Meaning
from backups.text import without_password

_TELLING = re.compile(
    r"(?i)it was ended|fatal|error|locked|failed|verif|unable|not (found|match|exist)|denied|refused|resolve|sha256:"
)

GONE = ": the snapshot does not exist"
"""In the message of the error for a snapshot that is not there."""

_ACCOUNT = re.compile(r"(//[^/:\s]*):(\S*)@")
"""A user and a password in a url. Up to the last @: either may hold one, and the password a / that was not escaped."""
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

_UNREAD = re.compile(
    r"(could not load snapshot ([0-9a-f]{8,64}): (.*))|Ignoring \"([0-9a-f]{8,64})\": failed to load snapshot [0-9a-f]*: (.*)"
)
"""How restic 0.14, and how 0.19, tells of a snapshot that it leaves out of a list."""
_NO_SNAPSHOT = re.compile(r"(<snapshot/|failed to load snapshot).*(no such file|not exist|not found|404)")

_DAMAGED = (
    "ciphertext verification failed",
    "decrypting blob",
    "nonce is invalid",
    "ciphertext too short",
    "invalid data returned",
    "is damaged",
    "id does not match",
    "contains errors",
    "unmarshal",
    "could not load snapshot",
    "failed to load snapshot",
    "not found in repository",
    "not found in index",
    "not found in snapshot",
    "streampack",
    "readfull",
    "loadindex returned errors",
    "unable to load tree",
)


def is_absent(completed: Completed) -> bool:
    """Return whether there is no repository: its place answers, and holds none."""
    return _mentions(completed, "unable to open config file", "repository does not exist") and not (
        remote_errors.is_remote_failure(error_text(completed)) or _mentions(completed, "permission denied")
    )


def unreadable_snapshots(completed: Completed) -> dict[str, str]:
    """Return the snapshots that restic could not read while it listed them: the beginnings of their ids, and its words."""
    lines = (_UNREAD.fullmatch(line) for line in _final(completed))
    found = [(each[2] or each[4], each[3] or each[5]) for each in lines if each]
    return {snapshot: f"could not load snapshot {snapshot[:8]}: {why}"[:300] for snapshot, why in found}


def is_gone(completed: Completed) -> bool:
    """Return whether a snapshot that was named is not there."""
    text = error_text(completed)
    return "no matching id found" in text or any(_NO_SNAPSHOT.search(line) for line in text.splitlines())


def is_locked(completed: Completed) -> bool:
    """Return whether another restic has locked the repository."""
    return _mentions(completed, "already locked")


def cannot_lock(completed: Completed) -> bool:
    """Return whether restic could not write its lock, for another reason than that somebody else holds one."""
    return completed.code != 0 and _mentions(completed, "unable to create lock") and not is_locked(completed)


def is_full(completed: Completed) -> bool:
    """Return whether a disk was full: the repository's, or the one that restic restores to."""
    return _mentions(completed, "no space left", "disk quota exceeded")


def is_damaged(completed: Completed) -> bool:
    """Return whether the repository's content is damaged."""
    return _mentions(completed, *_DAMAGED)


def refuses_deletion(completed: Completed) -> bool:
    """Return whether the remote side refused a deletion, as an append-only server or a bucket's policy does."""
    return _mentions(completed, "not removed", "unable to remove", "remove(") and remote_errors.is_forbidden(
        error_text(completed)
    )


def append_only(what: str, detail: str = "") -> LifeboatError:
    """Return the error for a deletion that is not allowed."""
    return LifeboatError(
        f"{what}: it is append-only from this machine, and refuses deletions; nothing was lost{detail}",
        hint="run `lifeboat prune` on the machine that reaches the repository with full access",
    )


def fault(completed: Completed, what: str) -> LifeboatError:
    """Return the error for a failed restic. `what` begins its message: `cannot save to the repository …`."""
    detail = f": {excerpt(completed)}"
    if _mentions(completed, "wrong password", "no key found"):
        return ConfigError(
            f"{what}: the password is wrong",
            hint="check repository.password or repository.password_file; without the right password the backups cannot be read; "
            "if nobody has changed it: a repository that was copied in part may lack its keys (its directory keys)",
        )
    if refuses_deletion(completed):
        return append_only(what, detail)
    for applies, kind, meaning, hint in [
        *_meanings(completed),
        *remote_errors.meanings(error_text(completed)),
        *_content(completed),
    ]:
        if applies:
            return kind(f"{what}{meaning}{detail}", hint=hint)
    return LifeboatError(
        f"{what}: restic ended with code {completed.code}{detail}",
        hint="the message ends with restic's own words; see also: lifeboat doctor",
    )


def _meanings(completed: Completed) -> list[Meaning]:
    return [
        (
            # Before what a full or read-only disk means: it is this machine's, and nothing is known of the repository.
            _mentions(completed, "unable to open cache"),
            LifeboatError,
            ": restic's cache, below `state`, cannot be used",
            "run Lifeboat as the user that owns the state directory (`state:` in lifeboat.yaml), and see that its disk has room",
        ),
        (
            _mentions(completed, STALLED),
            LifeboatError,
            ": restic stalled",
            "is its disk, or a quota there, full? restic may wait for ever then: free some space there, and start again",
        ),
        (
            is_locked(completed),
            Transient,
            ": it is locked",
            "is a prune running? the lock of a machine that died is removed by: restic unlock",
        ),
        (is_full(completed), LifeboatError, ": its disk is full", "free some space there; without any, restic cannot even prune"),
        (
            _mentions(completed, "read-only file system"),
            LifeboatError,
            ": it is read-only from here",
            "mount its disk so that it can be written; list, show, verify and restore work all the same",
        ),
    ]


def _content(completed: Completed) -> list[Meaning]:
    return [
        (
            is_absent(completed),
            LifeboatError,
            ": there is no repository at that place",
            "check repository.url; the first `lifeboat backup` creates it",
        ),
        (
            is_gone(completed),
            LifeboatError,
            GONE,
            "was it pruned meanwhile? see: lifeboat list",
        ),
        (
            is_damaged(completed),
            Damaged,
            ": its content is damaged",
            "restic check --read-data lists what is damaged; delete those pack files, run restic rebuild-index, then take a full",
        ),
        (
            _mentions(completed, "permission denied"),
            LifeboatError,
            "",
            "run Lifeboat as the owner of the repository; over SFTP, log in as a user that may write there",
        ),
    ]


def excerpt(completed: Completed) -> str:
    """Return the most telling lines of restic's errors, without passwords, on one line."""
    lines = _final(completed)
    found = [line for line in dict.fromkeys(lines) if _TELLING.search(line)] or lines
    # It says some things twice, the second time with more before it, or with less.
    telling = [
        line for at, line in enumerate(found) if not any(_says(other, line) for other in (*found[:at], *found[at + 1 :]))
    ] or found[:1]
    return without_password("; ".join(telling[:2]))[:400] or "it printed nothing"


def _says(line: str, other: str) -> bool:
    """Return whether a line says what another one does, and more, or the same before it: `what: where: why` ends alike."""
    end = ": ".join(other.split(": ")[1:])
    return len(line) > len(other) and (line.endswith(other) or (": " in end and line.endswith(f": {end}")))


def holds_password(url: str) -> bool:
    """Return whether a url holds a password that is written out: not one that is a reference to a variable."""
    found = _ACCOUNT.search(url)
    return found is not None and not _REFERENCE.fullmatch(found[2])


def _final(completed: Completed) -> list[str]:
    """Return the lines of restic's errors without those of retries: a last failure is printed again."""
    lines = [line.strip() for printed in completed.errors.splitlines() for line in _words(printed)]
    return [line for line in lines if line and "retrying after" not in line]


def _words(printed: str) -> Iterator[str]:
    """Yield what a line says: restic 0.19 packs several into JSON where it was asked for any, as its last words."""
    if printed.startswith('{"message_type":'):
        try:
            stated = json.loads(printed)
            said = stated["error"]["message"] if stated["message_type"] == "error" else stated["message"]
        except (ValueError, KeyError, TypeError, RecursionError):
            said = printed
        yield from str(said).splitlines()
    else:
        yield printed


def error_text(completed: Completed) -> str:
    """Return what restic and its helpers printed as errors, in lower case, without retries."""
    return "\n".join(_final(completed)).lower()


def _mentions(completed: Completed, *phrases: str) -> bool:
    text = error_text(completed)
    return any(phrase in text for phrase in phrases)
