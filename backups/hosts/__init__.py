"""The machines of `hosts:`, reached over SSH."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backups.errors import ConfigError
from backups.hosts.settings import HostSettings


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


NOWHERE = Hosts()
"""No machine is configured."""
