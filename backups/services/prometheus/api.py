"""Calls the HTTP API of a Prometheus server, and translates its errors."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests

from backups import secret
from backups.errors import ConfigError, LifeboatError, Transient
from backups.services.prometheus.settings import PrometheusSettings

_PATIENCE = (10.0, 300.0)
"""Seconds to connect, and between two bytes of an answer; Prometheus itself ends a query after two minutes."""
_READY_PATIENCE = (10.0, 10.0)
_SNAPSHOT_PATIENCE = (10.0, 3600.0)
"""A snapshot waits for a running compaction, then writes the newest hours as a block."""
_SNAPSHOT_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{1,16}")
_GAUGE = re.compile(r"(?m)^([a-z_]+) ([-+0-9.eE]+)$")


class Refused(LifeboatError):
    """Prometheus did not answer a query: too many samples, too long, or data that it cannot read."""


@dataclass(frozen=True)
class Api:
    """The server at `url` (its root, without `/api`). All methods raise LifeboatError, with a hint, when a call fails."""

    url: str
    authentication: tuple[str, str] | None = field(default=None, repr=False)
    direct: bool = False
    """Whether this machine's proxy settings are ignored, as they are for copies."""
    ca_file: Path | None = None
    """The certificates that the server's is checked against; None for those that this machine trusts."""

    @classmethod
    def of(cls, settings: PrometheusSettings) -> "Api":
        """Return the API of a configured source; reads its password now."""
        account = None
        if settings.user:
            owner = f"user {settings.user} of Prometheus at {_without_account(str(settings.url))}"
            account = (settings.user, secret.read(settings.password, settings.password_file, owner))
        if settings.ca_file is not None and not settings.ca_file.is_file():
            raise ConfigError(f"ca_file {settings.ca_file} is not there", hint="it is a file of certificates in PEM form")
        return cls(str(settings.url).rstrip("/"), account, ca_file=settings.ca_file)

    @property
    def name(self) -> str:
        """The url as messages show it, without user and password."""
        return _without_account(self.url)

    def version(self) -> str:
        """Return its version, as it writes it: `3.5.0`."""
        return str(self._data("GET", "/api/v1/status/buildinfo")["version"])

    def flags(self) -> dict[str, str]:
        """Return the command line flags in force, by name without dashes."""
        return {str(key): str(value) for key, value in self._data("GET", "/api/v1/status/flags").items()}

    def configuration(self) -> str:
        """Return the configuration in force, as YAML."""
        return str(self._data("GET", "/api/v1/status/config")["yaml"])

    def rule_files(self) -> set[str]:
        """The files of the rule groups that it has loaded, as it names them."""
        return {str(group["file"]) for group in self._data("GET", "/api/v1/rules")["groups"]}

    def gauges(self) -> dict[str, float]:
        """Return the metrics about itself that have no labels."""
        return {name: float(value) for name, value in _GAUGE.findall(self._call("GET", "/metrics").text)}

    def total(self, metric: str) -> float:
        """The sum of one of its own metrics over all labels; 0 where it has none."""
        pattern = rf"(?m)^{re.escape(metric)}(?:\{{[^}}\n]*\}})? ([-+0-9.eE]+)$"
        return sum(float(value) for value in re.findall(pattern, self._call("GET", "/metrics").text))

    def readiness(self) -> tuple[int, str]:
        """Return the status of `/-/ready` (200 when it serves queries) and its text; raises Transient when nothing answers."""
        response = self._send("GET", "/-/ready", patience=_READY_PATIENCE)
        return response.status_code, response.text.strip()[:80]

    def starting(self) -> str | None:
        """How far it is with reading its log, where it is alive and does not serve yet; None where it is not alive."""
        if self._send("GET", "/-/healthy", patience=_READY_PATIENCE).status_code != 200:
            return None
        try:
            progress = self._data("GET", "/api/v1/status/walreplay")
            return f"it reads its log, segment {int(progress['current'])} of {int(progress['max'])}"
        except (LifeboatError, KeyError, TypeError, ValueError):
            return "it reads its log"  # before 2.33 it does not tell how far it is

    def ready(self) -> bool:
        """Return whether it serves queries. An unreachable server is not ready."""
        try:
            return self.readiness()[0] == 200
        except Transient:
            return False

    def query(self, expression: str, at: int) -> list[dict[str, Any]]:
        """Return the elements of a PromQL answer at `at`, in unix seconds; raises Refused when there is no answer."""
        data = self._data("POST", "/api/v1/query", {"query": expression, "time": str(at)})
        result = data["result"]
        if data["resultType"] not in ("vector", "matrix"):
            raise LifeboatError(
                f"{self.name} answered {expression} with a {data['resultType']}", hint="this is a bug in Lifeboat"
            )
        return list(result)

    def clock(self) -> int:
        """Return the time by its clock, in unix seconds."""
        return int(float(self._data("GET", "/api/v1/query", {"query": "time()"})["result"][1]))

    def metric_names(self, start: int, end: int) -> list[str]:
        """Return the metric names between two instants, in unix seconds (or a little around them), sorted."""
        data = self._data("GET", "/api/v1/label/__name__/values", {"start": str(start), "end": str(end)})
        return sorted(str(name) for name in data)

    def snapshot(self) -> str:
        """Take a snapshot, including the newest hours; returns its name below `snapshots/`."""
        response = self._send("POST", "/api/v1/admin/tsdb/snapshot", patience=_SNAPSHOT_PATIENCE)
        if "admin APIs disabled" in response.text or response.status_code == 404:
            raise ConfigError(
                f"the admin API of Prometheus at {self.name} is off, and snapshots need it",
                hint="start Prometheus with --web.enable-admin-api",
            )
        try:
            name = str(self._read(response, "/api/v1/admin/tsdb/snapshot")["name"])
        except Refused as error:
            raise Refused(error.message, hint="lifeboat doctor names the blocks that it cannot copy; else its own log") from error
        if not _SNAPSHOT_NAME.fullmatch(name):
            raise LifeboatError(
                f"{self.name} answered with {name!r}, which is not the name of a snapshot", hint="is this url Prometheus?"
            )
        return name

    def _data(self, method: str, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        return self._read(self._send(method, path, parameters), path)

    def _call(self, method: str, path: str) -> requests.Response:
        response = self._send(method, path)
        if response.status_code != 200:
            raise LifeboatError(
                f"{self.name}{path} answers {response.status_code}",
                hint="is this url the root of Prometheus, as a browser opens it?",
            )
        return response

    def _read(self, response: requests.Response, path: str) -> Any:
        """Return the `data` of an answer whose status is success."""
        try:
            body = response.json()
            status = body["status"]
        except (json.JSONDecodeError, requests.JSONDecodeError, KeyError, TypeError) as error:
            proxy = response.status_code in (502, 503, 504)
            raise LifeboatError(
                f"{self.name}{path} answers {response.status_code}, and not as Prometheus does: {response.text[:80]!r}",
                hint="a proxy before it gave up: raise its time-out, or set url to Prometheus' own address"
                if proxy
                else "is this url the root of Prometheus, as a browser opens it?",
            ) from error
        if status == "success" and response.status_code == 200:
            return body["data"]
        message = f"{self.name}{path} answers {response.status_code}: {body.get('errorType')}: {body.get('error')}"
        if body.get("errorType") in ("execution", "timeout", "canceled", "internal", "too_many_requests"):
            raise Refused(message, hint="its log tells more; see also its --query.max-samples and --query.timeout")
        raise LifeboatError(message, hint="its log tells more")

    def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        patience: tuple[float, float] = _PATIENCE,
    ) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = not self.direct
            try:
                response = session.request(
                    method,
                    f"{self.url}{path}",
                    params=parameters if method == "GET" else None,
                    data=parameters if method == "POST" else None,
                    auth=self.authentication,
                    timeout=patience,
                    # As the session's own it would count after REQUESTS_CA_BUNDLE.
                    verify=None if self.ca_file is None else str(self.ca_file),
                )
            except requests.exceptions.SSLError as error:
                raise LifeboatError(
                    f"the TLS certificate of Prometheus at {self.name} is not accepted: {_certificate(error)}",
                    hint="is it the right server? set ca_file of this service to the authority's certificate, or renew it there",
                ) from error
            except (requests.exceptions.ProxyError, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
                raise LifeboatError(
                    f"Prometheus at {self.name} cannot be asked: {type(error).__name__}: {_reason(error)}",
                    hint="check url, and HTTP_PROXY, HTTPS_PROXY and NO_PROXY of this machine",
                ) from error
            except requests.RequestException as error:
                raise Transient(
                    f"Prometheus at {self.name} does not answer: {_reason(error)}",
                    hint="is it running, and its url right and reachable from this machine?",
                ) from error
        if response.status_code in (401, 403):
            raise ConfigError(
                f"Prometheus at {self.name} refuses the login: {response.status_code} {response.reason}",
                hint="check `user` and `password` (or `password_file`) of this service in lifeboat.yaml",
            )
        return response


def _without_account(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")


def _certificate(error: requests.exceptions.SSLError) -> str:
    """Why a certificate is not accepted, in OpenSSL's words: `certificate has expired`."""
    found = re.search(r"certificate verify failed: ([^('\"]+)", str(error)) or re.search(r"\[SSL[^\]]*\] ([^('\"]+)", str(error))
    return found.group(1).strip() if found else "the handshake failed"


def _reason(error: requests.RequestException) -> str:
    """Return the innermost cause, without addresses of objects."""
    causes = re.findall(r"\[Errno -?\d+\] ([^'\")]+)|(timed out)", str(error))
    return next((first or second for first, second in causes), type(error).__name__)
