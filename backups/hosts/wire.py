"""Opens and closes SSH's network connections: sockets that notice a dead peer, fast ciphers, and no thread left behind."""

import contextlib
import socket
import threading

import paramiko

from backups.errors import Transient
from backups.hosts.known import KnownHosts

CONNECT_SECONDS = 20.0
"""For the TCP connection, the banner, the key exchange, and the authentication: each."""

_SILENT_MILLISECONDS = 60_000
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
"""The fast ones first (measured: up to twice the default's rate)."""


def connect(address: str, port: int, host: str) -> socket.socket:
    """Open a TCP connection to a machine; `host` is its name in messages. Raises Transient."""
    try:
        connected = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
    except OSError as error:
        raise Transient(
            f"{host} cannot be reached: {reason(error)}",
            hint="is the address right, the machine up, and the port open from this machine?",
        ) from error
    # The kernel ends a connection whose other end is gone, idle or in the middle of a transfer, within a minute or so.
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", 15),
        ("TCP_KEEPINTVL", 15),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", _SILENT_MILLISECONDS),
    ):
        with contextlib.suppress(AttributeError, OSError):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return connected


def set_preferences(transport: paramiko.Transport, known: KnownHosts) -> None:
    """Prefer fast ciphers, and the types of host key that are known."""
    options = transport.get_security_options()
    options.ciphers = [cipher for cipher in _CIPHERS if cipher in options.ciphers]
    # Known types first: a server with several keys must not look unknown because it offers another one.
    names = {key.get_name() for key in known.keys()}  # noqa: SIM118
    kinds = {kind for name in names for kind in (("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,))}
    options.key_types = sorted(options.key_types, key=lambda kind: kind not in kinds)


def close(transport: paramiko.Transport) -> None:
    """Close a connection and wait for its thread to end."""
    with contextlib.suppress(Exception):
        transport.close()
    if transport.is_alive() and transport is not threading.current_thread():
        transport.join(10)


def reason(error: BaseException) -> str:
    """Return the reason for an error: the system's or the library's own text."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or {"EOFError": "it closed the connection"}.get(type(error).__name__, type(error).__name__)
