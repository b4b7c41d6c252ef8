"""What the API says in messages, and the names it takes from a server."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backups.errors import LifeboatError
from backups.services.http import answer as answer_module
from backups.services.http.bounds import Bounds
from backups.services.prometheus import api as api_module
from backups.services.prometheus import questions
from backups.services.prometheus.api import Api, Refused
from backups.services.prometheus.settings import PrometheusSettings
from tests.servers.http import answering


@contextmanager
def _answering(status: int, body: bytes) -> Iterator[Api]:
    """A server that gives one answer to everything: what no real Prometheus says, and a broken or false one might."""
    with answering(lambda _: (status, {}, body)) as url:
        yield Api(url, direct=True)


def test_a_password_in_the_url_is_not_shown() -> None:
    section = {"type": "prometheus", "image": "x", "place": "local:/x", "url": "http://me:secret@10.0.0.7:9090/prom/"}
    api = Api.of(PrometheusSettings.model_validate(section))
    assert api.name == "http://10.0.0.7:9090/prom"
    assert api.url == "http://me:secret@10.0.0.7:9090/prom"
    assert "secret" not in repr(api) + repr(Api("http://x", ("me", "secret")))


@pytest.mark.parametrize("name", ["../../etc", "20261122T222236Z-039c83059c69010b/..", "", "x"])
def test_a_snapshot_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    """The name becomes a path that is removed."""
    body = f'{{"status": "success", "data": {{"name": "{name}"}}}}'.encode()
    with _answering(200, body) as api, pytest.raises(LifeboatError, match="which is not the name of a snapshot"):
        api.snapshot()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"success"', b"{}"])
def test_an_answer_that_is_not_prometheuss_is_reported(body: bytes) -> None:
    with _answering(200, body) as api, pytest.raises(LifeboatError, match="answers 200, and not as Prometheus does"):
        api.version()


def test_an_error_of_the_storage_is_no_answer_rather_than_an_empty_one() -> None:
    body = b'{"status": "error", "errorType": "internal", "error": "checksum mismatch"}'
    with _answering(500, body) as api, pytest.raises(Refused, match="answers 500: internal: checksum mismatch"):
        api.query("up", 1)


@pytest.mark.parametrize("bound", ["bytes", "values"])
def test_an_answer_that_is_too_large_is_refused_as_the_server_itself_refuses_one(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup asks for less then, and goes on: a sparse history does not tell how much is in memory."""
    if bound == "bytes":
        monkeypatch.setattr(api_module, "_QUERY", Bounds(size=1000))
    else:
        monkeypatch.setattr(answer_module, "_MOST_VALUES", 500)
    values = ",".join(f'[{second},"1"]' for second in range(400))
    body = f'{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[{values}]}}]}}}}'
    with _answering(200, body.encode()) as api:
        with pytest.raises(Refused, match="answers with more than"):
            api.query("up[1d]", 1)
        assert questions.raw_samples(api, "up[1d]", 1).startswith("no answer: ")
