"""The services there are: one line a type.

A type's own modules are imported when one of its services is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backups.hosts import Hosts
from backups.services.base import Service
from backups.services.grafana.settings import GrafanaSettings
from backups.services.mysql.settings import MySQLSettings
from backups.services.prometheus.settings import PrometheusSettings
from backups.services.settings import ServiceSettings

if TYPE_CHECKING:
    from backups.machine.docker import Docker


@dataclass(frozen=True)
class ServiceType:
    """How a type's section is read, and what it becomes. `make` takes the name, the settings, Docker and the hosts."""

    settings: type[ServiceSettings]
    make: Callable[[str, Any, "Docker", Hosts], Service]


def _mysql(name: str, settings: MySQLSettings, docker: "Docker", hosts: Hosts) -> Service:
    from backups.services.mysql.service import MySQLService

    return MySQLService(name, settings, docker, hosts)


def _prometheus(name: str, settings: PrometheusSettings, docker: "Docker", hosts: Hosts) -> Service:
    from backups.services.prometheus.service import PrometheusService

    return PrometheusService(name, settings, docker, hosts)


def _grafana(name: str, settings: GrafanaSettings, docker: "Docker", hosts: Hosts) -> Service:
    from backups.services.grafana.service import GrafanaService

    return GrafanaService(name, settings, docker, hosts)


SERVICE_TYPES: dict[str, ServiceType] = {
    "mysql": ServiceType(MySQLSettings, _mysql),
    "prometheus": ServiceType(PrometheusSettings, _prometheus),
    "grafana": ServiceType(GrafanaSettings, _grafana),
}
