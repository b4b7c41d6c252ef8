"""The HTTP client says what a server's odd answers mean, and repeats only what may be repeated."""

from http.server import BaseHTTPRequestHandler

import pytest

from backups.errors import LifeboatError, Transient
from backups.services.grafana.api.read import read
from backups.services.grafana.client import USER_HEADER, Client, Health
from backups.services.grafana.files import answers
from tests.servers.http import answering


@pytest.mark.parametrize(
    ("status", "headers", "body", "message"),
    [
        (302, {"Location": "https://user:word@login.example/?next=secret"}, b"", "redirects to https://login.example\n"),
        (200, {}, b"<html>", "answers 200, and not with JSON"),
        (200, {}, b'"text"', "answer is not a list of objects"),
        (500, {}, b'{"message": "database is locked"}', "answers 500: database is locked"),
        (503, {}, b"", "answers 503: Service Unavailable"),
    ],
)
def test_what_is_no_answer_of_grafanas_is_told(status: int, headers: dict[str, str], body: bytes, message: str) -> None:
    with answering(lambda _: (status, headers, body)) as url, pytest.raises(LifeboatError, match=message):
        read(Client(url, "Bearer x", direct=True, pause=lambda _: None))


def test_a_server_that_is_away_is_transient() -> None:
    with answering(lambda _: (200, {}, b"")) as url:
        pass
    with pytest.raises(Transient, match="does not answer"):
        read(Client(url, "Bearer x", direct=True, pause=lambda _: None))


def test_a_busy_server_is_given_the_time_that_it_asks_for() -> None:
    paused: list[float] = []

    def answer(_: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        return (429, {"Retry-After": "7"}, b"") if len(paused) < 2 else (200, {}, b"[]")

    with answering(answer) as url:
        assert Client(url, "Bearer x", direct=True, pause=paused.append).get("api", "orgs") == []
    assert paused == [7.0, 7.0]


def test_a_write_that_may_have_been_done_is_not_repeated() -> None:
    methods: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        methods.append(request.command)
        return 502, {}, b""

    with answering(answer) as url, pytest.raises(Transient, match="answers 502"):
        Client(url, "Bearer x", direct=True, pause=lambda _: None).send("POST", "api", "teams", body={})
    assert methods == ["POST"]


def test_health_follows_a_redirect_and_sends_no_credentials() -> None:
    """A url that leads from http to https, or to a sub-path, is healthy; the token is not shown to wherever it leads."""
    headers: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        headers.append(request.headers["Authorization"])
        if request.path == "/api/health":
            return 302, {"Location": "/grafana/api/health"}, b""
        return 200, {}, b'{"database": "ok", "version": "12.4.1"}'

    with answering(answer) as url:
        assert Client(url, "Bearer x", direct=True).health() == Health(ok=True, version="12.4.1")
    assert headers == [None, None]


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
def test_health_of_something_that_is_no_grafana_is_not_transient(body: bytes) -> None:
    with (
        answering(lambda _: (200, {}, body)) as url,
        pytest.raises(LifeboatError, match="/api/health answers 200, and not") as caught,
    ):
        Client(url).health()
    assert not isinstance(caught.value, Transient)


def test_an_answer_that_is_not_200_is_its_status() -> None:
    with answering(lambda _: (404, {}, b"{}")) as url:
        assert Client(url, direct=True).get_or_status("api", "dashboards", "uid", "gone") == "HTTP 404"
    with answering(lambda _: (200, {}, b"<html>")) as url:
        assert Client(url, direct=True).get_or_status("api", "dashboards", "uid", "odd") == "no JSON"


def test_a_list_that_a_copy_refuses_is_transient_and_names_the_reader() -> None:
    """It is never an empty list: what is not read would look as if it was lost."""
    readers: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        readers.append(request.headers[USER_HEADER])
        return 401, {}, b'{"message": "Unauthorized"}'

    with (
        answering(answer) as url,
        pytest.raises(
            Transient, match=r"lets user harbour-master read no list in organisation 7: .*HTTP 401: Unauthorized"
        ) as fault,
    ):
        answers.search(Client.behind_proxy(url, {7: "harbour-master"}).within(7), "dash-db")
    assert readers == ["harbour-master"]
    assert "administrators" in str(fault.value.hint)


def test_an_organisation_without_a_reader_is_not_asked() -> None:
    with answering(lambda _: (200, {}, b"[]")) as url, pytest.raises(LifeboatError, match="organisation 7 has no administrator"):
        Client.behind_proxy(url, {1: "harbour-master"}).within(7).get("api", "search")
