"""Describes the running server of a copy, for what makes another server out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from backups.machine.docker import Image
from backups.services.mysql.copy.server import Server


@dataclass(frozen=True)
class Opened:
    """A copy's server, and what a server on the same data must be started with.

    settings: of what is handed over, `name=value`. zone: see `MySQLDetails`
    """

    server: Server
    image: Image
    mariadb: bool
    variables: Mapping[str, str]
    settings: Sequence[str]
    plugins: Sequence[str]
    environment: Mapping[str, str]
    zone: tuple[tuple[int, int], ...]


@runtime_checkable
class HasServer(Protocol):
    """A copy that can say so."""

    def opened(self) -> Opened:
        """Return it, once the server runs."""
        ...
