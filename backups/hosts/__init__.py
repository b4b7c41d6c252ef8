"""The machines of `hosts:`, reached over SSH."""

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
        """The section of one machine; raises ConfigError when there is none of that name."""
        if name not in self.configured:
            known = ", ".join(self.configured) or "none"
            raise ConfigError(f"there is no host {name} under hosts: of lifeboat.yaml", hint=f"configured: {known}")
        return self.configured[name]

    def connect(self, name: str) -> "HostConnection":
        """The machine's connection, the same for everybody in this process who means the same machine; opened at its first use.

        Raises ConfigError for a name that is not configured, or whose jump hosts lead nowhere or round in a circle.
        """
        return self._through(self._way(name))

    def _way(self, name: str) -> _Key:
        """The machines on the way, the first that we reach ourselves first."""
        way = [(name, self.settings(name))]
        while (jump := way[0][1].jump) is not None:
            if jump in [passed for passed, _ in way]:
                raise ConfigError(f"the jump hosts of hosts.{name} lead round in a circle: {jump}", hint="remove one jump:")
            way.insert(0, (jump, self.settings(jump)))
        return tuple(way)

    def _through(self, way: _Key) -> "HostConnection":
        # Whoever reaches nothing over SSH does not wait for its library.
        from backups.hosts.connection import HostConnection

        jump = self._through(way[:-1]) if len(way) > 1 else None
        with _guard:
            return _open.setdefault(way, HostConnection(*way[-1], jump))


def close_all() -> None:
    """End every connection of this process; whoever uses one again opens it again."""
    with _guard:
        connections = list(_open.values())
    # The farthest first: a connection through another one has to be ended while that one lives.
    for connection in reversed(connections):
        connection.close()


atexit.register(close_all)

NOWHERE = Hosts()
"""No machine is configured."""
