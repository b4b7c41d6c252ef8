"""Enters the network of a container for a moment, so that what is asked of it needs no network of this machine.

A network is a thread's own: the one that enters is there alone, and what it has connected there stays connected when it is back.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from backups.errors import LifeboatError

_CLONE_NEWNET = 0x40000000
_OWN = "/proc/thread-self/ns/net"
_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_libc = ctypes.CDLL(None, use_errno=True)


def network_of(pid: int) -> int:
    """Return a handle of the network of a process, which the caller closes; the network lives as long as the handle.

    Raises OSError when there is no such process, or when its network is our own, which others can reach.
    """
    handle, own = os.open(f"/proc/{pid}/ns/net", _FLAGS), os.open(_OWN, _FLAGS)
    try:
        if os.path.sameopenfile(handle, own):
            os.close(handle)
            raise OSError(0, "it is our own network, which others can reach")
    finally:
        os.close(own)
    return handle


def enter(network: int) -> None:
    """Put the thread that calls into a network. Raises OSError without root (CAP_SYS_ADMIN)."""
    if _libc.setns(network, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def entered(network: int, what: str) -> Iterator[None]:
    """Be in a network for as long as the block runs; threads that are begun in it are, too. Raises LifeboatError when it cannot.

    Nothing but that network is asked in the block: not this machine's names, and no other server.
    """
    own = os.open(_OWN, _FLAGS)
    try:
        try:
            enter(network)
        except OSError as error:
            raise LifeboatError(
                f"the network of {what} cannot be entered: {error.strerror}",
                hint="Lifeboat needs root with CAP_SYS_ADMIN, on the machine that runs the containers and in none of them",
            ) from error
        try:
            yield
        finally:
            enter(own)
    finally:
        os.close(own)
