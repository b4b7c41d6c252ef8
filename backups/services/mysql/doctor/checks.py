"""Describes the checks that a method of backing up makes before it copies a source.

A reason not to copy is a function: those of CLONE are in `../clone/checks.py`, those of a dump in `../dump/checks.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import Source

ALL_PRIVILEGES = "ALL PRIVILEGES"
"""How older servers print every privilege that is not a dynamic one."""
_SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """A finding, and whether a backup is refused for it."""

    finding: Finding
    refuses: bool = False


class Checks(Protocol):
    """Checks what a method needs of a source, of our user there and of the image."""

    def judge(self, session: Session, seen: Source, settings: MySQLSettings) -> Iterator[Verdict]:
        """Judge the source; ends after a fault that keeps the rest from being checked."""
        ...

    def create_user(self, settings: MySQLSettings) -> str:
        """Return the SQL that creates at a source everything that a backup needs."""
        ...

    def examine_image(self, settings: MySQLSettings, seen: Source | None, docker: Docker) -> Iterator[Finding]:
        """Compare the image with the source, or look at it alone where the source could not be seen.

        Raises LifeboatError when the image is not to be had.
        """
        ...


def fine(subject: str, message: str, remedy: str | None = None) -> Verdict:
    """Return a check that was passed. `remedy`: what would make it better still."""
    return Verdict(Finding(subject, ok=True, message=message, remedy=remedy))


def fault(subject: str, message: str, remedy: str, *, refuses: bool = True) -> Verdict:
    """Return a check that was not passed."""
    return Verdict(Finding(subject, ok=False, message=message, remedy=remedy), refuses=refuses)


def some(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
