"""Speaks with a MySQL server that may be anybody: what it sends is bounded in bytes and time, and never takes a password along.

Next file: `login.py`, what a server may be told of the password.
"""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from backups.errors import LifeboatError
from backups.services.mysql.source.login import Login

GARBLED, SILENT, TOO_LONG = -100_001, -100_002, -100_003
"""Numbers that no server sends (its own have 16 bits): it speaks no MySQL, does not answer, or does not stop answering."""

_GREETING = 20.0
"""Seconds for each of a server's answers while it lets us in."""
_LOGIN = 60.0
"""Seconds for all of that together."""
_LOGIN_BYTES = 1 << 20
_SLICE = 20.0
"""Seconds after which a wait looks at the clock."""
_ASK_AFTER = 300.0
"""Seconds of silence after which the server is asked by another session whether it is there."""
_ANSWER = 10
"""Times the longest silence: for an answer as a whole, where silence is limited."""
_RESULT_BYTES = 1 << 30
"""Of one answer that is kept in memory, and of one row of those that are not: as long as MySQL's own longest packet."""


class Session(Connection):
    """A session that is made within seconds.

    trusted: nobody can be in between, so the password may be told: a unix socket, a certificate that was checked, SSH
    silence: seconds without a byte after which the server is given up; None: as long as it works, unless `alive` says no
    alive: asks, every few minutes of silence, whether there still is a server; raises TimeoutError when there is none
    """

    def __init__(
        self, *, trusted: bool, silence: float | None = None, alive: Callable[[], None] | None = None, **arguments: Any
    ) -> None:
        self.trusted = trusted
        self._silence = silence
        self._alive = alive
        self._received = 0
        self._most = _RESULT_BYTES
        self._wait: _Wait | None = None
        super().__init__(**arguments)

    def connect(self, sock: socket.socket | None = None) -> None:
        """Connect, with a limit for each step and for all of them."""
        self._read_timeout: float | None = _GREETING
        self._most = _LOGIN_BYTES
        with self._understood(), _ended_after(_LOGIN, sock):
            super().connect(sock)
        self._most = _RESULT_BYTES
        if self._silence is None and self._alive is None:
            self._read_timeout = None
            return
        self._read_timeout = self._write_timeout = _SLICE
        self._wait = _Wait(self._sock, self._silence, self._alive)  # type: ignore[attr-defined]
        self._rfile = io.BufferedReader(self._wait, 1 << 16)

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:  # noqa: FBT001, FBT002 - pymysql's own
        """Run a statement; an answer that cannot be understood is the server's fault."""
        with self._understood():
            return int(super().query(sql, unbuffered=unbuffered))

    def stream(self, command: int, payload: bytes) -> Callable[[memoryview], int]:
        """Send a command whose answer never ends; returns what fills a buffer with what arrives (0 bytes: the server hung up).

        The session is of no other use afterwards: close it.
        """
        self._execute_command(command, payload)
        if self._wait is None:
            stream: socket.socket = self._sock  # type: ignore[attr-defined]
            stream.settimeout(None)
            return stream.recv_into
        return self._wait.readinto

    def _get_auth_plugin_handler(self, plugin_name: bytes | str) -> Login:
        return Login(self, plugin_name)

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        self._received = 0
        if self._wait is not None:
            self._wait.answer_begins()
        super()._execute_command(command, sql)  # type: ignore[misc]

    def _read_packet(self, *arguments: Any) -> Any:
        result = getattr(self, "_result", None)
        if result is not None and result.unbuffered_active:
            self._received = 0
        read: Any = super()._read_packet
        return read(*arguments)

    def _read_bytes(self, num_bytes: int) -> bytes:
        self._received += num_bytes
        if self._received > self._most:
            self._force_close()  # type: ignore[attr-defined]
            raise pymysql.err.OperationalError(TOO_LONG, f"more than {self._most:,} bytes are one answer")
        read: Any = super()._read_bytes  # type: ignore[misc]
        return bytes(read(num_bytes))

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Make of whatever a server's bytes do to the client an error that says so."""
        try:
            yield
        except LifeboatError:
            raise
        except pymysql.err.Error as error:
            number = error.args[0] if error.args else None
            waited = error.__context__
            if isinstance(waited, TimeoutError):
                raise pymysql.err.OperationalError(SILENT, str(waited)) from error
            if isinstance(number, int) or isinstance(error, pymysql.err.InterfaceError):
                raise
            self._force_close()  # type: ignore[attr-defined]
            raise pymysql.err.OperationalError(GARBLED, " ".join(str(error).split())) from error
        except Exception as error:
            self._force_close()  # type: ignore[attr-defined]
            raise pymysql.err.OperationalError(GARBLED, f"{type(error).__name__}: {error}") from error


class _Wait(io.RawIOBase):
    """Reads a socket, and decides how long a server may say nothing."""

    def __init__(self, sock: socket.socket, silence: float | None, alive: Callable[[], None] | None) -> None:
        self._sock = sock
        self._silence = silence
        self._alive = alive
        self._answer = time.monotonic()

    def answer_begins(self) -> None:
        """Count the time of a whole answer from now on."""
        self._answer = time.monotonic()

    def readable(self) -> bool:
        """See RawIOBase."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Return how many bytes came, 0 at the end. Raises TimeoutError for a server that is given up."""
        began = asked = time.monotonic()
        self._sock.settimeout(min(_SLICE, self._silence or _SLICE))
        if self._silence is not None and began - self._answer >= _ANSWER * self._silence:
            # Whoever sends a byte now and then is never silent.
            raise TimeoutError(f"no whole answer in {_ANSWER * self._silence:g} s")
        while True:
            with suppress(TimeoutError):
                return self._sock.recv_into(buffer)
            now = time.monotonic()
            if self._silence is not None and now - began >= self._silence:
                raise TimeoutError(f"no answer in {self._silence:g} s")
            if self._alive is not None and now - asked >= _ASK_AFTER:
                self._alive()
                asked = time.monotonic()


@contextmanager
def _ended_after(seconds: float, sock: socket.socket | None) -> Iterator[None]:
    """End the connection when the block takes longer: a server may send a byte now and then for ever."""
    if sock is None:
        yield
        return
    # A handle of our own: TLS takes the socket away from the one that we were given.
    handle = sock.dup()
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except pymysql.err.Error as error:
        if late.is_set():
            raise pymysql.err.OperationalError(SILENT, f"no login in {seconds:g} s") from error
        if isinstance(error.__context__, TimeoutError):
            raise pymysql.err.OperationalError(SILENT, f"no answer in {_GREETING:g} s") from error
        raise
    finally:
        timer.cancel()
        handle.close()
