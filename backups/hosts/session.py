"""Reads from and writes to one command on another machine, and gives up when no byte moves for too long."""

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
"""Bytes that are read at once."""

_PACKET = 32 * 1024
"""About what one packet carries."""

_ERRORS_KEPT = 8192
"""Bytes of error output that are kept: the end."""

_NO_STATUS = -1
_OUTPUT_AFTER_END = 1.0
"""Seconds to wait for more output of a command that has ended: a daemon that it started may hold it open for ever."""


class CommandResult(NamedTuple):
    """How a command ended: its exit code, its output, and its error output."""

    code: int
    output: bytes
    errors: str


class Session:
    """A running command: `read` and `write` move bytes, `end` waits for its end. Faults of the connection are Transient."""

    def __init__(self, channel: paramiko.Channel, host: str, stall: float | None = None) -> None:
        self._channel = channel
        self._host = host
        self._stall = STALL_SECONDS if stall is None else stall
        self._errors = b""
        self._broken: Transient | None = None
        channel.settimeout(self._stall)

    def read(self, size: int = CHUNK) -> bytes:
        """Return up to `size` bytes of its output, none at its end. Raises Transient when nothing comes."""
        with self._translated("came from"):
            self._keep_errors()
            return self._channel.recv(size)

    def write(self, data: bytes) -> int:
        """Send all of `data` to its input. Raises Transient when nothing is taken, BrokenPipeError when it has ended."""
        with self._translated("was taken by"):
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
                raise BrokenPipeError(f"the command on {self._host} reads no more input") from error
        return len(data)

    def feed(self, content: bytes | IO[bytes] | None) -> None:
        """Send all of its input, then close it. Whether a command that stopped reading has failed, its exit code says."""
        stream = io.BytesIO(content or b"") if content is None or isinstance(content, bytes) else content
        with suppress(BrokenPipeError):
            while piece := stream.read(CHUNK):
                self.write(piece)
        self.close_input()

    def close_input(self) -> None:
        """Close its input."""
        with self._translated("was taken by"):
            if not self._channel.closed:
                self._channel.shutdown_write()

    def end(self, seconds: float) -> CommandResult:
        """Wait for its end; unread output is in the result. Raises LifeboatError when it takes longer than `seconds`."""
        output = bytearray()
        limit = time.monotonic() + seconds
        ended_at = None
        while not (self._channel.exit_status_ready() and self._channel.eof_received and not self._channel.recv_ready()):
            self._keep_errors()
            if more := self._channel.recv_ready():
                output += self._channel.recv(CHUNK)
            elif self._channel.closed:
                break
            now = time.monotonic()
            if self._channel.exit_status_ready():
                ended_at = now if more or ended_at is None else ended_at
                if now - ended_at >= _OUTPUT_AFTER_END:
                    break
            elif now >= limit:
                printed = " ".join((bytes(output) + self._errors)[-500:].decode(errors="replace").split())
                raise LifeboatError(
                    f"a command did not end within {seconds:g} s on {self._host}; it printed: {printed or 'nothing'}",
                    hint="run it there by hand to see why",
                )
            if not more:
                time.sleep(0.01)
        self._keep_errors()
        if self._channel.exit_status == _NO_STATUS:
            raise self._died()
        # A server says how a command ended as soon as it has, with output of it still to come.
        if self._channel.closed and not self._channel.eof_received and self._lost():
            raise self.cut()
        return CommandResult(self._channel.exit_status, bytes(output), self._errors.decode(errors="surrogateescape").strip())

    def cut(self) -> Transient:
        """Return the error for a connection that broke in the middle."""
        return Transient(
            f"the connection to {self._host} was cut in the middle",
            hint="did the machine, its sshd or the network go down? incomplete files are removed; try again",
        )

    def _keep_errors(self) -> None:
        """Read its error output, so that it never blocks on writing it; only the end is kept."""
        while self._channel.recv_stderr_ready():
            self._errors = (self._errors + self._channel.recv_stderr(CHUNK))[-_ERRORS_KEPT:]

    def _alive(self) -> bool:
        return self._channel.get_transport().is_active()

    def _lost(self) -> bool:
        """Return whether the connection is gone; a channel that it takes along is closed a moment before that shows."""
        limit = time.monotonic() + _OUTPUT_AFTER_END
        while self._alive() and time.monotonic() < limit:
            time.sleep(0.05)
        return not self._alive()

    def _died(self) -> LifeboatError:
        """Return the error for a command that ended without an exit code: its connection broke, or a signal ended it."""
        if self._lost():
            return self.cut()
        printed = " ".join(self._errors.decode(errors="replace").split())
        return LifeboatError(
            f"a command was killed on {self._host}; it printed: {printed or 'nothing'}", hint="did the machine run out of memory?"
        )

    @contextmanager
    def _translated(self, moved: str) -> Iterator[None]:
        if self._broken is not None:
            # Closing a file over it writes once more, which must not wait a second time.
            raise self._broken
        try:
            yield
        except TimeoutError as error:
            self._broken = Transient(
                f"the connection to {self._host} stands still: not a byte {moved} it for {self._stall:g} s",
                hint="is the network or the machine overloaded? try again",
            )
            raise self._broken from error
        except (EOFError, paramiko.SSHException) as error:
            self._broken = self.cut()
            raise self._broken from error
