"""The wire: one Grafana, asked and told as one user or service account, in one organisation at a time."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import requests

from backups import secret
from backups.errors import ConfigError, LifeboatError, Transient
from backups.services.grafana.client import USER_HEADER
from backups.services.grafana.settings import GrafanaSettings

PAGE = 500
_PATIENCE = (10.0, 120.0)
_BUSY = frozenset({429, 502, 503, 504})
_TRIES = 5
_LONGEST_PAUSE = 60.0


class Denied(LifeboatError):
    """403: whoever asks may not have this."""


class Missing(LifeboatError):
    """404: there is no such thing, or no such route in this version."""


class Refused(LifeboatError):
    """The server understood, and does not do it."""


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

    authorization: the value of the header of that name. login: of the user, where it is one
    organisation: its number; None for the caller's own
    direct: straight to the address, whatever proxies this machine is told to use (copies)
    trusted: logins by organisation (0: the server itself) to ask as, where the server trusts a proxy's header (copies)
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
        """The configured server, or the one at `url`; reads the token or the password now. Raises ConfigError without one."""
        url = (url or str(settings.url)).rstrip("/")
        if not settings.known:
            raise ConfigError(
                f"it is not said as whom Grafana at {shown(url)} is to be asked",
                hint="in its section, set token or token_file (of a service account with the role Admin), or user and password",
            )
        if settings.user is not None:
            word = secret.read(settings.password, settings.password_file, f"user {settings.user} of Grafana at {shown(url)}")
            return cls.basic(url, settings.user, word)
        token = secret.read(settings.token, settings.token_file, f"the service account of Grafana at {shown(url)}")
        return cls(url, f"Bearer {token}")

    @classmethod
    def basic(cls, url: str, user: str, password: str, *, direct: bool = False) -> "Client":
        """As a user with a password."""
        return cls(url, "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(), login=user, direct=direct)

    @classmethod
    def behind_proxy(cls, url: str, logins: Mapping[int, str]) -> "Client":
        """As these users, without their passwords: a copy trusts the header of `api.USER_HEADER`."""
        return cls(url, direct=True, trusted=logins)

    def within(self, organisation: int | None) -> "Client":
        """The same, in an organisation."""
        return replace(self, organisation=organisation)

    def get(self, *path: str, **parameters: Any) -> Any:
        """The JSON at a path given in parts."""
        return self._ask("GET", path, parameters, None)

    def send(self, method: str, *path: str, body: Any = None) -> Any:
        """Write; returns the answer's JSON. What is written is nobody's in particular: people may go on editing it."""
        return self._ask(method, path, {}, body)

    def pages(self, *path: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Every object of a list that comes by `limit` and `page`."""
        page = 1
        while True:
            found = objects(self.get(*path, **parameters, limit=PAGE, page=page))
            yield from found
            if len(found) < PAGE:
                return
            page += 1

    def _ask(self, method: str, path: tuple[str, ...], parameters: Mapping[str, Any], body: Any) -> Any:
        address = "/" + "/".join(quote(part, safe="", errors="surrogatepass") for part in path)
        for attempt in range(_TRIES):
            response = self._once(method, address, parameters, body)
            # A server that is busy has not done it; one that went away in the middle may have, so only reads are repeated then.
            again = response.status_code == 429 or (response.status_code in _BUSY and method == "GET")
            if not again or attempt == _TRIES - 1:
                break
            self.pause(_told_pause(response, attempt))
        return self._answer(method, address, response)

    def _once(self, method: str, address: str, parameters: Mapping[str, Any], body: Any) -> requests.Response:
        headers = {"Accept": "application/json"}
        if self.organisation is not None:
            headers["X-Grafana-Org-Id"] = str(self.organisation)
        if method != "GET":
            headers["X-Disable-Provenance"] = "true"
        self._session.trust_env = not self.direct
        try:
            return self._session.request(
                method,
                f"{self.url}{address}",
                params=dict(parameters),
                json=body,
                headers=headers,
                auth=self._signed(),
                timeout=_PATIENCE,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Transient(
                f"Grafana does not answer at {shown(self.url)}: {type(error).__name__} at {method} {address}",
                hint="is it running, and reachable from here?",
            ) from error

    def _signed(self) -> _Signed:
        if self.trusted is None:
            return _Signed("Authorization", self.authorization)
        login = self.trusted.get(self.organisation or 0)
        if login is None:
            raise Denied(f"organisation {self.organisation}: no administrator of it is in the backup", hint="give it one")
        return _Signed(USER_HEADER, login)

    def _answer(self, method: str, address: str, response: requests.Response) -> Any:
        status = response.status_code
        what = f"{method} {address} of {shown(self.url)}"
        if 300 <= status < 400:
            there = response.headers.get("Location", "nowhere")
            raise LifeboatError(
                f"{what} leads to {shown(there)}", hint="give the address that answers itself as the service's url"
            )
        if status == 401:
            raise LifeboatError(
                f"{what}: the token or password is not taken (HTTP 401: {_words(response)})",
                hint="has it expired, or been deleted? a token works in its own organisation only",
            )
        if status == 403:
            raise Denied(f"{method} {address}: HTTP 403", hint="give the service account the role Admin")
        if status == 404:
            raise Missing(f"{method} {address}: HTTP 404: {_words(response)}")
        if status >= 500 or status == 429:
            raise Transient(f"{what} answers {status}: {_words(response)}", hint="look at Grafana's log; try again later")
        if status >= 400:
            raise Refused(f"{method} {address}: HTTP {status}: {_words(response)}")
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise LifeboatError(
                f"{what} answers {status} and no JSON", hint="is the url a Grafana's, with its sub-path?"
            ) from error


def objects(answer: Any) -> list[Mapping[str, Any]]:
    """A list of objects; raises LifeboatError for anything else, since a list that was refused is not an empty one."""
    if answer is None:
        return []
    if not isinstance(answer, list) or not all(isinstance(one, Mapping) for one in answer):
        raise LifeboatError("Grafana answers something else than a list", hint="is the url a Grafana's, of version 8 or newer?")
    return answer


def member(answer: Any, name: str) -> Any:
    """A member of an object that was answered; raises LifeboatError when it is none."""
    if not isinstance(answer, Mapping):
        raise LifeboatError(
            "Grafana answers something else than an object", hint="is the url a Grafana's, of version 8 or newer?"
        )
    return answer.get(name)


def shown(url: str) -> str:
    """A URL without what may be secret in it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _told_pause(response: requests.Response, attempt: int) -> float:
    told = response.headers.get("Retry-After", "")
    return min(float(told) if told.isdigit() else 2.0**attempt, _LONGEST_PAUSE)


def _words(response: requests.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    told = answer.get("message") if isinstance(answer, Mapping) else None
    return str(told or response.reason)[:300]
