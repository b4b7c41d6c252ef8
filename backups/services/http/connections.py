"""Holds the sockets below `requests`, so that a call can be ended from outside while a thread waits on it."""

import logging
import socket
import threading
import weakref
from contextlib import suppress
from typing import Any, Protocol

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# It warns of headers that it cannot read, with the whole url, in which there may be a token.
logging.getLogger("urllib3").setLevel(logging.ERROR)
# Of `tls: required`, which the operator has written, and which doctor names.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


class Connect(Protocol):
    """Makes a connection to an address."""

    def __call__(self, owner: HTTPConnection, host: str, port: int, *, proxied: bool, plain: bool) -> socket.socket:
        """Connect. plain: whether what is sent will not be encrypted."""
        ...


class Sockets:
    """A second hold on each socket: TLS takes the first one away, and what reads an answer has one of its own."""

    def __init__(self) -> None:
        self._held: list[tuple[weakref.ref[HTTPConnection], socket.socket]] = []
        self._lock = threading.Lock()

    def new(self, owner: HTTPConnection, family: int, kind: int, protocol: int) -> socket.socket:
        """Make a socket and hold it."""
        made = socket.socket(family, kind, protocol)
        with self._lock:
            self._held.append((weakref.ref(owner), made.dup()))
        return made

    def shut(self) -> None:
        """End the connections: whoever waits on them goes on at once."""
        with self._lock:
            for _, second in self._held:
                with suppress(OSError):
                    second.shutdown(socket.SHUT_RDWR)

    def sweep(self) -> None:
        """Let go of what the other side has ended, or this one."""
        with self._lock:
            kept = []
            for reference, second in self._held:
                owner = reference()
                if owner is not None and owner.sock is not None and _open(second):
                    kept.append((reference, second))
                else:
                    second.close()
            self._held = kept

    def end(self) -> None:
        """End and let go of all."""
        self.shut()
        with self._lock:
            for _, second in self._held:
                second.close()
            self._held = []


class Adapter(HTTPAdapter):
    """Makes the connections of a session by `connect`; nothing is tried twice."""

    def __init__(self, connect: Connect) -> None:
        self._pools = _pools(connect)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """See HTTPAdapter."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """See HTTPAdapter."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager


def _open(held: socket.socket) -> bool:
    """Whether the connection lives on."""
    try:
        return held.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _pools(connect: Connect) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, self._dns_host, self.port, proxied=self.proxy is not None, plain=self._tunnel_host is None)

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, self._dns_host, self.port, proxied=self.proxy is not None, plain=False)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
