"""Whoever answers at MySQL's address learns no password, takes no memory and no time, and is never called a bug of ours."""

import random
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from backups.errors import LifeboatError
from backups.services.mysql.source import connection, session
from backups.services.mysql.source.connection import Away, Down
from tests.servers.rogue_mysql import OK, PASSWORD, SALT, Rogue, Wire, greeting, rogue, switch

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
FIRST = "somebody may stand between"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a stranger, one after another in a file."""
    directory = tmp_path_factory.mktemp("stranger")
    key, signed, both = directory / "key.pem", directory / "signed.pem", directory / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", signed, "-subj", "/CN=x"]
    subprocess.run(command, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + signed.read_bytes())
    return both


def refused(found: Rogue, **changes: object) -> LifeboatError:
    with pytest.raises(LifeboatError) as caught:
        connection.connect(found.settings(**changes)).close()
    assert "bug in Lifeboat" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    return caught.value


def asks(plugin: str, data: bytes = SALT + b"\0", *, first: str = "mysql_native_password") -> Callable[[Wire], None]:
    """A server that asks for the password in one way or another, and then for whatever else it is given."""

    def talk(wire: Wire) -> None:
        wire.say(greeting(first))
        wire.hear()
        wire.say(switch(plugin, data))
        wire.hear()
        wire.say(OK)
        wire.hear()

    return talk


def asks_all(plugin: str) -> Callable[[Wire], None]:
    """A server that says of caching_sha2_password, or sha256_password, that it needs the password itself, by its own key."""

    def talk(wire: Wire) -> None:
        wire.say(greeting(plugin))
        wire.hear()
        wire.say(b"\x01\x04" if plugin.startswith("caching") else b"\x01" + PEM)
        if plugin.startswith("caching"):
            wire.hear()
            wire.say(b"\x01" + PEM)
        wire.heard += decrypted(wire.hear())

    return talk


def decrypted(answer: bytes) -> bytes:
    oaep = padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    text = KEY.decrypt(answer, oaep)
    return bytes(byte ^ SALT[at % len(SALT)] for at, byte in enumerate(text))


def test_the_double_would_hear_it() -> None:
    """Who trusts it, as pymysql does by itself, tells it the password, in clear and by the key."""
    import pymysql

    for talk in (asks("mysql_clear_password"), asks_all("caching_sha2_password"), asks_all("sha256_password")):
        with rogue(talk) as found:
            with pytest.raises(pymysql.err.Error):
                pymysql.connect(host="127.0.0.1", port=found.port, user="u", password=PASSWORD, ssl_disabled=True)
            assert found.was_told


@pytest.mark.parametrize("tls", ["preferred", "disabled"])
@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (asks("mysql_clear_password"), "asks for the password in clear"),
        (asks("dialog", b"\x04Password: "), "asks for the password in clear"),
        (asks_all("caching_sha2_password"), "by a key that it sends along"),
        (asks_all("sha256_password"), "by a key that it sends along"),
        (asks("sha256_password"), "by a key that it sends along"),
        (asks("mysql_old_password"), "in a way that Lifeboat does not know"),
        (asks("authentication_ldap_sasl_client"), "in a way that Lifeboat does not know"),
        (asks("\u00e9\x1b[2J"), "in a way that Lifeboat does not know"),
    ],
)
def test_nobody_in_between_is_told_the_password(talk: Callable[[Wire], None], words: str, tls: str) -> None:
    with rogue(talk) as found:
        error = refused(found, tls=tls)
        assert words in error.message
        assert FIRST in str(error.hint)
        assert not found.was_told


@pytest.mark.parametrize("tls", ["preferred", "required"])
@pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog"])
def test_a_stranger_with_a_certificate_of_its_own_is_not_told_it_in_clear(certificate: Path, plugin: str, tls: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(wire: Wire) -> None:
        wire.say(greeting("mysql_native_password", tls=True))
        wire.encrypt(context)
        wire.hear()
        wire.say(switch(plugin, b"\x04Password: "))
        wire.hear()

    with rogue(talk) as found:
        error = refused(found, tls=tls)
        assert "asks for the password in clear" in error.message
        assert not found.was_told
        # Nor does it get that far where its certificate is looked at.
        other = refused(found, tls="verify", tls_ca="/etc/ssl/certs/ca-certificates.crt")
        assert "cannot be reached over TLS" in other.message
        assert FIRST in str(other.hint)


def test_who_offers_no_tls_is_told_nothing_where_it_is_asked_for() -> None:
    for changes in ({"tls": "required"}, {"tls": "verify", "tls_ca": "/etc/ssl/certs/ca-certificates.crt"}):
        with rogue(asks("mysql_clear_password")) as found:
            error = refused(found, **changes)
            assert "offers no TLS" in error.message
            assert FIRST in str(error.hint)
            assert not found.was_told


def ok_to_everything(wire: Wire) -> None:
    wire.let_in()
    while True:
        wire.hear()
        wire.say(OK)


def endless(wire: Wire) -> None:
    wire.let_in()
    wire.hear()
    wire.say(OK)
    wire.hear()
    while True:
        wire.say(b"x" * 0xFFFFFF)


def endless_greeting(wire: Wire) -> None:
    while True:
        wire.say(b"x" * 0xFFFFFF)


def web_server(wire: Wire) -> None:
    wire.socket.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    wire.hear()


@pytest.mark.parametrize("talk", [ok_to_everything, endless_greeting, web_server])
def test_what_is_no_server_is_said_to_be_none(talk: Callable[[Wire], None]) -> None:
    with rogue(talk) as found:
        error = refused(found)
        assert "does not speak as MySQL does" in error.message or "more than an answer can be" in error.message
        assert "is that the port of MySQL itself?" in str(error.hint)
        assert not isinstance(error, Down)


def test_an_answer_without_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_RESULT_BYTES", 40_000_000)
    with rogue(endless) as found:
        assert "more than an answer can be" in refused(found).message


def test_an_error_in_the_greeting_is_the_servers_own_word() -> None:
    for number, kind in ((1040, LifeboatError), (1129, LifeboatError), (1053, Down), (65435, LifeboatError)):
        with rogue(lambda wire, number=number: wire.say(b"\xff" + struct.pack("<H", number) + b"#08004words")) as found:  # type: ignore[misc]
            error = refused(found)
            assert "words" in error.message
            assert isinstance(error, Down) == (kind is Down)


def test_any_bytes_of_a_login_end_in_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Greetings and answers, cut and altered at random, and bytes of no sense at all: none is a bug of ours, none is told it."""
    dice = random.Random(12)
    good = [greeting(), greeting("mysql_native_password"), greeting("sha256_password"), greeting(version="nonsense")]
    answers = [
        OK,
        switch("mysql_native_password"),
        switch("caching_sha2_password"),
        b"\x01\x03",
        b"\x01\x04",
        b"\xfe",
        b"\xff",
        b"",
    ]
    answers += [switch("client_ed25519"), b"\x01" + PEM, b"\xff\x15\x04#28000no", b"\xfb/etc/passwd", b"\x03\0\0\0", bytes(3)]

    def altered(body: bytes) -> bytes:
        choice = dice.random()
        if choice < 0.3:
            return body
        if choice < 0.5:
            return body[: dice.randrange(len(body) + 1)]
        if choice < 0.8:
            changed = bytearray(body or b"\0")
            for _ in range(dice.randrange(1, 4)):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
            return bytes(changed)
        return dice.randbytes(dice.randrange(60))

    def packet(body: bytes, sequence: int) -> bytes:
        return struct.pack("<I", len(body))[:3] + bytes([sequence]) + body

    heard = bytearray()
    for _ in range(400):
        said = packet(altered(dice.choice(good)), 0)
        for sequence in (2, 4, dice.randrange(256), 1, 1):
            said += packet(altered(dice.choice(answers)), sequence)
        if dice.random() < 0.2:
            said = dice.randbytes(dice.randrange(200))
        ours, theirs = socket.socketpair()
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        monkeypatch.setattr(connection, "_open_socket", lambda _, ours=ours: ours)
        with pytest.raises(LifeboatError) as caught:
            connection.connect(Rogue(1).settings(tls="disabled")).close()
        assert PASSWORD not in str(caught.value)
        while piece := theirs.recv(1 << 16):
            heard += piece
        theirs.close()
    assert PASSWORD.encode() not in heard
    assert len(heard) > 10_000, "many of them got an answer"


def silent(wire: Wire) -> None:
    wire.socket.recv(1)


def silent_after_login(wire: Wire) -> None:
    wire.let_in()
    wire.hear()
    wire.say(OK)
    wire.hear()
    wire.hear()


def drips(wire: Wire) -> None:
    for byte in struct.pack("<I", 80)[:3] + b"\0" + greeting():
        wire.socket.sendall(bytes([byte]))
        if threading.Event().wait(0.1):
            break


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_GREETING", 0.3)
    with rogue(silent) as found:
        error = refused(found)
    assert isinstance(error, Away)
    assert not isinstance(error, Down)
    assert "does not answer: no answer in 0.3 s" in error.message


def test_one_that_says_a_byte_now_and_then_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_LOGIN", 0.5)
    with rogue(drips) as found:
        assert "no login in 0.5 s" in refused(found).message


def test_one_that_lets_us_in_and_then_says_nothing_is_given_up() -> None:
    with rogue(silent_after_login) as found, pytest.raises(Away, match=r"does not answer: no answer in 0\.3 s") as caught:
        connection.connect(found.settings(), silence=0.3)
    assert not isinstance(caught.value, Down)


def test_one_that_answers_a_byte_now_and_then_is_given_up_by_who_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_ANSWER", 1)

    def talk(wire: Wire) -> None:
        wire.let_in()
        wire.hear()
        wire.say(OK)
        wire.hear()
        wire.socket.sendall(b"\xff\xff\x00\x01")
        while True:
            wire.socket.sendall(b"x")
            if threading.Event().wait(0.05):
                break

    with rogue(talk) as found, pytest.raises(Away, match=r"no whole answer in 0\.3 s"):
        connection.connect(found.settings(tls="disabled"), silence=0.3)


def test_a_statement_may_take_long_as_long_as_the_server_lets_others_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first session waits; those that ask whether anybody is there are let in, then not any more, and then it ends."""
    monkeypatch.setattr(session, "_SLICE", 0.02)
    monkeypatch.setattr(session, "_ASK_AFTER", 0.02)
    asked: list[int] = []

    def talk(wire: Wire) -> None:
        asked.append(1)
        if len(asked) == 1:
            silent_after_login(wire)
        elif len(asked) < 6:
            # It is there, and has no free connection.
            wire.say(b"\xff" + struct.pack("<H", 1040) + b"#08004too many")

    with rogue(talk) as found, pytest.raises(Away, match="no answer for a long time, and to no other session"):
        connection.connect(found.settings(tls="disabled"))
    assert len(asked) == 8
