"""Reads are asked again within bounds, whatever went wrong on the way; writes only when they were put off."""

from typing import Any

import pytest

from backups.errors import LifeboatError, Transient
from backups.services.grafana import again
from backups.services.grafana.client import Missing, Refused, Unclear
from backups.services.http.faults import Unserved
from tests.unit.grafana.api.fake import Fake, faked

CUT = Transient("the connection ended before an answer came")
GOOD = (200, [])
PASSING: list[Any] = [CUT, (500, {"message": "database is locked"}), (502, {}), (503, {}), (504, {}), (429, {})]


@pytest.mark.parametrize("fault", PASSING, ids=str)
@pytest.mark.parametrize("question", ["get", "get_or_status"])
def test_a_read_goes_on_after_what_passes(fault: Any, question: str) -> None:
    fake = Fake({"GET /api/x": [fault, GOOD]})
    with faked(fake) as client:
        answer = getattr(client, question)("api", "x")
    if question == "get_or_status" and fault == (500, {"message": "database is locked"}):
        assert answer == "HTTP 500", "of one object: it may be broken, and there may be thousands"
    else:
        assert answer == []
        assert len(fake.paused) == 1


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_a_read_is_given_up_within_bounds(fault: Any) -> None:
    fake = Fake({"GET /api/x": fault})
    with faked(fake) as client, pytest.raises(Transient):
        client.get("api", "x")
    assert 3 <= len(fake.calls) <= again.TRIES
    assert sum(fake.paused) <= 60


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 409, 412, 422, 302])
def test_an_answer_is_an_answer(status: int) -> None:
    fake = Fake({"GET /api/x": (status, {"message": "words of its own"})})
    with faked(fake) as client, pytest.raises(LifeboatError) as fault:
        client.get("api", "x")
    assert len(fake.calls) == 1
    if status != 302:
        assert "words of its own" in fault.value.message


@pytest.mark.parametrize("fault", PASSING[:-1], ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_whose_outcome_is_not_known_is_not_made_again(fault: Any, method: str) -> None:
    fake = Fake({f"{method} /api/x": fault})
    with faked(fake) as client, pytest.raises(Unclear):
        client.send(method, "api", "x", body={})
    assert len(fake.calls) == 1


def test_a_write_that_was_put_off_is_made_later() -> None:
    fake = Fake({"POST /api/x": [(429, {}), (429, {}), (200, {"id": 1})]})
    with faked(fake) as client:
        assert client.send("POST", "api", "x", body={}) == {"id": 1}
    assert len(fake.calls) == 3


@pytest.mark.parametrize(("status", "kind"), [(404, Missing), (409, Refused)])
def test_a_write_that_is_refused_is_clear(status: int, kind: type[LifeboatError]) -> None:
    with faked(Fake({"PUT /api/x": (status, {"message": "no"})})) as client, pytest.raises(kind):
        client.send("PUT", "api", "x", body={})


@pytest.mark.parametrize("met", [True, False])
def test_a_server_that_refuses_connections_is_waited_for_where_it_was_seen_before(met: bool) -> None:
    """It is started again in the middle of a backup, or it is not there at all."""
    fake = Fake({"GET /api/first": GOOD, "GET /api/x": [Unserved("refused"), GOOD]})
    with faked(fake) as client:
        if met:
            client.get("api", "first")
            assert client.within(2).get("api", "x") == []
        else:
            with pytest.raises(Unserved):
                client.get("api", "x")


def test_health_is_asked_for_a_few_times() -> None:
    """A backup begins with it: one 502 of a proxy is no reason not to have one."""
    fake = Fake({"GET /api/health": [(502, {}), CUT, (200, {"database": "ok", "version": "12.4.3"})]})
    with faked(fake) as client:
        assert again.insist(client.health, client.pause).version == "12.4.3"
    fake = Fake({"GET /api/health": CUT})
    with faked(fake) as client, pytest.raises(Transient):
        again.insist(client.health, client.pause)
    assert len(fake.calls) == 3


def test_a_server_that_hangs_is_not_waited_for_all_night(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = iter(range(0, 10_000, 200))
    monkeypatch.setattr(again.time, "monotonic", lambda: float(next(passed)))
    fake = Fake({"GET /api/x": CUT})
    with faked(fake) as client, pytest.raises(Transient):
        client.get("api", "x")
    assert len(fake.calls) == 2
