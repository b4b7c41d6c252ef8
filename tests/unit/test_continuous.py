"""Whether a service has a log is asked once; one that has none names nothing of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from backups.errors import LifeboatError
from backups.services.continuous import continuous, continuous_copy
from backups.services.grafana.service import GrafanaService
from backups.services.mysql.service import MySQLService
from backups.services.mysql.settings import MySQLSettings
from backups.services.prometheus.service import PrometheusService

if TYPE_CHECKING:
    from backups.machine.docker import Docker
    from backups.services.base import Copy, Service


@dataclass
class Snapshots:
    """A service without a log, and a copy of it."""

    name: str = "toy"


def test_mysql_is_continuous_by_its_method_and_the_others_are_not() -> None:
    def mysql(method: str) -> MySQLService:
        settings = MySQLSettings.model_validate({"type": "mysql", "image": "mysql:9.7", "host": "db", "method": method})
        return MySQLService("agama", settings, cast("Docker", None))

    assert continuous(cloned := mysql("clone")) is cloned
    assert continuous(mysql("dump")) is None
    assert continuous(cast("Service", Snapshots())) is None
    for service in (PrometheusService, GrafanaService):
        assert not {"continuous", "holds", "follows", "log", "told"} & set(dir(service))


def test_a_copy_without_a_log_cannot_go_on() -> None:
    with pytest.raises(LifeboatError, match="the backup has no log: no moment between two backups can be brought back"):
        continuous_copy(cast("Copy", Snapshots()))
