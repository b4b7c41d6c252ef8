"""What restic's failures mean. Most of them share one exit code (restic 0.14), so its words are read; newer ones say the same.

The faults themselves are provoked in `tests/integration/repository/test_local_faults.py` and `tests/integration/repositories/`.
"""

import re

from backups.errors import ConfigError, Damaged, LifeboatError, Transient
from backups.machine.processes import STALLED, Completed
from backups.repository import remote_errors
from backups.repository.remote_errors import Meaning

_TELLING = re.compile(
    r"(?i)it was ended|fatal|error|locked|failed|verif|unable|not (found|match|exist)|denied|refused|resolve|sha256:"
)

_DAMAGED = (
    "ciphertext verification failed",
    "invalid data returned",
    "is damaged",
    "id does not match",
    "contains errors",
    "unmarshal",
    "could not load snapshot",
    "not found in repository",
    "not found in index",
    "not found in snapshot",
    "streampack",
    "readfull",
    "loadindex returned errors",
)


def is_absent(completed: Completed) -> bool:
    """Whether there is no repository: its place answers, and holds none."""
    return _says(completed, "unable to open config file", "repository does not exist") and not (
        remote_errors.speaks_of(said(completed)) or _says(completed, "permission denied")
    )


def is_locked(completed: Completed) -> bool:
    """Whether another restic holds the repository."""
    return _says(completed, "already locked")


def is_full(completed: Completed) -> bool:
    """Whether a disk was full: the repository's, or the one that restic restores to."""
    return _says(completed, "no space left", "disk quota exceeded")


def is_damaged(completed: Completed) -> bool:
    """Whether the repository's content is at fault."""
    return _says(completed, *_DAMAGED)


def refuses_deletion(completed: Completed) -> bool:
    """Whether it was a deletion that the far side refused, as an append-only server or a bucket's policy does."""
    return _says(completed, "not removed", "unable to remove", "remove(") and remote_errors.forbids(said(completed))


def append_only(what: str, told: str = "") -> LifeboatError:
    """The error of whoever wants to delete where that is not allowed."""
    return LifeboatError(
        f"{what}: it is append-only from this machine, and refuses deletions; nothing was lost{told}",
        hint="run `lifeboat prune` on the machine that reaches the repository with full access",
    )


def fault(completed: Completed, what: str) -> LifeboatError:
    """Say what a failure means, and what to do. `what` begins the message: `cannot save to the repository …`."""
    told = f": {last_words(completed)}"
    if _says(completed, "wrong password", "no key found"):
        return ConfigError(
            f"{what}: its password is another one",
            hint="check repository.password or repository.password_file; without the right one nobody can read the backups",
        )
    if refuses_deletion(completed):
        return append_only(what, told)
    for applies, kind, meaning, hint in [*_meanings(completed), *remote_errors.meanings(said(completed)), *_content(completed)]:
        if applies:
            return kind(f"{what}{meaning}{told}", hint=hint)
    return LifeboatError(
        f"{what}: restic ended with code {completed.code}{told}",
        hint="the last words are restic's own; `lifeboat doctor` may know",
    )


def _meanings(completed: Completed) -> list[Meaning]:
    return [
        (
            _says(completed, STALLED),
            LifeboatError,
            ": restic stood still",
            "is its disk, or a quota there, full? restic may wait for ever then: free space there, and start again",
        ),
        (is_locked(completed), Transient, ": it is locked", "is a prune running? a dead machine's lock goes with: restic unlock"),
        (is_full(completed), LifeboatError, ": its disk is full", "free space there; without any, restic cannot even prune"),
    ]


def _content(completed: Completed) -> list[Meaning]:
    return [
        (is_absent(completed), LifeboatError, ": there is none", "check repository.url; the first `lifeboat backup` makes it"),
        (
            is_damaged(completed),
            Damaged,
            ": its content is damaged",
            "restic check --read-data names what is; delete those pack files, run restic rebuild-index, then take a full",
        ),
        (
            _says(completed, "permission denied"),
            LifeboatError,
            "",
            "run Lifeboat as the user that owns the repository; by SFTP, as one that may write there",
        ),
        (
            _says(completed, "no matching id found"),
            LifeboatError,
            ": the snapshot is gone",
            "was it pruned meanwhile? lifeboat list",
        ),
    ]


def last_words(completed: Completed) -> str:
    """The lines that tell most, without passwords, on one line."""
    lines = _final(completed)
    telling = [line for line in lines if _TELLING.search(line)] or lines
    return without_password("; ".join(telling[:2])[:400]) or "it said nothing"


def without_password(text: str) -> str:
    """Blot out the password of every url in `text`."""
    # To the last @: a password may hold one, and a / that somebody forgot to escape.
    return re.sub(r"(//[^/:@\s]*):\S*@", r"\1:****@", text)


def _final(completed: Completed) -> list[str]:
    """What restic said, less what it tried again: that may have gone well in the end, and else is said once more."""
    lines = [line.strip() for line in completed.errors.splitlines()]
    return [line for line in lines if line and "retrying after" not in line]


def said(completed: Completed) -> str:
    """What restic and its helpers said in the end, in lower case."""
    return "\n".join(_final(completed)).lower()


def _says(completed: Completed, *words: str) -> bool:
    text = said(completed)
    return any(word in text for word in words)
