"""What a service whose servers have an identity (MySQL) can do besides: say that another server answers at its address.

Whoever finds data missing asks by `another`; of a service without an identity nothing is known.
"""

from typing import Protocol, runtime_checkable

from backups.manifest import Manifest
from backups.services.base import Service


@runtime_checkable
class Identified(Protocol):
    """A service whose backups name the server that they are of."""

    def another(self, manifest: Manifest) -> str | None:
        """Say which server answers, where it is not the one of that backup; None where it is. Raises LifeboatError."""
        ...


def another(service: Service, manifest: Manifest) -> str | None:
    """Say which server answers, where it is known not to be the one that the backup is of."""
    return service.another(manifest) if isinstance(service, Identified) else None
