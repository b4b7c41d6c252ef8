"""Describes services of whose copies the rows that are not those of the source, or of an earlier backup, can be named."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from backups.witness import Check


@dataclass(frozen=True)
class Row:
    """A row that differs. missing: the copy lacks it. extra: the copy alone has it. changed: `columns` differ.

    key: its primary key, column by column, as text; what is no number is told by its hash unless values were asked for
    values: of each such column what the other side holds, and the copy; empty unless values were asked for
    """

    kind: Literal["missing", "extra", "changed"]
    key: tuple[tuple[str, str], ...]
    columns: tuple[str, ...] = ()
    values: tuple[tuple[str, str | None, str | None], ...] = ()


@dataclass(frozen=True)
class Trace:
    """The rows of a table that differ, the first of them; `total`: how many there are, None where they were not all counted.

    why_not: why they were not looked for, or not found, a phrase
    """

    subject: str
    rows: tuple[Row, ...] = ()
    total: int | None = None
    why_not: str | None = None


class Rows:
    """A server's rows, open to be compared with a copy's; only the service that gave them knows how. Read, never locked."""


@runtime_checkable
class HasRows(Protocol):
    """A service, of whose live server rows can be compared with a copy's; or a copy of one, after `observe`."""

    def rows(self) -> AbstractContextManager[Rows]:
        """Open them; raises LifeboatError when the server does not answer."""
        ...


@runtime_checkable
class Traced(HasRows, Protocol):
    """A copy whose rows can be compared with another server's, row by row; after `observe`."""

    def trace(self, checks: Sequence[Check], other: Rows, *, exactly: bool, seconds: float, values: bool) -> list[Trace]:
        """Name the rows that differ of the tables that failed checks are about; empty where none is about a table's rows.

        checks: all of the drill. other: with the right rows. exactly: it counts only where it holds what the checks expect, and
        so may be a live source. seconds: how long all may take. values: whether values are shown
        """
        ...
