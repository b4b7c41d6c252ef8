"""Defines the errors that an operator may see; any other exception is a bug, shown with its traceback.

A message says what could not be done, where (service, host:port, file, key) and why (both numbers, or the server's own words);
its hint says what to type. Both are one line, start lower-case, and have no full stop: tests/unit/test_messages.py.

LifeboatError           could not run: nothing was proven, nothing was lost (exit code 2)
├── ConfigError         lifeboat.yaml, or what it refers to, is wrong
├── Transient           the same call may go through later: retried by tasks
├── ChainBroken         an incremental cannot build on its chain: a full is due
└── Damaged             the backup itself is at fault: a proof has failed (exit code 1)
"""

from backups.text import shown


class LifeboatError(Exception):
    """An error for the operator: `message` says what went wrong, `hint` what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        # What a server answered may be in it. Where it is shown no longer matters then: Prefect shows it, and tracebacks do.
        self.message = shown(message)
        self.hint = None if hint is None else shown(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class ConfigError(LifeboatError):
    """lifeboat.yaml, or something it names, cannot be used as it is."""


class Transient(LifeboatError):
    """Something outside Lifeboat did not answer or was busy; trying again may help."""


class ChainBroken(LifeboatError):
    """The source no longer has what an incremental needs; the message is why a full is taken instead."""


class Damaged(LifeboatError):
    """A backup read from the repository is not what was stored, or cannot be restored."""
