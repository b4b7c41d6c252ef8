"""Connects over SSH to the machines under `hosts:` of lifeboat.yaml, once for each machine in a process."""

import atexit
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backups.errors import ConfigError
from backups.hosts.settings import HostSettings

if TYPE_CHECKING:
    from backups.hosts.connection import HostConnection

_Key = tuple[tuple[str, HostSettings], ...]
_open: dict[_Key, "HostConnection"] = {}
_guard = threading.Lock()


@dataclass(frozen=True)
class Hosts:
    """The configured machines by their names. Making it connects to nothing."""

    configured: Mapping[str, HostSettings] = field(default_factory=dict)

    def settings(self, name: str) -> HostSettings:
        """Return the section of one machine; raises ConfigError when no machine has that name."""
        if name not in self.configured:
            known = ", ".join(self.configured) or "none"
            raise ConfigError(f"there is no host {name} under hosts: in lifeboat.yaml", hint=f"configured there: {known}")
        return self.configured[name]

    def connect(self, name: str) -> "HostConnection":
        """Return the machine's connection: one for the whole process, opened at its first use.

        Raises ConfigError for a name that is not configured, or whose jump hosts are not configured or form a circle.
        """
        return self._connection(self._route(name))

    def _route(self, name: str) -> _Key:
        """Return the machines on the route, the one that is reached directly first."""
        route = [(name, self.settings(name))]
        while (jump := route[0][1].jump) is not None:
            if jump in [passed for passed, _ in route]:
                raise ConfigError(
                    f"the jump hosts of hosts.{name} form a circle: {jump} comes twice", hint="remove one `jump:` under hosts:"
                )
            route.insert(0, (jump, self.settings(jump)))
        return tuple(route)

    def _connection(self, route: _Key) -> "HostConnection":
        # Imported here: a process that uses no SSH does not wait for its library.
        from backups.hosts.connection import HostConnection

        jump = self._connection(route[:-1]) if len(route) > 1 else None
        with _guard:
            return _open.setdefault(route, HostConnection(*route[-1], jump))


def close_all() -> None:
    """Close every connection of this process; one that is used again is opened again."""
    with _guard:
        connections = list(_open.values())
    # In reverse order: a connection through a jump host has to be closed while the jump host's is open.
    for connection in reversed(connections):
        connection.close()


atexit.register(close_all)

NOWHERE = Hosts()
"""No machine is configured."""
