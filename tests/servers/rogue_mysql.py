"""Somebody who answers at MySQL's address and is no MySQL server: says what a test wants, and keeps what it was told."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from backups.services.mysql.settings import MySQLSettings

PASSWORD = "planted-Pw1"
SALT = bytes(range(1, 21))
OK = b"\x00\x00\x00\x02\x00\x00\x00"
_TLS = 0x800
_CAPABILITIES = 0x000FA20D | 0x200
"""Protocol 4.1, secure connection, plugins and their data with a length."""


def greeting(plugin: str = "caching_sha2_password", *, tls: bool = False, version: str = "8.0.36") -> bytes:
    """A server's first packet."""
    flags = _CAPABILITIES | (_TLS if tls else 0)
    head = b"\x0a" + version.encode() + b"\0" + struct.pack("<I", 7) + SALT[:8] + b"\0" + struct.pack("<H", flags & 0xFFFF)
    return head + struct.pack("<BHHB", 45, 2, flags >> 16, 21) + bytes(10) + SALT[8:] + b"\0" + plugin.encode() + b"\0"


def switch(plugin: str, data: bytes = SALT + b"\0") -> bytes:
    """A server's wish for another way to log in."""
    return b"\xfe" + plugin.encode() + b"\0" + data


@dataclass
class Wire:
    """One connection, packet by packet; `heard` holds everything that came, as it was inside TLS."""

    socket: socket.socket
    heard: bytearray
    sequence: int = 0

    def say(self, body: bytes) -> None:
        self.socket.sendall(struct.pack("<I", len(body))[:3] + bytes([self.sequence & 0xFF]) + body)
        self.sequence += 1

    def hear(self) -> bytes:
        head = self._read(4)
        body = self._read(int.from_bytes(head[:3], "little"))
        self.sequence = head[3] + 1
        return body

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Go on inside TLS, as a server does that was asked for it."""
        self.hear()
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def let_in(self, plugin: str = "mysql_native_password") -> None:
        """Greet, and take whatever password."""
        self.say(greeting(plugin))
        self.hear()
        self.say(OK)

    def _read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            piece = self.socket.recv(count - len(read))
            if not piece:
                raise EOFError
            self.heard += piece
            read += piece
        return read


@dataclass
class Rogue:
    """Listens at a port of its own; each connection is given to `talk`, and ends when that returns."""

    port: int
    heard: bytearray = field(default_factory=bytearray)
    sessions: int = 0

    def settings(self, **changes: object) -> MySQLSettings:
        given = {"type": "mysql", "image": "none", "host": "127.0.0.1", "port": self.port, "password": PASSWORD, **changes}
        return MySQLSettings.model_validate(given)

    @property
    def was_told(self) -> bool:
        """Whether the password is in what came."""
        return PASSWORD.encode() in self.heard


@contextmanager
def rogue(talk: Callable[[Wire], None]) -> Iterator[Rogue]:
    """Answer at a port until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    found = Rogue(listening.getsockname()[1])
    over = threading.Event()
    open_ones: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        wire = Wire(connection, found.heard)
        with suppress(OSError, EOFError, ValueError):
            talk(wire)
        with suppress(OSError):
            wire.socket.close()

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            found.sessions += 1
            open_ones.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for each in open_ones:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        thread.join()
