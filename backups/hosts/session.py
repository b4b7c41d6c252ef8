"""One command on another machine, its bytes in both directions, and the certainty that a peer that fell silent is noticed."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

import paramiko

from backups.errors import LifeboatError, Transient

STALL_SECONDS = 60.0
"""A transfer in which no byte moves for so long is given up."""

CHUNK = 256 * 1024
"""Bytes that are asked for at once."""

_PACKET = 32 * 1024
"""About what one packet carries."""

_LAST_WORDS = 8192
_NO_STATUS = -1
_STILL_TALKING = 1.0
"""Seconds that the output of a command that has ended is waited for: a daemon that it started may hold it open for ever."""


class Said(NamedTuple):
    """How a command ended: its exit code, its output, and its error output."""

    code: int
    output: bytes
    errors: str


class Session:
    """A running command. `read` and `write` move bytes; `end` says how it ended. Faults of the connection are Transient."""

    def __init__(self, channel: paramiko.Channel, host: str, stall: float | None = None) -> None:
        self._channel = channel
        self._host = host
        self._stall = STALL_SECONDS if stall is None else stall
        self._errors = b""
        self._broken: Transient | None = None
        channel.settimeout(self._stall)

    def read(self, size: int = CHUNK) -> bytes:
        """Up to `size` bytes of its output; none at its end. Raises Transient when nothing comes."""
        with self._told("came from"):
            self._hear()
            return self._channel.recv(size)

    def write(self, data: bytes) -> int:
        """Send all of `data` to its input. Raises Transient when nothing is taken, BrokenPipeError when it has ended."""
        with self._told("was taken by"):
            try:
                # Not `sendall`: it copies what is left of all the data for each packet of 32 KiB.
                view, sent = memoryview(data), 0
                while sent < len(data):
                    sent += self._channel.send(bytes(view[sent : sent + _PACKET]))
            except TimeoutError:
                raise
            except OSError as error:
                if not self._alive():
                    raise self.cut() from error
                raise BrokenPipeError(f"the command on {self._host} takes no more") from error
        return len(data)

    def feed(self, content: bytes | IO[bytes] | None) -> None:
        """Send all of its input, and close it. A command that needed no more of it, or has failed, says which at its end."""
        stream = io.BytesIO(content or b"") if content is None or isinstance(content, bytes) else content
        with suppress(BrokenPipeError):
            while piece := stream.read(CHUNK):
                self.write(piece)
        self.close_input()

    def close_input(self) -> None:
        """Tell it that there is no more."""
        with self._told("was taken by"):
            if not self._channel.closed:
                self._channel.shutdown_write()

    def end(self, seconds: float) -> Said:
        """Wait for its end; what was not read is in `output`. Raises LifeboatError when it lasts longer."""
        output = bytearray()
        limit = time.monotonic() + seconds
        last_words = None
        while not (self._channel.exit_status_ready() and self._channel.eof_received and not self._channel.recv_ready()):
            self._hear()
            if heard := self._channel.recv_ready():
                output += self._channel.recv(CHUNK)
            elif self._channel.closed:
                break
            now = time.monotonic()
            if self._channel.exit_status_ready():
                last_words = now if heard or last_words is None else last_words
                if now - last_words >= _STILL_TALKING:
                    break
            elif now >= limit:
                said = (bytes(output) + self._errors)[-500:].decode(errors="replace").strip()
                raise LifeboatError(
                    f"a command did not end within {seconds:g} s on {self._host}; it said: {said or 'nothing'}",
                    hint="run it there by hand to see why",
                )
            if not heard:
                time.sleep(0.01)
        self._hear()
        if self._channel.exit_status == _NO_STATUS:
            raise self._died()
        return Said(self._channel.exit_status, bytes(output), self._errors.decode(errors="surrogateescape").strip())

    def cut(self) -> Transient:
        """The error for a connection that ended in the middle."""
        return Transient(
            f"the connection to {self._host} was cut in the middle",
            hint="did the machine, its sshd or the network go down? what had come in part is removed; try again",
        )

    def _hear(self) -> None:
        """Take what it complains about, so that it never waits for us to listen; the end is kept."""
        while self._channel.recv_stderr_ready():
            self._errors = (self._errors + self._channel.recv_stderr(CHUNK))[-_LAST_WORDS:]

    def _alive(self) -> bool:
        return self._channel.get_transport().is_active()

    def _died(self) -> LifeboatError:
        """The error for a command that ended without an exit code: with its connection, else by a signal."""
        limit = time.monotonic() + _STILL_TALKING
        while self._alive() and time.monotonic() < limit:
            time.sleep(0.05)
        if not self._alive():
            return self.cut()
        said = self._errors.decode(errors="replace").strip()
        return LifeboatError(
            f"a command was killed on {self._host}; it said: {said or 'nothing'}", hint="did the machine run out of memory?"
        )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        if self._broken is not None:
            # Whoever closes a file over it writes once more; that must not wait once more.
            raise self._broken
        try:
            yield
        except TimeoutError as error:
            self._broken = Transient(
                f"the connection to {self._host} stands still: not a byte {what} it for {self._stall:g} s",
                hint="is the network or the machine overloaded? try again",
            )
            raise self._broken from error
        except (EOFError, paramiko.SSHException) as error:
            self._broken = self.cut()
            raise self._broken from error
