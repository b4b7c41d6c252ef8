"""Describes servers that take a restore by their own API, and the copies and services that have such servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from backups.manifest import Manifest
from backups.services.base import Delivery


@dataclass(frozen=True)
class Foresight:
    """What a restore would do to a running server.

    held: what of its own content is not equal to the backup, by name
    notes: what the operator has to know, a line each. clashes: why it cannot take the backup, a line each
    """

    held: Sequence[str] = ()
    notes: Sequence[str] = ()
    clashes: Sequence[str] = ()


@runtime_checkable
class Receiver(Protocol):
    """A running server that takes a restore by its own API, instead of a place that takes files."""

    def __str__(self) -> str:
        """As it is written after `--to`."""
        ...

    @property
    def written(self) -> bool:
        """Whether anything was sent to it that may have changed it."""
        ...

    @property
    def lacking(self) -> list[str]:
        """Why what it holds after `receive` is not all that the backup is, a phrase each."""
        ...

    def entries(self) -> list[str]:
        """What it holds already, by name. Raises LifeboatError when it does not answer or lets nothing out."""
        ...

    def foresee(self, tree: Path, name: str, first: Path | None = None) -> Foresight:
        """See what `receive` would do; writes nothing. Raises LifeboatError as it does, but for clashes."""
        ...

    def keep(self, directory: Path) -> None:
        """Write what it holds into a new directory, so that it may be put back."""
        ...

    def kept(self, directory: Path) -> list[str]:
        """The names of what `keep` wrote."""
        ...

    def receive(self, tree: Path, name: str, first: Path | None = None, *, over: bool = True) -> list[str]:
        """Put everything in, read it back, and compare; returns what the operator has to know, a line each.

        tree: what `GivesObjects.objects` made; name: of the backup. What has the same name there is written over, all else stays.
        first: what it held before an earlier try that was ended in the middle, as `keep` wrote it: all else there is its work
        over: whether content of its own, which is not equal to the backup, may be written over
        Raises LifeboatError for what is refused, or not equal afterwards. May be begun again.
        """
        ...


@runtime_checkable
class GivesObjects(Protocol):
    """A copy of a service whose servers take a restore by their API."""

    def objects(self, into: Path) -> Delivery:
        """Fill a directory with what a `Receiver` takes. The copy's server still runs."""
        ...


@runtime_checkable
class Received(Protocol):
    """A service whose servers take a restore by their API."""

    def receiver(self, url: str | None) -> Receiver:
        """The server at `url`, by default the configured one; raises ConfigError when no credentials are configured."""
        ...

    def by_api_only(self, manifest: Manifest) -> bool:
        """Whether that backup holds no files that a server could start on."""
        ...

    def objects_in(self, manifest: Manifest) -> str | None:
        """Name the service whose backups hold what a server would receive, when that backup holds none of it."""
        ...
