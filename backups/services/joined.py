"""Describes a service that keeps its data in a database which another service protects: both come back together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from backups.witness import Fact

if TYPE_CHECKING:
    from backups.machine.docker import Container
    from backups.machine.relay import Dial

Table = tuple[str, Sequence[str], Iterable[Sequence[Any]]]
"""A table's name, its columns, and its rows."""


@dataclass(frozen=True)
class Lent:
    """A database server that was brought back, for a copy of another service to run on.

    backup: whose it is, as its id. container: whose network the other copy joins. dial: opens a connection to it
    user, password: of an account that exists in this copy alone, and may do anything there
    tables: reads every table of a database. execute: runs a statement in a database
    """

    backup: str
    container: "Container"
    dial: "Dial"
    user: str
    password: str = field(repr=False)
    tables: Callable[[str], Iterator[Table]]
    execute: Callable[[str, str], None]


@runtime_checkable
class Lends(Protocol):
    """A copy of a database server that another service's copy can run on."""

    def lend(self, backup: str) -> Lent:
        """Give it to another copy, which may write; what it holds has been compared by then. backup: its id."""
        ...


@runtime_checkable
class Joined(Protocol):
    """A copy that runs on a database server which was brought back beside it."""

    def join(self, lent: Lent) -> None:
        """Take the server, before `start`."""
        ...

    def stated(self) -> list[Fact]:
        """State what `observe` must find of this server's rows, beside the witness; after `start`."""
        ...
