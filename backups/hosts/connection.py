"""Runs commands and opens TCP channels on one machine over one SSH connection, which is opened again after it has broken."""

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
from backups.hosts.session import CommandResult, Session
from backups.hosts.settings import HostSettings

_KEEPALIVE_SECONDS = 15

_WINDOW = 16 * 1024 * 1024
"""Bytes that may be under way, and so in this process's memory, at once."""

_PACKET = 256 * 1024

# Its errors come back as exceptions, which are translated below; it would also log them, with a traceback.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class HostConnection:
    """A machine of `hosts:`. Making it connects to nothing; several threads may use it at once.

    Its calls raise Transient when the machine cannot be reached or the connection breaks, LifeboatError when its host key is
    not the known one or it refuses the login, ConfigError when the configured key cannot be used.
    """

    def __init__(self, name: str, settings: HostSettings, jump: "HostConnection | None" = None) -> None:
        self.name = name
        self.settings = settings
        self._jump = jump
        self._lock = threading.Lock()
        self._transport: paramiko.Transport | None = None
        self._abandoned: list[paramiko.Transport] = []

    def __str__(self) -> str:
        return f"{self.name} ({self.settings.address})"

    def open_channel(self, address: str, port: int, *, seconds: float = 20) -> paramiko.Channel:
        """Open a TCP connection from the machine to `address:port`; the caller closes the channel, which works like a socket."""
        transport = self._connected()
        try:
            channel = transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), window_size=_WINDOW, max_packet_size=_PACKET, timeout=seconds
            )
        except paramiko.ChannelException as error:
            raise Transient(
                f"{address}:{port} cannot be reached from {self}: {error.text}",
                hint=f"does a server listen there, and does sshd of {self.name} allow forwarding (AllowTcpForwarding)?",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._abandon(transport)
            raise Transient(
                f"{address}:{port} cannot be reached from {self}: {wire.reason(error)}", hint=f"is {self.name} up? try again"
            ) from error
        channel.settimeout(seconds)
        return channel

    def run(
        self, command: str, *, stdin: bytes | IO[bytes] | None = None, seconds: float, sudo: bool | None = None
    ) -> CommandResult:
        """Run a command line of sh on the machine and wait for its end; `sudo` overrides the configured setting.

        Raises LifeboatError when it takes longer than `seconds`.
        """
        with self.session(command, sudo=sudo) as session:
            session.feed(stdin)
            return session.end(seconds)

    @contextmanager
    def session(self, command: str, *, sudo: bool | None = None, stall: float | None = None) -> Iterator[Session]:
        """Start a command line of sh on the machine, to read from and write to; leaving the block closes its input and output.

        stall: seconds without a byte after which reading and writing give up; by default session.STALL_SECONDS
        """
        transport = self._connected()
        try:
            channel = self._session_channel(transport)
            try:
                self._start(channel, command, sudo=self.settings.sudo if sudo is None else sudo)
                yield Session(channel, str(self), stall)
            finally:
                # A broken connection has no channel left to close.
                with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                    channel.close()
        except Transient:
            # It may be broken without having noticed: the next caller gets another one.
            self._abandon(transport)
            raise

    def close(self) -> None:
        """End the connection; the next call opens it again."""
        with self._lock:
            ended = [*self._abandoned, *([] if self._transport is None else [self._transport])]
            self._abandoned, self._transport = [], None
        for transport in ended:
            wire.close(transport)

    def _abandon(self, transport: paramiko.Transport) -> None:
        """Give this connection to no new caller; those who are still reading from it may find that it works."""
        with self._lock:
            if self._transport is transport:
                self._transport = None
                self._abandoned.append(transport)

    def _session_channel(self, transport: paramiko.Transport) -> paramiko.Channel:
        try:
            return transport.open_session(window_size=_WINDOW, max_packet_size=_PACKET, timeout=wire.CONNECT_SECONDS)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Transient(
                f"{self} opens no SSH session: {wire.reason(error)}",
                hint="is it overloaded, or MaxSessions of its sshd reached? try again",
            ) from error

    def _start(self, channel: paramiko.Channel, command: str, *, sudo: bool) -> None:
        line = f"{'sudo -n ' if sudo else ''}sh -c {shlex.quote(command)}"
        # paramiko waits for the answer without a limit; a channel that is closed meanwhile ends that.
        limit = threading.Timer(wire.CONNECT_SECONDS, channel.close)
        limit.start()
        try:
            channel.exec_command(line.encode("utf-8", "surrogateescape"))
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Transient(
                f"{self} did not start the command: {wire.reason(error)}", hint="is it overloaded? try again"
            ) from error
        finally:
            limit.cancel()

    def _connected(self) -> paramiko.Transport:
        with self._lock:
            if self._transport is None or not self._transport.is_active():
                if self._transport is not None:
                    wire.close(self._transport)
                    self._transport = None
                self._transport = self._open()
            return self._transport

    def _open(self) -> paramiko.Transport:
        with keys.configured(self.name, self.settings) as offered:
            return self._opened_with(offered)

    def _opened_with(self, offered: list[paramiko.PKey]) -> paramiko.Transport:
        known = KnownHosts(self.name, self.settings)
        connected = self._socket()
        transport = paramiko.Transport(connected, default_window_size=_WINDOW, default_max_packet_size=_PACKET)
        try:
            transport.banner_timeout = transport.auth_timeout = wire.CONNECT_SECONDS
            wire.set_preferences(transport, known)
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
            wire.close(transport)
            raise
        return transport

    def _socket(self) -> socket.socket | paramiko.Channel:
        where = (self.settings.host, self.settings.port)
        if self._jump is not None:
            return self._jump.open_channel(*where, seconds=wire.CONNECT_SECONDS)
        return wire.connect(*where, str(self))

    def _authenticate(self, transport: paramiko.Transport, offered: list[paramiko.PKey]) -> None:
        for key in offered:
            try:
                if not transport.auth_publickey(self.settings.user, key):
                    return
            except paramiko.AuthenticationException:
                continue
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise Transient(
                    f"{self} ended the login: {wire.reason(error)}", hint="the log of its sshd may say why; try again"
                ) from error
        fingerprints = ", ".join(f"{key.get_name()} {key.fingerprint}" for key in offered)
        raise LifeboatError(
            f"{self} does not let {self.settings.user} log in with {fingerprints}",
            hint=f"is the public key in ~{self.settings.user}/.ssh/authorized_keys there? ssh-copy-id adds it",
        )
