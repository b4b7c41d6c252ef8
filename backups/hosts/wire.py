"""What a connection is made of: a socket that notices a dead peer, fast ciphers, and an end that leaves no thread."""

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


def plain(address: str, port: int, host: str) -> socket.socket:
    """Connect to a machine; raises Transient. `host` is what messages call it."""
    try:
        plain = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
    except OSError as error:
        raise Transient(
            f"{host} cannot be reached: {reason(error)}",
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


def prefer(transport: paramiko.Transport, known: KnownHosts) -> None:
    """Have it try fast ciphers first, and ask for the kinds of host key that are known."""
    options = transport.get_security_options()
    options.ciphers = [cipher for cipher in _CIPHERS if cipher in options.ciphers]
    # The kinds of key that are known come first: a server with several keys must not look like a stranger.
    names = {key.get_name() for key in known.keys()}  # noqa: SIM118
    kinds = {kind for name in names for kind in (("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,))}
    options.key_types = sorted(options.key_types, key=lambda kind: kind not in kinds)


def end(transport: paramiko.Transport) -> None:
    """End a connection, and its thread with it."""
    with contextlib.suppress(Exception):
        transport.close()
    # Its thread ends as soon as it sees that; what started it must not leave it behind.
    if transport.is_alive() and transport is not threading.current_thread():
        transport.join(10)


def reason(error: BaseException) -> str:
    """What went wrong, in the words of whoever noticed."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or {"EOFError": "it closed the connection"}.get(type(error).__name__, type(error).__name__)
