"""Calls the HTTP API of one Grafana, as a user, as a service account or without credentials, in one organisation at a time."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backups import secret
from backups.errors import LifeboatError, Transient
from backups.services.grafana import again, said
from backups.services.grafana.settings import GrafanaSettings
from backups.services.http import answer as answers
from backups.services.http.address import shown
from backups.services.http.answer import Answer, Foreign, TooDeep
from backups.services.http.bounds import HEALTH, Bounds
from backups.services.http.line import Line, Tls, basic

USER_HEADER = "X-WEBAUTH-USER"
"""The header of an authenticating proxy, by which restored copies know who reads."""

PAGE = 500
"""How many objects a page of a list has, where the caller may say."""

_MOST_PAGES = 10_000
_MOST_BYTES = 4 * 2**30
"""Of a list, and what is read between its pages; a server that has more never says that it has come to the end."""
_BOUNDS = Bounds(silence=120.0, total=600.0)
_BROKEN = frozenset({500})
"""What a server answers about an object that it cannot read, the second time as the first."""

_HEALTH = {(200, "ok"): True, (503, "failing"): False}
"""Its own words about its database, with the status that comes with them, and whether it is well."""


class Declined(LifeboatError):
    """The server answers that it does not do it. said: its own words, without the path, in which there are names of objects."""

    said: str = ""


class Denied(Declined):
    """HTTP 403: the caller may not have this."""


class Missing(Declined):
    """HTTP 404: there is no such object, or no such route in this version."""


class Refused(Declined):
    """Any other HTTP 4xx: the server understood the request and does not carry it out."""


class Unclear(Transient):
    """A write that may have been carried out: the connection was cut, or the server failed. Look before it is made again.

    about: what was written, for whoever looks
    """

    about: object = None


@dataclass(frozen=True)
class Health:
    """What /api/health answers: whether the database is well, and the version unless the server hides it."""

    ok: bool
    version: str | None


@dataclass
class Sent:
    """What was sent to a server, by all clients that were made from one another.

    writes: that may have changed it. answers: how many it has given
    """

    writes: int = 0
    answers: int = 0


@dataclass(frozen=True)
class Client:
    """The server at `url` (its root, without `/api`). Every method raises LifeboatError, with a hint, for what goes wrong.

    authorization: the value of the header of that name, "" for none. login: of the user, where it is one
    organisation: its number; None for the caller's own
    direct: straight to the address, whatever proxies this machine is configured to use (copies)
    trusted: logins by organisation (0: the server itself) to read as, where the server trusts a proxy's header (copies)
    tls, tls_ca: see `HttpSettings`
    sent: what was written so far
    """

    url: str = field(repr=False)
    authorization: str = field(default="", repr=False)
    login: str | None = None
    organisation: int | None = None
    direct: bool = False
    trusted: Mapping[int, str] | None = None
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)
    tls: Tls = "verify"
    tls_ca: Path | None = None
    sent: Sent = field(default_factory=Sent, repr=False, compare=False)
    line: Line = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        line = Line(
            "Grafana",
            self.url,
            authorization=self.authorization,
            tls=self.tls,
            authority=self.tls_ca,
            direct=self.direct,
        )
        object.__setattr__(self, "line", line)

    @classmethod
    def anonymous(cls, settings: GrafanaSettings) -> "Client":
        """The configured server, for what it answers to everybody."""
        return cls(settings.address, tls=settings.tls, tls_ca=settings.authority())

    @classmethod
    def of(cls, settings: GrafanaSettings, url: str | None = None) -> "Client":
        """The configured server, or the one at `url`; reads the token or the password now, and raises ConfigError if it cannot.

        settings: with credentials, see `GrafanaSettings.has_credentials`
        """
        url = (url or settings.address).rstrip("/")
        if settings.user is not None:
            password = secret.read(settings.password, settings.password_file, f"user {settings.user} of Grafana at {shown(url)}")
            authorization = basic(settings.user, password)
        else:
            token = secret.read(settings.token, settings.token_file, f"the service account of Grafana at {shown(url)}")
            authorization = f"Bearer {token}"
        return cls(url, authorization, login=settings.user, tls=settings.tls, tls_ca=settings.authority())

    @classmethod
    def basic(cls, url: str, user: str, password: str, *, direct: bool = False) -> "Client":
        """As a user with a password."""
        return cls(url, basic(user, password), login=user, direct=direct)

    @classmethod
    def behind_proxy(cls, url: str, logins: Mapping[int, str]) -> "Client":
        """As these users, without their passwords: a copy trusts the header USER_HEADER."""
        return cls(url, direct=True, trusted=logins)

    @property
    def caller(self) -> str:
        """The login that calls are made as, where it is known: for messages."""
        login = self.login if self.trusted is None else self.trusted.get(self.organisation or 0)
        return "the service account" if login is None else f"user {login}"

    def health(self, seconds: float = HEALTH.silence) -> Health:
        """Read its health, without credentials, in its own words.

        Raises Unserved when nobody serves there, another LifeboatError when what answers is not Grafana, or says nothing of it.
        """
        bounds = replace(HEALTH, connect=min(seconds, HEALTH.connect), silence=seconds, total=2 * seconds)
        answer = self.line.ask("GET", "/api/health", bounds, headers={"Accept": "application/json"}, signed=False, follow=True)
        try:
            health = answer.json()
        except Foreign:
            raise said.not_grafana(answer, "not with JSON") from None
        state = health.get("database") if isinstance(health, Mapping) else None
        well = _HEALTH.get((answer.status, state)) if isinstance(state, str) else None
        if well is None:
            raise said.not_grafana(answer, "not as Grafana tells its health")
        return Health(well, str(health.get("version") or "")[:100] or None)

    def within(self, organisation: int | None) -> "Client":
        """The same, in an organisation; by the same connection."""
        inside = replace(self, organisation=organisation)
        object.__setattr__(inside, "line", self.line)
        return inside

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Turn what follows from an answer of another shape than Grafana's into an error that names the last call."""
        with answers.understood(lambda: self.line.last, "Grafana"):
            yield

    def get(self, *path: str, **parameters: Any) -> Any:
        """The JSON at a path given in parts."""
        return self._call("GET", path, parameters, None)

    def get_or_status(self, *path: str, **parameters: Any) -> Any:
        """The JSON at a path; the text `HTTP 404` where the server answers anything but 200, `no JSON` where the body is none."""
        answer = self._look(path, parameters)
        if answer.status != 200:
            return f"HTTP {answer.status}"
        try:
            return answer.json()
        except TooDeep:
            return "JSON that is nested too deep"
        except Foreign:
            return "no JSON"

    def status_and_words(self, *path: str) -> tuple[int, str]:
        """The status at a path, and what the server says of it, for questions whose answer is that something is not there."""
        answer = self._look(path, {})
        return answer.status, said.message(answer)

    def send(self, method: str, *path: str, body: Any = None, provenance: bool = False) -> Any:
        """Write; returns the answer's JSON. Raises Unclear where it may have been carried out all the same.

        provenance: leave what is written to the API, as Terraform does; else it has no provenance, and people may edit it
        """
        self.sent.writes += 1
        try:
            return self._call(method, path, {}, body, {} if provenance else {"X-Disable-Provenance": "true"})
        except Transient as error:
            raise Unclear(error.message, hint=error.hint) from error

    def pages(self, *path: str, size: str = "limit", **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Every object of a list that comes by page; `size` is the parameter that says how long a page is."""
        for page in self.numbers(*path):
            found = as_list(self.get(*path, **parameters, **{size: PAGE}, page=page))
            yield from found
            if len(found) < PAGE:
                return

    def counted_pages(
        self, *path: str, name: str, inside: str | None = None, size: str = "perpage"
    ) -> Iterator[Mapping[str, Any]]:
        """Every object of a list that comes by page with its total; `inside` and `name` say where the answer has the list."""
        count = 0
        for page in self.numbers(*path):
            answer = self.get(*path, **{size: PAGE}, page=page)
            result = answer if inside is None else member(answer, inside)
            found = as_list(member(result, name))
            yield from found
            count += len(found)
            if not found or count >= int(member(result, "totalCount") or 0):
                return

    def continued_pages(self, *path: str) -> Iterator[Mapping[str, Any]]:
        """Every object of a list of the Kubernetes-style API (12 and newer), whose pages name the next one by a token."""
        token: dict[str, str] = {}
        for _ in self.numbers(*path):
            answer = self.get(*path, limit=PAGE, **token)
            yield from as_list(member(answer, "items"))
            following = str((member(answer, "metadata") or {}).get("continue") or "")
            if not following:
                return
            token = {"continue": following}

    def numbers(self, *path: str) -> Iterator[int]:
        """The numbers of a list's pages. Raises Foreign when it does not end."""
        began = self.line.received
        for number in range(1, _MOST_PAGES + 1):
            if self.line.received - began > _MOST_BYTES:
                break
            yield number
        raise Foreign(
            f"{_address(path)} of {shown(self.url)} does not end: {number:,} pages, "
            f"{(self.line.received - began) // 2**20:,} MiB with what was read beside it",
            hint="is the url a Grafana's?",
        )

    def _look(self, path: tuple[str, ...], parameters: Mapping[str, Any]) -> Answer:
        return again.ask(
            lambda: self._once("GET", _address(path), parameters, None),
            reads=True, pause=self.pause, definite=_BROKEN, met=self.sent.answers > 0,
        )  # fmt: skip

    def _call(
        self,
        method: str,
        path: tuple[str, ...],
        parameters: Mapping[str, Any],
        body: Any,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        address = _address(path)
        answer = again.ask(
            lambda: self._once(method, address, parameters, body, headers or {}),
            reads=method == "GET", pause=self.pause, met=self.sent.answers > 0,
        )  # fmt: skip
        return self._answer(method, address, answer)

    def _once(
        self, method: str, address: str, parameters: Mapping[str, Any], body: Any, more: Mapping[str, str] | None = None
    ) -> Answer:
        headers = {"Accept": "application/json", **(more or {})}
        if self.organisation is not None:
            headers["X-Grafana-Org-Id"] = str(self.organisation)
        if self.trusted is not None:
            headers[USER_HEADER] = self._trusted_login(self.trusted)
        answer = self.line.ask(method, address, _BOUNDS, params=dict(parameters), body=body, headers=headers)
        self.sent.answers += 1
        return answer

    def _trusted_login(self, logins: Mapping[int, str]) -> str:
        login = logins.get(self.organisation or 0)
        if login is None:
            raise Denied(
                f"organisation {self.organisation} has no administrator in the backup who could read it",
                hint="make a user of the source its administrator, and take a backup",
            )
        return login

    def _answer(self, method: str, address: str, answer: Answer) -> Any:
        status = answer.status
        what = f"{method} {address} of {shown(self.url)}"
        if 300 <= status < 400:
            there = answer.headers.get("location", "nowhere")
            raise LifeboatError(
                f"{what} redirects to {shown(there)}", hint="set the service's url to the address that answers without a redirect"
            )
        if status == 401:
            hint = "is the token or password right, and not expired or deleted? a token works in its own organisation only"
            if self.trusted is not None:
                hint = "the copy must let one of its administrators in; its log says why it did not"
            raise LifeboatError(f"{what} does not accept {self.caller} (HTTP 401: {said.message(answer)})", hint=hint)
        if status >= 500 or status == 429:
            raise Transient(f"{what} answers {status}: {said.message(answer)}", hint="look at Grafana's log; try again later")
        if status >= 400:
            declined = {403: Denied, 404: Missing}.get(status, Refused)(
                f"{method} {address}: HTTP {status}: {said.message(answer)}",
                hint="give the service account the role Admin" if status == 403 else None,
            )
            declined.said = said.message(answer)
            raise declined
        return said.content(answer)


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


def _address(path: tuple[str, ...]) -> str:
    return "/" + "/".join(quote(part, safe="", errors="surrogatepass") for part in path)
