"""One machine over SSH: one connection that everybody shares, opened when it is first needed, and anew when it has died."""

import contextlib
import logging
import shlex
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import paramiko

from backups.errors import LifeboatError, Transient
from backups.hosts import keys, wire
from backups.hosts.known import KnownHosts
from backups.hosts.session import Said, Session
from backups.hosts.settings import HostSettings

_KEEPALIVE_SECONDS = 15

_WINDOW = 16 * 1024 * 1024
"""Bytes that may be on their way, and so in our memory, at once."""

_PACKET = 256 * 1024

# Its faults come back as exceptions, which we tell in our own words; it would print them once more, with a traceback.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class HostConnection:
    """A machine of `hosts:`. Making it connects to nothing; every thread may use it at once.

    Its calls raise Transient when the machine is away or the connection is cut, LifeboatError when it is not the machine that
    is known or does not let us in, ConfigError when our key cannot be used.
    """

    def __init__(self, name: str, settings: HostSettings, jump: "HostConnection | None" = None) -> None:
        self.name = name
        self.settings = settings
        self._jump = jump
        self._lock = threading.Lock()
        self._transport: paramiko.Transport | None = None
        self._given_up: list[paramiko.Transport] = []

    def __str__(self) -> str:
        return f"{self.name} ({self.settings.address})"

    def open_channel(self, address: str, port: int, *, seconds: float = 20) -> paramiko.Channel:
        """A TCP connection from that machine to `address:port`, as a channel that behaves like a socket; the caller closes it."""
        transport = self._live()
        try:
            channel = transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), window_size=_WINDOW, max_packet_size=_PACKET, timeout=seconds
            )
        except paramiko.ChannelException as error:
            raise Transient(
                f"{address}:{port} cannot be reached from {self}: {error.text}",
                hint=f"does it listen there, and does sshd of {self.name} allow it (AllowTcpForwarding)?",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._give_up(transport)
            raise Transient(
                f"{address}:{port} cannot be reached from {self}: {wire.reason(error)}", hint="is the machine up? try again"
            ) from error
        channel.settimeout(seconds)
        return channel

    def run(self, command: str, *, stdin: bytes | IO[bytes] | None = None, seconds: float, sudo: bool | None = None) -> Said:
        """Run a command line of sh there, to its end: exit code, output, errors. `sudo`: else as configured.

        Raises LifeboatError when it takes longer than `seconds`.
        """
        with self.session(command, sudo=sudo) as session:
            session.feed(stdin)
            return session.end(seconds)

    @contextmanager
    def session(self, command: str, *, sudo: bool | None = None, stall: float | None = None) -> Iterator[Session]:
        """Start a command line of sh there, and stream; whatever ends the block ends the command's input and output.

        stall: seconds without a byte after which reading and writing give up; by default session.STALL_SECONDS
        """
        transport = self._live()
        try:
            channel = self._session_channel(transport)
            try:
                self._start(channel, command, sudo=self.settings.sudo if sudo is None else sudo)
                yield Session(channel, str(self), stall)
            finally:
                # Of a connection that has died nothing is left to close.
                with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                    channel.close()
        except Transient:
            # It may be dead without knowing it: whoever comes next gets another one.
            self._give_up(transport)
            raise

    def close(self) -> None:
        """End the connection; the next call opens it again."""
        with self._lock:
            ended = [*self._given_up, *([] if self._transport is None else [self._transport])]
            self._given_up, self._transport = [], None
        for transport in ended:
            wire.end(transport)

    def _give_up(self, transport: paramiko.Transport) -> None:
        """Nobody new gets this connection; who still reads from it may find that it lives."""
        with self._lock:
            if self._transport is transport:
                self._transport = None
                self._given_up.append(transport)

    def _session_channel(self, transport: paramiko.Transport) -> paramiko.Channel:
        try:
            return transport.open_session(window_size=_WINDOW, max_packet_size=_PACKET, timeout=wire.CONNECT_SECONDS)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Transient(
                f"{self} opens no session: {wire.reason(error)}", hint="is it overloaded, or its MaxSessions used up? try again"
            ) from error

    def _start(self, channel: paramiko.Channel, command: str, *, sudo: bool) -> None:
        line = f"{'sudo -n ' if sudo else ''}sh -c {shlex.quote(command)}"
        # paramiko waits for the answer without a limit; a channel that is closed meanwhile ends that.
        limit = threading.Timer(wire.CONNECT_SECONDS, channel.close)
        limit.start()
        try:
            channel.exec_command(line.encode("utf-8", "surrogateescape"))
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Transient(f"{self} takes no command: {wire.reason(error)}", hint="try again") from error
        finally:
            limit.cancel()

    def _live(self) -> paramiko.Transport:
        with self._lock:
            if self._transport is None or not self._transport.is_active():
                if self._transport is not None:
                    wire.end(self._transport)
                    self._transport = None
                self._transport = self._open()
            return self._transport

    def _open(self) -> paramiko.Transport:
        with keys.ours(self.name, self.settings) as offered:
            return self._opened(offered)

    def _opened(self, offered: list[paramiko.PKey]) -> paramiko.Transport:
        known = KnownHosts(self.name, self.settings)
        through = self._socket()
        transport = paramiko.Transport(through, default_window_size=_WINDOW, default_max_packet_size=_PACKET)
        try:
            transport.banner_timeout = transport.auth_timeout = wire.CONNECT_SECONDS
            wire.prefer(transport, known)
            try:
                transport.start_client(timeout=wire.CONNECT_SECONDS)
                # After a timeout paramiko returns as if all were well.
                if not transport.initial_kex_done:
                    raise TimeoutError(f"no key exchange within {wire.CONNECT_SECONDS:g} s")
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise Transient(
                    f"{self} does not speak SSH: {wire.reason(error)}", hint="is it an SSH server's port, and is it overloaded?"
                ) from error
            known.check(transport.get_remote_server_key())
            self._authenticate(transport, offered)
            transport.set_keepalive(_KEEPALIVE_SECONDS)
        except BaseException:
            wire.end(transport)
            raise
        return transport

    def _socket(self) -> socket.socket | paramiko.Channel:
        where = (self.settings.host, self.settings.port)
        if self._jump is not None:
            return self._jump.open_channel(*where, seconds=wire.CONNECT_SECONDS)
        return wire.plain(*where, str(self))

    def _authenticate(self, transport: paramiko.Transport, offered: list[paramiko.PKey]) -> None:
        for key in offered:
            try:
                if not transport.auth_publickey(self.settings.user, key):
                    return
            except paramiko.AuthenticationException:
                continue
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise Transient(f"{self} ended the login: {wire.reason(error)}", hint="try again; its log may say why") from error
        told = ", ".join(f"{key.get_name()} {key.fingerprint}" for key in offered)
        raise LifeboatError(
            f"{self} does not let {self.settings.user} in by {told}",
            hint=f"is the public key in ~{self.settings.user}/.ssh/authorized_keys there? ssh-copy-id puts it there",
        )
