"""Whether Prometheus and Grafana serve: real Prometheus, Grafana's stand-in, and what a proxy in front of a dead one answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Problem, Service
from backups.services.grafana.service import GrafanaService
from backups.services.prometheus.service import PrometheusService
from tests.servers.grafana import GrafanaServer
from tests.servers.prometheus import PrometheusFactory, PrometheusServer

NOBODY = "http://127.0.0.1:9"


def prometheus(server: PrometheusServer, **changes: object) -> Service:
    return PrometheusService("prometheus", server.settings(**changes), Docker())


def grafana(server: GrafanaServer, **changes: object) -> Service:
    return GrafanaService("grafana", server.settings(**changes), Docker())


def seen(service: Service) -> list[Problem]:
    return list(service.health([], 0.5))


@contextmanager
def answering(status: int, words: str) -> Iterator[str]:
    """A proxy that answers everything alike; yields its url."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(words.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_healthy_servers_are_well(prometheus_source: PrometheusServer, grafana_source: GrafanaServer) -> None:
    assert seen(prometheus(prometheus_source)) == []
    assert seen(grafana(grafana_source)) == []


def test_servers_that_do_not_answer_are_down(prometheus_source: PrometheusServer, grafana_source: GrafanaServer) -> None:
    (first,), (second,) = seen(prometheus(prometheus_source, url=NOBODY)), seen(grafana(grafana_source, url=NOBODY))
    assert (first.kind, second.kind) == ("down", "down")
    assert f"Prometheus at {NOBODY} does not answer" in first.message
    assert f"Grafana does not answer at {NOBODY}" in second.message


def test_a_proxy_before_dead_servers_does_not_hide_them(
    prometheus_source: PrometheusServer, grafana_source: GrafanaServer
) -> None:
    with answering(502, "Bad Gateway") as url:
        assert [problem.kind for problem in seen(prometheus(prometheus_source, url=url))] == ["down"]
        assert [problem.kind for problem in seen(grafana(grafana_source, url=url))] == ["down"]


def test_a_grafana_whose_database_does_not_answer_is_down(grafana_source: GrafanaServer) -> None:
    with answering(503, '{"database": "failing", "version": "12.4.1"}') as url:
        (problem,) = seen(grafana(grafana_source, url=url))
    assert problem.message == f"Grafana at {url} answers, and says that its database does not"


def test_a_prometheus_that_does_not_let_us_in_or_is_none_is_not_called_down(prometheus_factory: PrometheusFactory) -> None:
    server = prometheus_factory(authentication=True)
    assert seen(prometheus(server)) == []
    with pytest.raises(LifeboatError, match="refuses the login"):
        seen(prometheus(server, password="wrong"))
    with answering(404, "no such page") as url, pytest.raises(LifeboatError, match="answers 404"):
        seen(prometheus(server, url=url))
