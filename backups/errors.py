"""The errors an operator may see: what, where, both numbers, and a hint. Everything else is a bug with a traceback.

LifeboatError           could not run: nothing was proven, nothing was lost (exit code 2)
├── ConfigError         lifeboat.yaml, or what it refers to, is wrong
├── Transient           the same call may go through later: retried by tasks
├── ChainBroken         an incremental cannot build on its chain: a full is due
└── Damaged             the backup itself is at fault: a proof has failed (exit code 1)
"""


class LifeboatError(Exception):
    """A fault told to a person: lower-case message, no full stop, and what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class ConfigError(LifeboatError):
    """lifeboat.yaml, or something it names, cannot be used as it is."""


class Transient(LifeboatError):
    """Something outside was away or busy; trying again may help."""


class ChainBroken(LifeboatError):
    """The source no longer holds what an incremental needs; the message is the reason a full is taken instead."""


class Damaged(LifeboatError):
    """What came out of the repository is not what went in, or cannot be brought back."""
