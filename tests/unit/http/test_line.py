"""What a server, or something between it and us, may send: every answer ends, and only an address that nobody serves is evidence."""

import gzip
import itertools
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from backups.errors import LifeboatError, Transient
from backups.machine import runs
from backups.services.http import line as lines
from backups.services.http.answer import DEEPEST, TooDeep
from backups.services.http.bounds import Bounds
from backups.services.http.faults import Unserved
from backups.services.http.line import Line
from tests.servers.http import Talk, answering, certificate, nobody, talking

BOUNDS = Bounds(connect=5.0, silence=5.0, total=10.0, size=1 << 20)
SLOW = Bounds(connect=5.0, silence=5.0, total=0.5, size=1 << 20)
SILENT = Bounds(connect=5.0, silence=0.3, total=10.0, size=1 << 20)
HEAD = b"HTTP/1.1 200 OK\r\n"


def ask(url: str, bounds: Bounds = BOUNDS, **more: object) -> lines.Answer:
    """One call, past every proxy of this machine."""
    with Line("Service", url, direct=True) as line:
        return line.ask("GET", "/x", bounds, **more)  # type: ignore[arg-type]


def _sending(*pieces: bytes, then: bytes = b"", pause: float = 0.0) -> Talk:
    """Send the pieces, then `then` again and again until the other side hangs up."""

    def talk(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        hang_up = threading.Event()
        while then:
            connection.sendall(then)
            hang_up.wait(pause)

    return talk


def _silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    "talk",
    [
        _sending(HEAD, b"Content-Length: 99999999999\r\n\r\n", then=b"x" * 65536),
        _sending(HEAD, b"\r\n", then=b"x" * 65536),
        _sending(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", then=b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        _sending(HEAD, b"Content-Encoding: gzip\r\nContent-Length: 262144\r\n\r\n", gzip.compress(b"\0" * (1 << 24)), then=b"x"),
    ],
    ids=["with a length", "without a length", "in pieces", "unpacked"],
)
def test_an_answer_without_end_is_left_where_it_is_too_large(talk: Talk) -> None:
    with talking(talk) as url, pytest.raises(LifeboatError, match=r"answers with more than 1 MiB: reading it was ended"):
        ask(url)


@pytest.mark.parametrize(
    "talk",
    [
        _sending(b"HTTP/1.1 200 OK\r\nX: ", then=b"y", pause=0.05),
        _sending(HEAD, b"\r\n", then=b"y", pause=0.05),
        _sending(HEAD, b"Content-Length: 1000\r\n\r\n", then=b"y", pause=0.05),
        _sending(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", then=b"1\r\ny\r\n", pause=0.05),
        _sending(HEAD, b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n", then=b"y", pause=0.05),
        _sending(then=b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.05),
        _sending(HEAD, b"Transfer-Encoding: chunked\r\n\r\n0\r\n", then=b"T: y\r\n", pause=0.05),
    ],
    ids=["headers", "body until it ends", "body of a length", "pieces", "one piece", "provisional answers", "trailers"],
)
def test_an_answer_that_drips_is_ended_and_is_no_evidence(talk: Talk) -> None:
    """Neither is what came until then taken for the whole answer."""
    with talking(talk) as url, pytest.raises(Transient, match=r"its answer was not whole after 0\.5 s") as caught:
        ask(url, SLOW)
    assert not isinstance(caught.value, Unserved)


def test_a_line_without_end_is_not_kept() -> None:
    endless = _sending(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", then=b"0" * 65536)
    with talking(endless) as url, pytest.raises(LifeboatError, match="could not be read"):
        ask(url)


@pytest.mark.parametrize("levels", [DEEPEST + 1, 900, 1200, 200_000])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"x":', "}"), ('[{"x":', "}]")])
def test_json_that_is_nested_too_deep_is_told(levels: int, start: str, end: str) -> None:
    text = (start * levels + "1" + end * levels).encode()
    with answering(lambda _: (200, {}, text)) as url, pytest.raises(TooDeep, match=f"nested deeper than {DEEPEST} levels"):
        ask(url, Bounds(size=1 << 22)).json()


def test_json_of_the_greatest_depth_is_read() -> None:
    text = ("[" * DEEPEST + "]" * DEEPEST).encode()
    with answering(lambda _: (200, {"Content-Encoding": "gzip"}, gzip.compress(text))) as url:
        answer = ask(url)
    assert answer.body == text
    assert isinstance(answer.json(), list)


@pytest.mark.parametrize("text", [b"", b"<html>", b"NaN", b"[Infinity]", b"9" * 5000, b"\xff", b'{"a"'])
def test_what_is_no_json_is_told(text: bytes) -> None:
    with (
        answering(lambda _: (200, {}, text)) as url,
        pytest.raises(LifeboatError, match=r"GET http://.*/x answers with something"),
    ):
        ask(url).json()


# Evidence


def test_an_address_that_nobody_serves_is_evidence() -> None:
    with nobody() as url, pytest.raises(Unserved, match="does not answer: Connection refused"):
        ask(url)


def test_a_server_that_takes_the_connection_and_is_silent_is_evidence() -> None:
    with talking(_silent) as url, pytest.raises(Unserved, match=r"timed out, nothing came for 0\.3 s"):
        ask(url, SILENT)


def _after_a_redirect(path: str = "/elsewhere") -> Talk:
    """Redirects to itself, then says nothing."""
    first = itertools.count()

    def talk(connection: socket.socket) -> None:
        if next(first) == 0:
            connection.sendall(
                f"HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
        else:
            connection.recv(1)

    return talk


NO_EVIDENCE = {
    "hung up": _sending(),
    "cut in the body": _sending(HEAD, b"Content-Length: 100\r\n\r\n", b"x"),
    "cut in a piece": _sending(HEAD, b"Transfer-Encoding: chunked\r\n\r\n5\r\nxx"),
    "cut while unpacked": _sending(HEAD, b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"x" * 1000)[:-9]),
    "no gzip": _sending(HEAD, b"Content-Encoding: gzip\r\n\r\n", b"xxxx"),
    "twice unpacked": _sending(HEAD, b"Content-Encoding: gzip, gzip\r\n\r\n", gzip.compress(gzip.compress(b"x"))),
    "another encoding": _sending(HEAD, b"Content-Encoding: br\r\n\r\n", b"xxxx"),
    "no HTTP": _sending(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a MySQL": _sending(b"J\0\0\0\x0a9.7.0\0"),
    "a TLS alert": _sending(b"\x15\x03\x01\x00\x02\x02\x46"),
    "headers without end": _sending(HEAD, then=b"X: y\r\n"),
    "redirects for ever": _sending(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
    "redirected elsewhere": _sending(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n"),
    "redirected to a file": _sending(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
    "redirected nowhere": _sending(b"HTTP/1.1 302 Found\r\nLocation: http://[::::/\r\nContent-Length: 0\r\n\r\n"),
    "silent after a redirect": _after_a_redirect(),
}

EMPTY = {
    "cut in the headers": _sending(HEAD + b"Content-"),
    "an odd length": _sending(HEAD, b"Content-Length: -5\r\n\r\n"),
}


@pytest.mark.parametrize("talk", NO_EVIDENCE.values(), ids=NO_EVIDENCE)
def test_what_says_nothing_about_the_service_is_no_evidence(talk: Talk) -> None:
    with talking(talk) as url, pytest.raises(LifeboatError) as caught:
        ask(url, SILENT, follow=True)
    assert not isinstance(caught.value, Unserved)


@pytest.mark.parametrize("talk", EMPTY.values(), ids=EMPTY)
def test_headers_that_cannot_be_read_bring_nothing(talk: Talk) -> None:
    with talking(talk) as url:
        assert ask(url, SILENT).body == b""


def test_a_name_that_is_not_known_is_no_evidence() -> None:
    with pytest.raises(LifeboatError, match=r"the name grafana\.invalid cannot be resolved") as caught:
        ask("http://grafana.invalid:3000")
    assert not isinstance(caught.value, Unserved)


@pytest.mark.parametrize(
    ("days", "host", "trusted", "reason"),
    [
        (30, "127.0.0.1", False, "self-signed certificate"),
        (-1, "127.0.0.1", True, r"certificate has expired on 20\d\d-\d\d-\d\d"),
        (30, "127.0.0.9", True, "not valid for '127.0.0.1'"),
    ],
)
def test_a_certificate_that_is_not_accepted_is_no_evidence(
    tmp_path: Path, days: int, host: str, trusted: bool, reason: str
) -> None:
    own = certificate(tmp_path / "server.pem", days=days, host=host)
    with (
        answering(lambda _: (200, {}, b"ok"), own) as url,
        Line("Service", url, authority=own if trusted else None) as line,
        pytest.raises(LifeboatError, match=rf"TLS certificate of Service at {url} is not accepted: .*{reason}") as caught,
    ):
        line.ask("GET", "/x", BOUNDS)
    assert not isinstance(caught.value, Transient)
    assert "tls_ca" in str(caught.value.hint)


def test_a_server_that_does_not_speak_tls_is_no_evidence() -> None:
    with (
        answering(lambda _: (200, {}, b"ok")) as url,
        pytest.raises(LifeboatError, match=r"does not speak TLS|over TLS") as caught,
    ):
        ask(url.replace("http", "https"))
    assert not isinstance(caught.value, Unserved)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_certificate_may_go_unchecked_where_the_operator_says_so(tmp_path: Path) -> None:
    own = certificate(tmp_path / "server.pem", days=30)
    with answering(lambda _: (200, {}, b"ok"), own) as url, Line("Service", url, tls="required") as line:
        assert line.ask("GET", "/x", BOUNDS).body == b"ok"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_away_is_no_evidence(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with nobody() as proxy:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.replace("http://", "http://me:PlantedPw@"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with (
            Line("Service", f"{scheme}://10.9.8.7:9090") as line,
            pytest.raises(LifeboatError, match=f"the proxy {proxy} does not answer: Connection refused") as caught,
        ):
            line.ask("GET", "/x", BOUNDS)
    assert not isinstance(caught.value, Transient)


# What is said


@contextmanager
def _planted(url: str) -> Iterator[str]:
    """The same address with a password and a token in it."""
    yield url.replace("http://", "http://u:PlantedPw@") + "/?auth=PlantedQ"


@pytest.mark.parametrize("kind", ["nobody", "silent", *NO_EVIDENCE, *EMPTY])
def test_no_secret_of_a_url_is_in_what_is_said_logged_or_kept(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Also in a traceback, as Prefect keeps it."""
    caplog.set_level("INFO")
    with ExitStack() as stack:
        server = nobody() if kind == "nobody" else talking((NO_EVIDENCE | EMPTY).get(kind, _silent))
        url = stack.enter_context(_planted(stack.enter_context(server)))
        try:
            told = repr(ask(url, SILENT, follow=True))
        except LifeboatError as error:
            told = "".join(traceback.format_exception(error)) + repr(error)
    assert "Planted" not in told + caplog.text


# Being told to end


def test_a_process_that_is_told_to_end_ends_every_call() -> None:
    asked = threading.Event()
    outcome: list[LifeboatError] = []

    def talk(connection: socket.socket) -> None:
        asked.set()
        connection.recv(1)

    def call(line: Line) -> None:
        try:
            line.ask("GET", "/x", Bounds())
        except LifeboatError as error:
            outcome.append(error)

    with talking(talk) as url, Line("Service", url, direct=True) as line:
        thread = threading.Thread(target=call, args=(line,))
        thread.start()
        assert asked.wait(120)
        runs.cancel_all()
        thread.join(120)
        assert not thread.is_alive()
        call(line)
    assert [f"Service at {url} was ended: Lifeboat has been told to end" in str(error) for error in outcome] == [True, True]
