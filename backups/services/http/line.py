"""Asks one server over HTTP, and reads answers that are bounded in bytes and in time, from the connection to their last byte.

The time of an answer is held by the socket itself: a timer ends the connection, whatever waits on it. So does `close_all`, for a
process that has been told to end: every call that runs then raises LifeboatError at once. Only the resolver of names has limits
of its own.
"""

import base64
import socket
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import requests
import urllib3
import urllib3.exceptions
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection

from backups.errors import ConfigError, LifeboatError, Transient
from backups.machine import runs
from backups.services.http import address, connections, faults, inflate
from backups.services.http.answer import Answer, TooMuch
from backups.services.http.bounds import Bounds

Tls = Literal["verify", "required", "disabled"]

_REDIRECTS = 5
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_PIECE = 65536
_MOST_ADDRESSES = 8

# Of `tls: required`, which the doctor and docs/security.md name: once there, and not beside each call.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
_lines: "weakref.WeakSet[Line]" = weakref.WeakSet()
_guard = threading.Lock()


def close_all() -> None:
    """End every line that there is, and the calls that run, from any thread: for a process that has been told to end."""
    with _guard:
        lines = list(_lines)
    for line in lines:
        line.end()


runs.cancelled_by(close_all)


class Line:
    """The way to one server. One call at a time; connections are kept until `close`.

    service: what it is, for messages. url: its root; the account in it, if any, is sent as basic authentication
    authorization: the value of that header, "" for none
    tls: verify: certificates are checked, and a secret goes in clear to this machine itself only; required: encrypted and not
    checked; disabled: in clear
    authority: certificates (PEM) instead of those that this machine trusts
    direct: past every proxy that the environment names
    """

    def __init__(
        self,
        service: str,
        url: str,
        *,
        authorization: str = "",
        tls: Tls = "verify",
        authority: Path | None = None,
        direct: bool = False,
    ) -> None:
        self.service = service
        self.where = address.shown(url)
        self.last, self.received = self.where, 0
        """The call that was answered last, and the bytes of all answers."""
        self._url = address.without_account(url)
        self._own = authorization
        in_url = address.account(url)
        self._of_url = basic(*in_url) if in_url else ""
        self._tls = tls
        self._proxy: str | None = None
        if not direct:
            self._proxy = select_proxy(self._url, get_environ_proxies(self._url))
        self._session = requests.Session()
        self._session.trust_env = not direct
        self._session.verify = {"required": False}.get(tls, True) if authority is None or tls == "required" else str(authority)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, connections.Adapter(self._connect))
        self._lock = threading.Lock()
        self._sockets = connections.Sockets()
        self._bounds = Bounds()
        self._deadline = 0.0
        self._secret = self._beyond = self._late = self._ended = False
        self._call = 0
        with _guard:
            _lines.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._session.close()
        self._sockets.end()

    def end(self) -> None:
        """End the call that runs, if any, from another thread; none begins afterwards."""
        self._ended = True
        self._sockets.shut()

    def ask(
        self,
        method: str,
        path: str,
        bounds: Bounds,
        *,
        params: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
        follow: bool = False,
    ) -> Answer:
        """Make a call. Raises Unserved when nobody serves there, another LifeboatError when the answer cannot be had or trusted.

        body: JSON to send. signed: with `authorization`; without, an account in the url is sent all the same
        follow: redirects to the same server, by a GET; without, a redirect is returned as any other answer
        """
        signature = (self._own if signed else "") or self._of_url
        with self._lock:
            self._bounds, self._deadline, self._late = bounds, time.monotonic() + bounds.total, False
            self._secret = bool(signature)
            self._call += 1
            timer = threading.Timer(bounds.total, self._too_late, (self._call,))
            timer.daemon = True
            timer.start()
            try:
                sent = {"Accept-Encoding": "gzip", **(headers or {})} | ({"Authorization": signature} if signature else {})
                return self._ask(method, path, {"params": params, "data": form, "json": body, "headers": sent}, follow=follow)
            finally:
                timer.cancel()
                self._sockets.sweep()

    def _ask(self, method: str, path: str, options: dict[str, Any], *, follow: bool) -> Answer:
        url, started, hops = address.joined(self._url, path), address.origin(self._url), 0
        while True:
            answer = self._once(method, url, f"{method} {address.shown(url)}", options, beyond=hops > 0)
            if not follow or answer.status not in _REDIRECTED or method != "GET":
                return answer
            url = self._there(url, answer, started)
            options = options | {"params": None}
            hops += 1
            if hops > _REDIRECTS:
                raise LifeboatError(
                    f"{answer.what} redirects again and again, {hops} times", hint="set url to the address that answers without"
                )

    def _once(self, method: str, url: str, what: str, options: dict[str, Any], *, beyond: bool) -> Answer:
        response: requests.Response | None = None
        self._beyond = beyond
        try:
            self._require_going_on()
            response = self._session.request(
                method,
                url,
                **options,
                timeout=(self._bounds.connect, self._bounds.silence),
                allow_redirects=False,
                stream=True,
                verify=self._session.verify,
                auth=_as_it_is,
            )
            body = self._body(response, what)
            # A connection that was ended looks like an answer that has ended.
            self._require_going_on()
            self.last = what
            self.received += len(body)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(what, response.status_code, str(response.reason or ""), headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            self._require_going_on()
            # What they say may quote the url, its query included: it is told in other words, and not carried along.
            raise faults.explained(
                error,
                self.service,
                self.where,
                proxy=None if self._proxy is None else address.shown(self._proxy),
                beyond=beyond or response is not None,
                seconds=self._bounds.silence,
            ) from None
        finally:
            if response is not None:
                response.close()

    def _body(self, response: requests.Response, what: str) -> bytes:
        most = self._bounds.size
        pieces = inflate.plain(
            iter(lambda: response.raw.read(_PIECE, decode_content=False), b""), response.headers.get("Content-Encoding"), what
        )
        body = bytearray()
        for piece in pieces:
            body += piece
            if len(body) > most:
                raise TooMuch(
                    f"{what} answers with more than {most / 2**20:g} MiB: reading it was ended",
                    hint="is its url right, and is it healthy?",
                )
            self._require_going_on()
        return bytes(body)

    def _there(self, url: str, answer: Answer, started: address.Origin) -> str:
        """Where a redirect leads. Raises LifeboatError unless it is the same server, or without a secret its https."""
        there = requests.compat.urljoin(url, answer.headers.get("location", ""))
        try:
            scheme, host, port = address.origin(there)
        except ValueError:
            scheme, host, port = "", "", None
        upgraded = not self._secret and (started[0], scheme) == ("http", "https") and host == started[1]
        if (scheme, host, port) != started and not upgraded:
            raise LifeboatError(
                f"{answer.what} redirects to {address.shown(there)}",
                hint="set the service's url to the address that answers without a redirect",
            )
        return address.without_account(there)

    def _connect(self, owner: HTTPConnection, host: str, port: int, *, proxied: bool, plain: bool) -> socket.socket:
        """Connect to the server, or to the proxy, and hold the connection so that it can be ended from outside."""
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise faults.unresolved(self.service, self.where, host, error) from None
        errors: list[OSError] = []
        for family, kind, protocol, _, where in found[:_MOST_ADDRESSES]:
            connection = self._sockets.new(owner, family, kind, protocol)
            try:
                connection.settimeout(max(0.1, min(self._bounds.connect, self._deadline - time.monotonic())))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.connect(where)
                self._require_going_on()
                self._require_privacy(str(where[0]), plain=plain, proxied=proxied)
            except OSError as error:
                connection.close()
                self._require_going_on()
                errors.append(error)
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        to = address.shown(self._proxy) if proxied and self._proxy is not None else None
        raise faults.unconnected(self.service, self.where, errors, to=to, beyond=self._beyond) from None

    def _require_privacy(self, peer: str, *, plain: bool, proxied: bool) -> None:
        """Raise ConfigError before a secret goes over a network in clear, unless the service's section allows it."""
        if plain and self._secret and self._tls == "verify" and (proxied or not address.of_this_machine(peer)):
            raise ConfigError(
                f"the password or token of {self.service} at {self.where} would go over the network in clear, so it is not sent",
                hint="use an https url (tls_ca: for an authority of your own); or tls: disabled, if its readers may have it",
            )

    def _too_late(self, call: int) -> None:
        if call == self._call:
            self._late = True
            self._sockets.shut()

    def _require_going_on(self) -> None:
        if self._ended:
            raise LifeboatError(f"the call to {self.service} at {self.where} was ended: Lifeboat has been told to end")
        if self._late:
            raise Transient(
                f"{self.service} at {self.where} could not be read: its answer was not whole after {self._bounds.total:g} s",
                hint="it answers, and too slowly: look at its load, and at what stands between it and this machine",
            )


def basic(user: str, password: str) -> str:
    """The header of basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing to a request: without this, a ~/.netrc that names the host would."""
    return request
