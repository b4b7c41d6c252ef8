"""What is evidence that a MySQL server is down, and what only says that it could not be looked at."""

import ast
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.services.mysql import health
from backups.services.mysql.source import session
from tests.servers.rogue_mysql import Wire, rogue

MYSQL = Path(health.__file__).parent


def says(number: int) -> Callable[[Wire], None]:
    return lambda wire: wire.say(b"\xff" + struct.pack("<H", number) + b"#08004its own words")


def test_a_port_that_refuses_is_down_and_so_is_a_server_that_says_it_ends() -> None:
    with rogue(says(1053)) as found:
        settings = found.settings()
        (problem,) = health.check(settings, [], 0.5)
        assert (problem.kind, "says that it is shutting down: its own words" in problem.message) == ("down", True)
    (problem,) = health.check(settings, [], 0.5)
    assert (problem.kind, problem.subject) == ("down", settings.where)
    assert "Connection refused" in problem.message


@pytest.mark.parametrize("talk", [*map(says, (1040, 1045, 1129, 1130, 3032, 3118, 1862, 9999)), lambda wire: wire.socket.recv(1)])
def test_whoever_answers_otherwise_only_keeps_us_from_looking(
    talk: Callable[[Wire], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection left, a password, a blocked address, offline mode, a number that nobody knows, silence."""
    monkeypatch.setattr(session, "_GREETING", 0.3)
    with rogue(talk) as found, pytest.raises(LifeboatError) as caught:
        list(health.check(found.settings(), [], 0.5))
    assert caught.value.hint


def test_a_web_server_at_the_port_and_a_name_that_is_not_known_are_not_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with rogue(lambda wire: wire.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as found:
        with pytest.raises(LifeboatError, match="does not speak as MySQL does"):
            list(health.check(found.settings(), [], 0.5))

        def unknown(*_: object, **__: object) -> socket.socket:
            raise socket.gaierror(-3, "Temporary failure in name resolution")

        monkeypatch.setattr(socket, "create_connection", unknown)
        with pytest.raises(LifeboatError, match="cannot be reached from this machine: Temporary failure in name resolution"):
            list(health.check(found.settings(host="db.example"), [], 0.5))
        monkeypatch.setattr(socket, "create_connection", lambda *_, **__: (_ for _ in ()).throw(OSError(101, "unreachable")))
        with pytest.raises(LifeboatError, match="cannot be reached from this machine: unreachable"):
            list(health.check(found.settings(), [], 0.5))
        # Nobody has the address: its machine is dead.
        monkeypatch.setattr(socket, "create_connection", lambda *_, **__: (_ for _ in ()).throw(OSError(113, "No route to host")))
        assert [problem.kind for problem in health.check(found.settings(), [], 0.5)] == ["down"]


def test_whoever_looks_opens_sessions_by_the_one_door_that_fixes_their_settings() -> None:
    """Backups' own sessions are opened by a method, and fixed where they measure; all others by `looking`."""
    calls = {
        path.relative_to(MYSQL).as_posix()
        for path in MYSQL.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "connection.connect"
    }
    assert calls == {"source/looking.py", "methods/clone.py", "methods/dump.py", "methods/follow.py"}
