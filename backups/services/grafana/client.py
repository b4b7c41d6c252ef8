"""Calls the HTTP API of one Grafana, as a user, as a service account or without credentials, in one organisation at a time."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import requests

from backups import secret
from backups.errors import LifeboatError, Transient
from backups.services.grafana.settings import GrafanaSettings

USER_HEADER = "X-WEBAUTH-USER"
"""The header of an authenticating proxy, by which restored copies know who reads."""

PAGE = 500
"""How many objects a page of a list has, where the caller may say."""

_TIMEOUT = (10.0, 120.0)
"""Seconds to connect, and to wait for each piece of the answer."""
_BUSY = frozenset({429, 502, 503, 504})
_TRIES = 5
_LONGEST_PAUSE_SECONDS = 60.0


class Denied(LifeboatError):
    """HTTP 403: the caller may not have this."""


class Missing(LifeboatError):
    """HTTP 404: there is no such object, or no such route in this version."""


class Refused(LifeboatError):
    """Any other HTTP 4xx: the server understood the request and does not carry it out."""


@dataclass(frozen=True)
class Health:
    """What /api/health answers: whether the database is well, and the version unless the server hides it."""

    ok: bool
    version: str | None


class _Signed(requests.auth.AuthBase):
    """Sends this header and no other: without it, a ~/.netrc that names the host would take its place."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._name] = self._value
        return request


@dataclass(frozen=True)
class Client:
    """The server at `url` (its root, without `/api`). Every method raises LifeboatError, with a hint, for what goes wrong.

    authorization: the value of the header of that name, "" for none. login: of the user, where it is one
    organisation: its number; None for the caller's own
    direct: straight to the address, whatever proxies this machine is configured to use (copies)
    trusted: logins by organisation (0: the server itself) to read as, where the server trusts a proxy's header (copies)
    """

    url: str
    authorization: str = field(default="", repr=False)
    login: str | None = None
    organisation: int | None = None
    direct: bool = False
    trusted: Mapping[int, str] | None = None
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)
    _session: requests.Session = field(default_factory=requests.Session, repr=False, compare=False)

    @classmethod
    def of(cls, settings: GrafanaSettings, url: str | None = None) -> "Client":
        """The configured server, or the one at `url`; reads the token or the password now, and raises ConfigError if it cannot.

        settings: with credentials, see `GrafanaSettings.has_credentials`
        """
        url = (url or str(settings.url)).rstrip("/")
        if settings.user is not None:
            password = secret.read(settings.password, settings.password_file, f"user {settings.user} of Grafana at {shown(url)}")
            return cls.basic(url, settings.user, password)
        token = secret.read(settings.token, settings.token_file, f"the service account of Grafana at {shown(url)}")
        return cls(url, f"Bearer {token}")

    @classmethod
    def basic(cls, url: str, user: str, password: str, *, direct: bool = False) -> "Client":
        """As a user with a password."""
        return cls(url, "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(), login=user, direct=direct)

    @classmethod
    def behind_proxy(cls, url: str, logins: Mapping[int, str]) -> "Client":
        """As these users, without their passwords: a copy trusts the header USER_HEADER."""
        return cls(url, direct=True, trusted=logins)

    @property
    def caller(self) -> str:
        """The login that calls are made as, where it is known: for messages."""
        login = self.login if self.trusted is None else self.trusted.get(self.organisation or 0)
        return "the service account" if login is None else f"user {login}"

    def health(self, seconds: float = 10) -> Health:
        """Read its health, without credentials. Raises Transient when no Grafana answers within `seconds`."""
        response = self._request(
            "GET", "/api/health", headers={"Accept": "application/json"}, timeout=seconds, allow_redirects=True
        )
        try:
            answer = response.json()
        except ValueError as error:
            raise Transient(
                f"{shown(self.url)}/api/health answers {response.status_code}, and not with JSON",
                hint="is the url a Grafana's, with its sub-path?",
            ) from error
        if not isinstance(answer, Mapping):
            raise Transient(
                f"{shown(self.url)}/api/health answers {response.status_code}, and not with an object",
                hint="is the url a Grafana's?",
            )
        return Health(response.status_code == 200 and answer.get("database") == "ok", str(answer.get("version") or "") or None)

    def within(self, organisation: int | None) -> "Client":
        """The same, in an organisation."""
        return replace(self, organisation=organisation)

    def get(self, *path: str, **parameters: Any) -> Any:
        """The JSON at a path given in parts."""
        return self._call("GET", path, parameters, None)

    def get_or_status(self, *path: str, **parameters: Any) -> Any:
        """The JSON at a path; the text `HTTP 404` where the server answers anything but 200, `no JSON` where the body is none."""
        response = self._once("GET", _address(path), parameters, None)
        if response.status_code != 200:
            return f"HTTP {response.status_code}"
        try:
            return response.json()
        except ValueError:
            return "no JSON"

    def send(self, method: str, *path: str, body: Any = None) -> Any:
        """Write; returns the answer's JSON. What is written has no provenance: people may go on editing it."""
        return self._call(method, path, {}, body)

    def pages(self, *path: str, size: str = "limit", **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Every object of a list that comes by page; `size` is the parameter that says how long a page is."""
        page = 1
        while True:
            found = as_list(self.get(*path, **parameters, **{size: PAGE}, page=page))
            yield from found
            if len(found) < PAGE:
                return
            page += 1

    def counted_pages(
        self, *path: str, name: str, inside: str | None = None, size: str = "perpage"
    ) -> Iterator[Mapping[str, Any]]:
        """Every object of a list that comes by page with its total; `inside` and `name` say where the answer has the list."""
        page, count = 1, 0
        while True:
            answer = self.get(*path, **{size: PAGE}, page=page)
            result = answer if inside is None else member(answer, inside)
            found = as_list(member(result, name))
            yield from found
            count += len(found)
            if not found or count >= int(member(result, "totalCount") or 0):
                return
            page += 1

    def continued_pages(self, *path: str) -> Iterator[Mapping[str, Any]]:
        """Every object of a list of the Kubernetes-style API (12 and newer), whose pages name the next one by a token."""
        token: dict[str, str] = {}
        while True:
            answer = self.get(*path, limit=PAGE, **token)
            yield from as_list(member(answer, "items"))
            following = str((member(answer, "metadata") or {}).get("continue") or "")
            if not following:
                return
            token = {"continue": following}

    def _call(self, method: str, path: tuple[str, ...], parameters: Mapping[str, Any], body: Any) -> Any:
        address = _address(path)
        for attempt in range(_TRIES):
            response = self._once(method, address, parameters, body)
            # A server that is busy has not done it; one that went away in the middle may have, so only reads are repeated then.
            again = response.status_code == 429 or (response.status_code in _BUSY and method == "GET")
            if not again or attempt == _TRIES - 1:
                break
            self.pause(_pause_seconds(response, attempt))
        return self._answer(method, address, response)

    def _once(self, method: str, address: str, parameters: Mapping[str, Any], body: Any) -> requests.Response:
        headers = {"Accept": "application/json"}
        if self.organisation is not None:
            headers["X-Grafana-Org-Id"] = str(self.organisation)
        if method != "GET":
            headers["X-Disable-Provenance"] = "true"
        return self._request(method, address, params=dict(parameters), json=body, headers=headers, auth=self._signed())

    def _request(self, method: str, address: str, **options: Any) -> requests.Response:
        self._session.trust_env = not self.direct
        try:
            return self._session.request(
                method, f"{self.url}{address}", **{"timeout": _TIMEOUT, "allow_redirects": False, **options}
            )
        except requests.RequestException as error:
            raise Transient(
                f"Grafana does not answer at {shown(self.url)}: {type(error).__name__} at {method} {address}",
                hint="is it running, and reachable from here?",
            ) from error

    def _signed(self) -> _Signed | None:
        if self.trusted is None:
            return _Signed("Authorization", self.authorization) if self.authorization else None
        login = self.trusted.get(self.organisation or 0)
        if login is None:
            raise Denied(
                f"organisation {self.organisation} has no administrator in the backup who could read it",
                hint="make a user of the source its administrator, and take a backup",
            )
        return _Signed(USER_HEADER, login)

    def _answer(self, method: str, address: str, response: requests.Response) -> Any:
        status = response.status_code
        what = f"{method} {address} of {shown(self.url)}"
        if 300 <= status < 400:
            there = response.headers.get("Location", "nowhere")
            raise LifeboatError(
                f"{what} redirects to {shown(there)}", hint="set the service's url to the address that answers without a redirect"
            )
        if status == 401:
            hint = "is the token or password right, and not expired or deleted? a token works in its own organisation only"
            if self.trusted is not None:
                hint = "the copy must let one of its administrators in; its log says why it did not"
            raise LifeboatError(f"{what} does not accept {self.caller} (HTTP 401: {_message(response)})", hint=hint)
        if status == 403:
            raise Denied(f"{method} {address}: HTTP 403", hint="give the service account the role Admin")
        if status == 404:
            raise Missing(f"{method} {address}: HTTP 404: {_message(response)}")
        if status >= 500 or status == 429:
            raise Transient(f"{what} answers {status}: {_message(response)}", hint="look at Grafana's log; try again later")
        if status >= 400:
            raise Refused(f"{method} {address}: HTTP {status}: {_message(response)}")
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise LifeboatError(
                f"{what} answers {status}, and not with JSON", hint="is the url a Grafana's, with its sub-path?"
            ) from error


def as_list(answer: Any) -> list[Mapping[str, Any]]:
    """A list of objects; raises LifeboatError for anything else, since a list that was refused is not an empty one."""
    if answer is None:
        return []
    if not isinstance(answer, list) or not all(isinstance(one, Mapping) for one in answer):
        raise LifeboatError("Grafana's answer is not a list of objects", hint="is the url a Grafana's, of version 8 or newer?")
    return answer


def member(answer: Any, name: str) -> Any:
    """A member of an object that was answered; raises LifeboatError when the answer is no object."""
    if not isinstance(answer, Mapping):
        raise LifeboatError("Grafana's answer is not an object", hint="is the url a Grafana's, of version 8 or newer?")
    return answer.get(name)


def shown(url: str) -> str:
    """A URL without what may be secret in it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _address(path: tuple[str, ...]) -> str:
    return "/" + "/".join(quote(part, safe="", errors="surrogatepass") for part in path)


def _pause_seconds(response: requests.Response, attempt: int) -> float:
    """As long as the server wants (Retry-After), else longer with each attempt."""
    wanted = response.headers.get("Retry-After", "")
    return min(float(wanted) if wanted.isdigit() else 2.0**attempt, _LONGEST_PAUSE_SECONDS)


def _message(response: requests.Response) -> str:
    """The server's own words, no longer than a line."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    message = answer.get("message") if isinstance(answer, Mapping) else None
    return str(message or response.reason)[:300]
