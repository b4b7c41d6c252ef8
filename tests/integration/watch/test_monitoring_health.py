"""Whether Prometheus and Grafana serve: real Prometheus, and Grafana's stand-in; what strangers answer is in tests/unit/http/."""

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Problem, Service
from backups.services.grafana.service import GrafanaService
from backups.services.prometheus.service import PrometheusService
from tests.servers.grafana import GrafanaServer
from tests.servers.http import answering
from tests.servers.prometheus import PrometheusFactory, PrometheusServer

NOBODY = "http://127.0.0.1:9"


def prometheus(server: PrometheusServer, **changes: object) -> Service:
    return PrometheusService("prometheus", server.settings(**changes), Docker())


def grafana(server: GrafanaServer, **changes: object) -> Service:
    return GrafanaService("grafana", server.settings(**changes), Docker())


def seen(service: Service) -> list[Problem]:
    return list(service.health([], 0.5))


def test_healthy_servers_are_well(prometheus_source: PrometheusServer, grafana_source: GrafanaServer) -> None:
    assert seen(prometheus(prometheus_source)) == []
    assert seen(grafana(grafana_source)) == []


def test_servers_that_do_not_answer_are_down(prometheus_source: PrometheusServer, grafana_source: GrafanaServer) -> None:
    (first,), (second,) = seen(prometheus(prometheus_source, url=NOBODY)), seen(grafana(grafana_source, url=NOBODY))
    assert (first.kind, second.kind) == ("down", "down")
    assert f"Prometheus at {NOBODY} does not answer" in first.message
    assert f"Grafana at {NOBODY} does not answer" in second.message


def test_a_prometheus_that_does_not_let_us_in_or_is_none_is_not_called_down(prometheus_factory: PrometheusFactory) -> None:
    server = prometheus_factory(authentication=True)
    assert seen(prometheus(server)) == []
    with pytest.raises(LifeboatError, match="refuses the login"):
        seen(prometheus(server, password="wrong"))
    with answering(lambda _: (404, {}, b"no such page")) as url, pytest.raises(LifeboatError, match="answers 404"):
        seen(prometheus(server, url=url))
