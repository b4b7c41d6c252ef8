"""What the watch makes of answers at the url of a Prometheus or a Grafana: down by evidence, well by its own words, else neither."""

import errno
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from backups.errors import LifeboatError
from backups.services.base import Problem
from backups.services.grafana import health as grafana
from backups.services.grafana.service import GrafanaService
from backups.services.grafana.settings import GrafanaSettings
from backups.services.http import faults
from backups.services.prometheus import health as prometheus
from backups.services.prometheus.settings import PrometheusSettings
from tests.servers.http import answering, certificate, nobody, serving, talking


def look_at_prometheus(url: str) -> list[Problem]:
    section = {"type": "prometheus", "image": "x", "url": url, "place": "local:/x"}
    return list(prometheus.look(PrometheusSettings.model_validate(section)))


def look_at_grafana(url: str) -> list[Problem]:
    section = {"type": "grafana", "image": "x", "url": url, "place": "local:/x"}
    return list(grafana.problems(GrafanaSettings.model_validate(section)))


Look = Callable[[str], list[Problem]]
both = pytest.mark.parametrize("look", [look_at_prometheus, look_at_grafana], ids=["prometheus", "grafana"])
HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Front:
    """What stands at the url: it gives one answer to everything."""

    url: str = ""
    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    found = Front()
    with answering(lambda _: found.answer) as found.url:
        yield found


STRANGERS = {
    "404 html": (404, HTML, b"<html><h1>404 Not Found</h1></html>"),
    "404 json": (404, JSON, b'{"message": "Not found"}'),
    "401": (401, {"WWW-Authenticate": "Basic"}, b""),
    "403 json": (403, JSON, b'{"message": "forbidden"}'),
    "407": (407, {"Proxy-Authenticate": "Basic"}, b""),
    "429": (429, {"Retry-After": "60"}, b"slow down"),
    "400": (400, HTML, b"The plain HTTP request was sent to HTTPS port"),
    "a login page": (200, HTML, b"<html><form action=/login></html>"),
    "to a login page": (302, {"Location": "/login"}, b""),
    "to a login page elsewhere": (302, {"Location": "https://login.invalid/?next=x"}, b""),
    "to a file": (302, {"Location": "file:///etc/passwd"}, b""),
    "another service that is well": (200, JSON, b'{"status": "ok"}'),
    "another service that is not": (503, JSON, b'{"status": "failing"}'),
    "500 html": (500, HTML, b"<html>Internal Server Error</html>"),
    "502 html": (502, HTML, b"<html><h1>502 Bad Gateway</h1></html>"),
    "503 html": (503, HTML, b"<html><h1>503 Service Temporarily Unavailable</h1></html>"),
    "503 of a proxy that says no more": (503, {}, b"Service Unavailable"),
    "504 html": (504, HTML, b"<html>Gateway Time-out</html>"),
    "520": (520, HTML, b"<html>Web server is returning an unknown error</html>"),
    "204": (204, {}, b""),
    "200 and nothing": (200, {}, b""),
    "nearly its own words": (200, {}, b"Prometheus Server is Ready. Or is it?"),
    "its own words with another status": (404, {}, b"Prometheus Server is Ready.\n"),
    "a database that is ok, with another status": (500, JSON, b'{"database": "ok"}'),
    "a database that fails, with another status": (200, JSON, b'{"database": "failing"}'),
    "a database in words of another": (503, JSON, b'{"database": ["failing"]}'),
    "deep": (200, JSON, b'{"database": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "large": (503, JSON, b" " * (2 << 20)),
}


@both
@pytest.mark.parametrize("answer", STRANGERS.values(), ids=STRANGERS)
def test_what_a_stranger_answers_is_neither_down_nor_well(front: Front, look: Look, answer: Any) -> None:
    front.answer = answer
    with pytest.raises(LifeboatError):
        look(front.url)


OWN = ('"database"', "is Ready", "is Healthy")
anything = st.one_of(
    st.text(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ).map(json.dumps),
)


@both
@hypothesis(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=st.integers(200, 599), headers=st.sampled_from([HTML, JSON, {"Location": "/"}, {"Location": "//x"}]), body=anything)
def test_no_answer_of_a_stranger_is_down_or_well(
    front: Front, look: Look, status: int, headers: dict[str, str], body: str
) -> None:
    """Any status with any body that is not the service's own."""
    if any(word in body for word in OWN):
        return
    front.answer = (status, headers, b"" if status in (204, 304) else body.encode("utf-8", "replace"))
    with pytest.raises(LifeboatError):
        look(front.url)


@both
def test_an_address_that_refuses_is_down(look: Look) -> None:
    with nobody() as url:
        (problem,) = look(url)
    assert problem.kind == "down"
    assert "Connection refused" in problem.message


@both
def test_no_secret_of_the_url_is_in_what_is_seen(look: Look) -> None:
    """It goes to the log, the reports, Prefect's database and whoever is notified."""
    with nobody() as url:
        (problem,) = look(url.replace("http://", "http://u:PlantedPw@") + "/?auth=PlantedQ")
    assert "Planted" not in repr(problem)
    assert problem.subject == url


def _hang_up(connection: socket.socket) -> None:
    connection.sendall(b"")


@both
def test_a_connection_that_ends_is_no_evidence(look: Look) -> None:
    """A proxy, a tunnel or a rate limit ends connections without a word, too."""
    with talking(_hang_up) as url, pytest.raises(LifeboatError, match="could not be read"):
        look(url)


@both
@pytest.mark.parametrize("days", [30, -1])
def test_a_certificate_is_no_evidence(tmp_path: Any, look: Look, days: int) -> None:
    with (
        answering(lambda _: (200, {}, b""), certificate(tmp_path / "server.pem", days=days)) as url,
        pytest.raises(LifeboatError, match="TLS certificate"),
    ):
        look(url)


@both
def test_a_name_is_no_evidence(look: Look) -> None:
    with pytest.raises(LifeboatError, match="cannot be resolved"):
        look("http://service.invalid:3000")


@both
def test_a_proxy_of_this_machine_is_no_evidence(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with nobody() as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(LifeboatError, match="the proxy"):
            look("http://10.9.8.7:3000")


@pytest.mark.parametrize("words", ["Prometheus Server is Ready.\n", "Prometheus is Ready.\n"])
def test_prometheus_is_well_by_its_own_words(front: Front, words: str) -> None:
    front.answer = (200, {}, words.encode())
    assert look_at_prometheus(front.url) == []


@pytest.mark.parametrize(
    ("status", "said", "kinds"),
    [
        (200, {"database": "ok", "version": "12.4.1", "commit": "x"}, []),
        (200, {"database": "ok"}, []),
        (503, {"database": "failing", "version": "12.4.1", "commit": "x"}, ["down"]),
    ],
)
def test_grafana_is_well_or_down_by_its_own_words(front: Front, status: int, said: dict[str, str], kinds: list[str]) -> None:
    front.answer = (status, JSON, json.dumps(said).encode())
    assert [problem.kind for problem in look_at_grafana(front.url)] == kinds


def test_a_prometheus_that_gets_no_further_with_its_log_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """By looks: as long as it gets on, it is starting and nothing else."""
    monkeypatch.setattr(prometheus, "_progress", {})
    replay = {"min": 0, "max": 40, "current": 7}
    answers = {
        "/-/ready": (503, "Service Unavailable"),
        "/-/healthy": (200, "Prometheus Server is Healthy.\n"),
        "/api/v1/status/walreplay": (200, {"status": "success", "data": replay}),
    }
    times = iter([0.0, 10.0, 20.0, 30.0])
    section: dict[str, Any] = {"type": "prometheus", "image": "x", "place": "local:/x"}

    def said() -> str:
        with pytest.raises(LifeboatError) as caught:
            list(prometheus.look(PrometheusSettings.model_validate(section), clock=lambda: next(times)))
        return caught.value.message

    with serving(answers) as url:
        section["url"] = url
        assert said().endswith("is starting: it reads its log, segment 7 of 40")
        assert said().endswith("segment 7 of 40, and has got no further for 10.0 s")
        replay["current"] = 8
        assert said().endswith("segment 8 of 40")
        assert said().endswith("segment 8 of 40, and has got no further for 10.0 s")


@pytest.mark.parametrize(
    ("numbers", "evidence"),
    [
        ([errno.ECONNREFUSED], True),
        ([errno.ETIMEDOUT], True),
        ([errno.EHOSTUNREACH], True),
        ([None], True),
        ([errno.ENETUNREACH, errno.ECONNREFUSED], True),
        ([errno.ENETUNREACH], False),
        ([errno.EADDRNOTAVAIL], False),
        ([errno.EPERM, errno.ECONNREFUSED], False),
        ([errno.EMFILE], False),
        ([], False),
    ],
)
def test_what_of_a_connection_is_evidence(numbers: list[int | None], evidence: bool) -> None:
    """Of several addresses all have to say so, except those of a family that this machine does not have."""
    errors = [TimeoutError("timed out") if number is None else OSError(number, "x") for number in numbers]
    direct = faults.unconnected("Service", "http://s", errors, to=None, beyond=False)
    assert isinstance(direct, faults.Unserved) == evidence
    assert not isinstance(faults.unconnected("Service", "http://s", errors, to="http://proxy", beyond=False), faults.Unserved)
    assert not isinstance(faults.unconnected("Service", "http://s", errors, to=None, beyond=True), faults.Unserved)


def test_a_grafana_whose_database_is_being_written_is_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens only when it has migrated. As soon as the files stand still, nobody is there."""
    monkeypatch.setattr(grafana, "_written", {})
    database = tmp_path / "grafana.db"
    database.write_bytes(b"x")
    with nobody() as url:
        section = {"type": "grafana", "image": "x", "url": url, "place": f"local:{tmp_path}"}
        service = GrafanaService("grafana", GrafanaSettings.model_validate(section), cast("Any", None))
        assert [problem.kind for problem in service.health([], 0.5)] == ["down"], "the first look knows nothing yet"
        (tmp_path / "grafana.db-journal").write_bytes(b"xx")
        with pytest.raises(LifeboatError, match="is starting: nobody answers there yet, and its database is being written"):
            list(service.health([], 0.5))
        assert [problem.kind for problem in service.health([], 0.5)] == ["down"]
        shutil.rmtree(tmp_path)
        assert [problem.kind for problem in service.health([], 0.5)] == ["down"], "and it cannot be seen"
