"""Describes copies that stand where their sources stood, beside one another in one network that leads nowhere else.

A restored Grafana finds its data sources there without a byte of them being changed.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from backups.panels.question import Asker

if TYPE_CHECKING:
    from backups.machine.docker import Container


@dataclass(frozen=True)
class Stand:
    """Where a copy stands: in the network of a container, in which it listens at its source's old addresses.

    addresses: IP addresses that are that network's own; none: nobody asks it over a network
    path: below which an HTTP server has its API, as its clients write it
    """

    pod: "Container"
    addresses: tuple[str, ...] = ()
    port: int = 0
    path: str = ""


@runtime_checkable
class Stands(Protocol):
    """A copy that can stand there."""

    def stand(self, stand: Stand) -> None:
        """Take the place, before `start`."""
        ...

    def admits(self, user: str) -> Sequence[str]:
        """Return from which hosts, as its accounts name them, this user may log in; after `first_answer`.

        Empty where there is no such account, or where nobody logs in.
        """
        ...


@runtime_checkable
class Shows(Protocol):
    """A copy of what shows dashboards, and asks the others for them."""

    def stand(self, stand: Stand) -> None:
        """As `Stands.stand`."""
        ...

    def through(self) -> AbstractContextManager[Asker]:
        """Ask it as a person's browser does, so that it asks its data sources; after `first_answer`."""
        ...

    def unopened(self, dashboards: Collection[tuple[int, str]]) -> Mapping[tuple[int, str], str]:
        """Say which of these, by organisation and uid, it does not give out as they are in the backup, and why."""
        ...

    def altered(self) -> Sequence[str]:
        """Name the data sources that are not as they were restored, with what its start has made of them."""
        ...
