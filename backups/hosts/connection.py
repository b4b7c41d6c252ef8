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
from backups.hosts import keys
from backups.hosts.known import KnownHosts
from backups.hosts.session import CHUNK, Said, Session
from backups.hosts.settings import HostSettings

_CONNECT_SECONDS = 20.0
"""For the TCP connection, the banner, the key exchange, and the authentication: each."""

_KEEPALIVE_SECONDS = 15
_SILENT_MILLISECONDS = 60_000
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
"""The fast ones first (measured: up to twice the default's rate)."""

_WINDOW = 64 * 1024 * 1024
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
            raise Transient(
                f"{address}:{port} cannot be reached from {self}: {_reason(error)}", hint="is the machine up? try again"
            ) from error
        channel.settimeout(seconds)
        return channel

    def run(self, command: str, *, stdin: bytes | IO[bytes] | None = None, seconds: float, sudo: bool | None = None) -> Said:
        """Run a command line of sh there, to its end: exit code, output, errors. `sudo`: else as configured.

        Raises LifeboatError when it takes longer than `seconds`.
        """
        with self.session(command, sudo=sudo) as session:
            try:
                for piece in _pieces(stdin):
                    session.write(piece)
            except BrokenPipeError:
                # It needed no more of its input, or has failed: its exit code says which.
                pass
            session.close_input()
            return session.end(seconds)

    @contextmanager
    def session(self, command: str, *, sudo: bool | None = None) -> Iterator[Session]:
        """Start a command line of sh there, and stream; whatever ends the block ends the command's input and output."""
        channel = self._session_channel()
        try:
            line = f"sh -c {shlex.quote(command)}"
            if self.settings.sudo if sudo is None else sudo:
                line = f"sudo -n {line}"
            try:
                channel.exec_command(line.encode("utf-8", "surrogateescape"))
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise Transient(f"{self} takes no command: {_reason(error)}", hint="try again") from error
            yield Session(channel, str(self))
        finally:
            channel.close()

    def close(self) -> None:
        """End the connection; the next call opens it again."""
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None:
            _end(transport)

    def _session_channel(self) -> paramiko.Channel:
        transport = self._live()
        try:
            return transport.open_session(window_size=_WINDOW, max_packet_size=_PACKET, timeout=_CONNECT_SECONDS)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Transient(
                f"{self} opens no session: {_reason(error)}", hint="is it overloaded, or its MaxSessions used up? try again"
            ) from error

    def _live(self) -> paramiko.Transport:
        with self._lock:
            if self._transport is None or not self._transport.is_active():
                if self._transport is not None:
                    _end(self._transport)
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
            transport.banner_timeout = transport.auth_timeout = _CONNECT_SECONDS
            _prefer(transport, known)
            try:
                transport.start_client(timeout=_CONNECT_SECONDS)
                # After a timeout paramiko returns as if all were well.
                if not transport.initial_kex_done:
                    raise TimeoutError(f"no key exchange within {_CONNECT_SECONDS:g} s")
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise Transient(
                    f"{self} does not speak SSH: {_reason(error)}", hint="is it an SSH server's port, and is it overloaded?"
                ) from error
            known.check(transport.get_remote_server_key())
            self._authenticate(transport, offered)
            transport.set_keepalive(_KEEPALIVE_SECONDS)
        except BaseException:
            _end(transport)
            raise
        return transport

    def _socket(self) -> socket.socket | paramiko.Channel:
        where = (self.settings.host, self.settings.port)
        if self._jump is not None:
            return self._jump.open_channel(*where, seconds=_CONNECT_SECONDS)
        try:
            plain = socket.create_connection(where, timeout=_CONNECT_SECONDS)
        except OSError as error:
            raise Transient(
                f"{self} cannot be reached: {_reason(error)}",
                hint="is the address right, the machine up, and port open from here?",
            ) from error
        # The kernel ends a connection whose other end is gone, idle or in the middle of a transfer, within a minute or so.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            ("TCP_KEEPIDLE", 15),
            ("TCP_KEEPINTVL", 15),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", _SILENT_MILLISECONDS),
        ):
            with contextlib.suppress(AttributeError, OSError):
                plain.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        return plain

    def _authenticate(self, transport: paramiko.Transport, offered: list[paramiko.PKey]) -> None:
        for key in offered:
            try:
                if not transport.auth_publickey(self.settings.user, key):
                    return
            except paramiko.AuthenticationException:
                continue
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise Transient(f"{self} ended the login: {_reason(error)}", hint="try again; its log may say why") from error
        told = ", ".join(f"{key.get_name()} {key.fingerprint}" for key in offered)
        raise LifeboatError(
            f"{self} does not let {self.settings.user} in by {told}",
            hint=f"is the public key in ~{self.settings.user}/.ssh/authorized_keys there? ssh-copy-id puts it there",
        )


def _prefer(transport: paramiko.Transport, known: KnownHosts) -> None:
    options = transport.get_security_options()
    options.ciphers = [cipher for cipher in _CIPHERS if cipher in options.ciphers]
    # The kinds of key that are known come first: a server with several keys must not look like a stranger.
    names = {key.get_name() for key in known.keys()}  # noqa: SIM118
    kinds = {kind for name in names for kind in (("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,))}
    options.key_types = sorted(options.key_types, key=lambda kind: kind not in kinds)


def _pieces(stdin: bytes | IO[bytes] | None) -> Iterator[bytes]:
    if isinstance(stdin, bytes):
        yield stdin
    elif stdin is not None:
        while piece := stdin.read(CHUNK):
            yield piece


def _end(transport: paramiko.Transport) -> None:
    with contextlib.suppress(Exception):
        transport.close()
    # Its thread ends as soon as it sees that; what started it must not leave it behind.
    if transport.is_alive() and transport is not threading.current_thread():
        transport.join(10)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or {"EOFError": "it closed the connection"}.get(type(error).__name__, type(error).__name__)
