"""Asks a Grafana over HTTP, as one of its own administrators, and never changes anything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from backups.errors import Transient

USER_HEADER = "X-WEBAUTH-USER"
_SECONDS = 60
_PAGE = 500


@dataclass(frozen=True)
class Health:
    """What /api/health says: whether the database answers, and the version where it is told to strangers."""

    ok: bool
    version: str | None


@dataclass
class Api:
    """A server's HTTP API. `user` is the login to read as, where an authenticating proxy is trusted (restored copies only)."""

    url: str
    user: str | None = None
    organisation: int | None = None
    _session: requests.Session = field(default_factory=requests.Session)

    def health(self, seconds: float = 10) -> Health:
        """Ask for its health. Raises Transient when nothing answers, or something that is no Grafana."""
        response = self._get("/api/health", {}, seconds)
        try:
            answer = response.json()
        except ValueError as error:
            raise Transient(
                f"{self.url}/api/health answers {response.status_code} and no JSON",
                hint="is the url a Grafana's, with its sub-path?",
            ) from error
        if not isinstance(answer, Mapping):
            raise Transient(f"{self.url}/api/health answers {response.status_code} and no object", hint="is the url a Grafana's?")
        return Health(response.status_code == 200 and answer.get("database") == "ok", str(answer.get("version") or "") or None)

    def read(self, *path: str, **parameters: Any) -> Any:
        """The JSON at a path given in parts; the text `HTTP 404` where the server answers anything but 200."""
        response = self._get("/" + "/".join(quote(part, safe="") for part in path), parameters, _SECONDS)
        if response.status_code != 200:
            return f"HTTP {response.status_code}"
        try:
            return response.json()
        except ValueError:
            return "no JSON"

    def search(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """Every hit of a type (`dash-db`, `dash-folder`), page by page."""
        page = 1
        while hits := self._list(self.read("api", "search", type=kind, limit=_PAGE, page=page)):
            yield from hits
            if len(hits) < _PAGE:
                return
            page += 1

    def library_panels(self) -> Iterator[Mapping[str, Any]]:
        """Every library element, page by page."""
        page, seen = 1, 0
        while True:
            answer = self.read("api", "library-elements", perPage=_PAGE, page=page)
            result = answer.get("result") if isinstance(answer, Mapping) else None
            if not isinstance(result, Mapping):
                raise self._refused(answer)
            elements = self._list(result.get("elements"))
            yield from elements
            seen += len(elements)
            if not elements or seen >= int(result.get("totalCount") or 0):
                return
            page += 1

    def listed(self, *path: str) -> list[Mapping[str, Any]]:
        """A list that comes whole."""
        return self._list(self.read(*path))

    def _list(self, answer: Any) -> list[Mapping[str, Any]]:
        """A list of objects; raises Transient for anything else, since a list that was refused is not an empty one."""
        if answer is None:
            return []
        if not isinstance(answer, list):
            raise self._refused(answer)
        return [one for one in answer if isinstance(one, Mapping)]

    def _refused(self, answer: Any) -> Transient:
        told = answer if isinstance(answer, str) else "no list"
        return Transient(
            f"{self.url} answers {told} to {self.user} in organisation {self.organisation}",
            hint="the copy must let one of its administrators in; its log says why it did not",
        )

    def _get(self, path: str, parameters: Mapping[str, Any], seconds: float) -> requests.Response:
        headers = {"Accept": "application/json"}
        if self.user is not None:
            headers[USER_HEADER] = self.user
        if self.organisation is not None:
            headers["X-Grafana-Org-Id"] = str(self.organisation)
        try:
            return self._session.get(f"{self.url}{path}", params=dict(parameters), headers=headers, timeout=seconds)
        except requests.RequestException as error:
            raise Transient(
                f"Grafana does not answer at {self.url}: {type(error).__name__}", hint="is it running, and reachable from here?"
            ) from error
