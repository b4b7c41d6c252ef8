"""What a service can say besides of how its witnesses were measured, so that those of two backups can be compared.

Whoever compares them asks by `measured`; of a service that says nothing, every fact is measured alike in all its backups.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from backups.manifest import Manifest
from backups.services.base import Service
from backups.witness import Fact

How = Callable[[Fact], Mapping[str, str] | None]
"""Says how a backup measures such a fact, by names that a person may read and values that nobody has to: two facts that were
measured in other ways may differ though nothing changed. None: that backup states no such fact, whether it is there or not."""


@runtime_checkable
class Measured(Protocol):
    """A service whose backups may have been measured in other ways, or state other facts."""

    def measured(self, manifest: Manifest) -> How:
        """Return how that backup's facts were measured. Raises Damaged when its details cannot be read."""
        ...


def measured(service: Service, manifest: Manifest) -> How:
    """Return how a backup's facts were measured."""
    return service.measured(manifest) if isinstance(service, Measured) else lambda fact: {}  # noqa: ARG005
