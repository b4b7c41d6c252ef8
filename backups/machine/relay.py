"""Lets a server that listens at a unix socket be reached at a port of a container's own loopback, and from nowhere else."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from backups.errors import LifeboatError
from backups.machine import namespace

_CHUNK = 1 << 16
_LOOPBACK = "127.0.0.1"

Dial = Callable[[], socket.socket]
"""Opens a connection to the server."""


class Relay:
    """Takes connections at a port inside a network, and passes what comes on to connections that `dial` opens."""

    def __init__(self, network: int, what: str, port: int, dial: Dial) -> None:
        with namespace.entered(network, what):
            # A socket belongs to the network that it was made in.
            self._listener = socket.create_server((_LOOPBACK, port))
        self._dial = dial
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._take, name="lifeboat-relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End every connection, and take none any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _take(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._dial()
            except (OSError, LifeboatError):
                # Whoever asked learns it by the end of its connection.
                near.close()
                continue
            self._open |= {near, far}
            pair = _Pair(near, far, lambda near=near, far=far: self._open.difference_update({near, far}))  # type: ignore[misc]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=pair.pump, args=(source, target), name="lifeboat-relay", daemon=True).start()


class _Pair:
    """Two connections, each of which gets what comes from the other; both are closed when both have ended."""

    def __init__(self, near: socket.socket, far: socket.socket, ended: Callable[[], None]) -> None:
        self._both = (near, far)
        self._ended = ended
        self._left = 2
        self._lock = threading.Lock()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        """Pass on until the source ends; then end the target."""
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                target.sendall(chunk)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        with self._lock:
            self._left -= 1
            last = not self._left
        if last:
            for each in self._both:
                each.close()
            self._ended()
