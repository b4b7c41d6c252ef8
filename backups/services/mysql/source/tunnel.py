"""Carries connections through SSH channels: a socket for our sessions, for CLONE a port that one container reaches."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko

from backups.errors import LifeboatError
from backups.machine import namespace

LOOPBACK = "127.0.0.1"
_PIECE = 64 * 1024


class Link:
    """Carries bytes between a socket of ours and a channel, both ways, until either ends; then both are closed.

    cut: the channel ended although neither side had closed it.
    """

    def __init__(self, near: socket.socket, channel: paramiko.Channel) -> None:
        self.cut = False
        self._near = near
        self._channel = channel
        self._over = threading.Event()
        # No time limit: the server may work for hours. The SSH connection itself notices a machine that is gone.
        channel.settimeout(None)
        self._down = threading.Thread(target=self._carry_down, name="lifeboat-tunnel-down", daemon=True)
        self._up = threading.Thread(target=self._carry_up, name="lifeboat-tunnel-up", daemon=True)
        self._down.start()
        self._up.start()

    @property
    def alive(self) -> bool:
        """Whether bytes are still being carried."""
        return self._up.is_alive()

    def close(self) -> None:
        """End both sides, and wait until nothing is left."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._near.shutdown(socket.SHUT_RDWR)
        _end(self._channel)
        self._up.join()

    def _carry_up(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while piece := self._near.recv(_PIECE):
                self._channel.sendall(piece)
            self._over.set()
        _end(self._channel)
        self._down.join()
        self._near.close()

    def _carry_down(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while piece := self._channel.recv(_PIECE):
                self._near.sendall(piece)
            # sshd says that the far side is done before it closes a channel; a connection that dies says nothing.
            self.cut = not self._channel.eof_received and not self._over.is_set()
        with contextlib.suppress(OSError):
            self._near.shutdown(socket.SHUT_RDWR)


def socket_over(channel: paramiko.Channel) -> socket.socket:
    """Return a real socket whose other end is the channel: TLS and time limits need one. Closing it closes the channel."""
    ours, far = socket.socketpair()
    Link(far, channel)
    return ours


def refused(error: LifeboatError) -> bool:
    """Whether the far machine itself says that nothing takes connections at the address."""
    cause = error.__cause__
    return isinstance(cause, paramiko.ChannelException) and any(word in cause.text.lower() for word in ("refused", "timed out"))


class Forwarding:
    """Accepts connections on a listening socket, and carries each through a channel of its own.

    fault: why a connection could not be carried, or was cut; None while all is well.
    """

    def __init__(self, listening: socket.socket, open_channel: Callable[[], paramiko.Channel]) -> None:
        self._fault: LifeboatError | None = None
        self._listening = listening
        self._open_channel = open_channel
        self._links: list[Link] = []
        self._accepting = threading.Thread(target=self._accept, name="lifeboat-tunnel-accept", daemon=True)
        self._accepting.start()

    @property
    def fault(self) -> LifeboatError | None:
        """The first refusal of a channel."""
        return self._fault

    @property
    def cut(self) -> bool:
        """Whether a connection was cut on its way."""
        return any(link.cut for link in self._links)

    def close(self) -> None:
        """Take no more, end what is carried, and wait until nothing is left."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()
        for link in self._links:
            link.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                channel = self._open_channel()
            except LifeboatError as error:
                self._fault = self._fault or error
                near.close()
            else:
                self._links.append(Link(near, channel))


@contextmanager
def forwarded_port(pid: int, port: int, open_channel: Callable[[], paramiko.Channel]) -> Iterator[Forwarding]:
    """Open a port at 127.0.0.1 in the network of process `pid` and nowhere else; each connection gets a channel of its own."""
    carried = Forwarding(listen_inside(pid, port), open_channel)
    try:
        yield carried
    finally:
        carried.close()


def listen_inside(pid: int, port: int) -> socket.socket:
    """Listen at 127.0.0.1:port in the network namespace of process `pid`; raises LifeboatError without root."""
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def make() -> None:
        try:
            network = namespace.network_of(pid)
            try:
                namespace.enter(network)
            finally:
                os.close(network)
            made.append(socket.create_server((LOOPBACK, port), backlog=16))
        except OSError as error:
            failed.append(error)

    # A namespace is a thread's own: this one ends there, and nobody else ever is inside. The socket stays where it was made.
    thread = threading.Thread(target=make, name="lifeboat-tunnel-namespace")
    thread.start()
    thread.join()
    if failed:
        raise LifeboatError(
            f"no port {port} can be opened in the network of the clone's recipient (process {pid}): {failed[0].strerror}",
            hint="a clone over `ssh:` needs root (CAP_SYS_ADMIN), on the machine that runs the containers and in none of them",
        ) from failed[0]
    return made[0]


def _end(channel: paramiko.Channel) -> None:
    # A connection that has died has nothing left to close.
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        channel.close()
