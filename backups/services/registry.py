"""The services there are: one line a type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.services.base import Service, ServiceSettings
from backups.services.grafana.service import GrafanaService
from backups.services.grafana.settings import GrafanaSettings
from backups.services.mysql.service import MySQLService
from backups.services.mysql.settings import MySQLSettings
from backups.services.prometheus.service import PrometheusService
from backups.services.prometheus.settings import PrometheusSettings


@dataclass(frozen=True)
class ServiceType:
    """How a type's section is read, and what it becomes. `make` takes the name, the settings, Docker and the hosts."""

    settings: type[ServiceSettings]
    make: Callable[[str, Any, Docker, Hosts], Service]


SERVICE_TYPES: dict[str, ServiceType] = {
    "mysql": ServiceType(MySQLSettings, MySQLService),
    "prometheus": ServiceType(PrometheusSettings, PrometheusService),
    "grafana": ServiceType(GrafanaSettings, GrafanaService),
}
