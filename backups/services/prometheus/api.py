"""Calls the HTTP API of a Prometheus server, and translates its errors."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backups import secret
from backups.errors import ConfigError, LifeboatError, Transient
from backups.services.http.address import shown
from backups.services.http.answer import Answer, Foreign, TooMuch, understood
from backups.services.http.bounds import HEALTH, Bounds
from backups.services.http.line import Line, Tls, basic
from backups.services.prometheus.settings import PrometheusSettings

_STATUS = Bounds(silence=60.0, total=120.0)
_QUERY = Bounds(silence=300.0, total=600.0)
"""Prometheus itself ends a query after two minutes."""
_SNAPSHOT = Bounds(silence=3600.0, total=3600.0, size=2**20)
"""A snapshot waits for a running compaction, then writes the newest hours as a block."""
_UNTAKEN = "lifeboat doctor names the blocks that it cannot copy; else its own log"
_NOT_OWNED = "operation not permitted"
"""What the kernel says where a server would link a file of another's (`fs.protected_hardlinks`), which it may yet read."""
_FOREIGN = "the files of a block have to belong to the user that Prometheus runs as: chown -R --reference=wal BLOCK there"
_SNAPSHOT_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{1,16}")
_READY = re.compile(r"Prometheus( Server| Agent)? is Ready\.")
_HEALTHY = re.compile(r"Prometheus( Server| Agent)? is Healthy\.")
"""Its own words, of version 2 and 3: a status of 200 alone may be anybody's."""
_GAUGE = re.compile(r"(?m)^([a-z_]+) ([-+0-9.eE]+)$")


class Refused(LifeboatError):
    """Prometheus did not answer a query: too many samples, too long, or data that it cannot read."""


@dataclass(frozen=True)
class Api:
    """The server at `url` (its root, without `/api`). All methods raise LifeboatError, with a hint, when a call fails."""

    url: str = field(repr=False)
    authentication: tuple[str, str] | None = field(default=None, repr=False)
    direct: bool = False
    """Whether this machine's proxy settings are ignored, as they are for copies."""
    tls: Tls = "verify"
    tls_ca: Path | None = None
    """The certificates that the server's is checked against; None for those that this machine trusts."""

    @classmethod
    def of(cls, settings: PrometheusSettings) -> "Api":
        """Return the API of a configured source; reads its password now."""
        account = None
        if settings.user:
            owner = f"user {settings.user} of Prometheus at {shown(settings.address)}"
            account = (settings.user, secret.read(settings.password, settings.password_file, owner))
        return cls(settings.address, account, tls=settings.tls, tls_ca=settings.authority())

    @property
    def name(self) -> str:
        """The url as messages show it, without user and password."""
        return shown(self.url)

    def version(self) -> str:
        """Return its version, as it writes it: `3.5.0`."""
        with self._understood("GET", "/api/v1/status/buildinfo") as data:
            return _text(data["version"])

    def flags(self) -> dict[str, str]:
        """Return the command line flags in force, by name without dashes."""
        with self._understood("GET", "/api/v1/status/flags") as data:
            return {str(key): _text(value) for key, value in data.items()}

    def configuration(self) -> str:
        """Return the configuration in force, as YAML."""
        with self._understood("GET", "/api/v1/status/config") as data:
            return _text(data["yaml"])

    def rule_files(self) -> set[str]:
        """The files of the rule groups that it has loaded, as it names them."""
        with self._understood("GET", "/api/v1/rules") as data:
            return {_text(group["file"]) for group in data["groups"]}

    def gauges(self) -> dict[str, float]:
        """Return the metrics about itself that have no labels."""
        return {name: value for name, text in _GAUGE.findall(self._metrics()) if (value := _number(text)) is not None}

    def total(self, metric: str) -> float:
        """The sum of one of its own metrics over all labels; 0 where it has none."""
        pattern = rf"(?m)^{re.escape(metric)}(?:\{{[^}}\n]*\}})? ([-+0-9.eE]+)$"
        return sum(value for text in re.findall(pattern, self._metrics()) if (value := _number(text)) is not None)

    def readiness(self) -> tuple[int, str]:
        """Return the status of `/-/ready` and its text; raises Unserved when nobody serves."""
        answer = self._send("GET", "/-/ready", bounds=HEALTH)
        return answer.status, answer.text.strip()[:80]

    def starting(self) -> str | None:
        """How far it is with reading its log, where it says that it is alive and does not serve yet; None where it does not."""
        alive = self._send("GET", "/-/healthy", bounds=HEALTH)
        if alive.status != 200 or not _HEALTHY.fullmatch(alive.text.strip()):
            return None
        try:
            with self._understood("GET", "/api/v1/status/walreplay", bounds=HEALTH) as progress:
                return f"it reads its log, segment {int(progress['current'])} of {int(progress['max'])}"
        except LifeboatError:
            return "it reads its log"  # before 2.33 it does not tell how far it is

    def ready(self) -> bool:
        """Return whether it serves queries, by its own words. An unreachable server is not ready."""
        try:
            return is_ready(*self.readiness())
        except LifeboatError:
            return False

    def query(self, expression: str, at: int) -> list[dict[str, Any]]:
        """Return the elements of a PromQL answer at `at`, in unix seconds; raises Refused when there is no answer."""
        try:
            with self._understood("POST", "/api/v1/query", {"query": expression, "time": str(at)}, _QUERY) as data:
                result, kind = data["result"], data["resultType"]
                if kind not in ("vector", "matrix"):
                    raise TypeError(f"a {kind} instead of a vector or a matrix")
                return [_element(element) for element in result]
        except TooMuch as error:
            # As when the server itself refuses so many samples: less is asked for.
            raise Refused(error.message, hint=error.hint) from error

    def clock(self) -> int:
        """Return the time by its clock, in unix seconds."""
        with self._understood("GET", "/api/v1/query", {"query": "time()"}) as data:
            seconds = int(float(data["result"][1]))
            datetime.fromtimestamp(seconds, UTC)  # raises ValueError or OverflowError for what is no time
            return seconds

    def metric_names(self, start: int, end: int) -> list[str]:
        """Return the metric names between two instants, in unix seconds (or a little around them), sorted."""
        span = {"start": str(start), "end": str(end)}
        with self._understood("GET", "/api/v1/label/__name__/values", span, _QUERY) as data:
            return sorted(_text(name) for name in data)

    def snapshot(self) -> str:
        """Take a snapshot, including the newest hours; returns its name below `snapshots/`."""
        path = "/api/v1/admin/tsdb/snapshot"
        answer = self._send("POST", path, bounds=_SNAPSHOT)
        if "admin APIs disabled" in answer.text or answer.status == 404:
            raise ConfigError(
                f"the admin API of Prometheus at {self.name} is off, and snapshots need it",
                hint="start Prometheus with --web.enable-admin-api",
            )
        try:
            with understood(answer.what, "Prometheus"):
                name = str(self._read(answer)["name"])
        except Refused as error:
            raise Refused(error.message, hint=_FOREIGN if _NOT_OWNED in error.message else _UNTAKEN) from error
        if not _SNAPSHOT_NAME.fullmatch(name):
            raise LifeboatError(
                f"{self.name} answered with {name[:80]!r}, which is not the name of a snapshot", hint="is this url Prometheus?"
            )
        return name

    def ask(self, method: str, path: str, parameters: Mapping[str, Any], bounds: Bounds) -> Answer:
        """Make a call whose answer is read elsewhere, whatever its status is; a POST sends its parameters as a form."""
        return self._send(method, path, parameters, bounds)

    @contextmanager
    def _understood(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, bounds: Bounds = _STATUS
    ) -> Iterator[Any]:
        """The `data` of an answer; what follows from its being of another shape is told with the address."""
        answer = self._send(method, path, parameters, bounds)
        with understood(answer.what, "Prometheus"):
            yield self._read(answer)

    def _metrics(self) -> str:
        answer = self._send("GET", "/metrics")
        if answer.status != 200:
            raise LifeboatError(
                f"{answer.what} answers {answer.status}", hint="is this url the root of Prometheus, as a browser opens it?"
            )
        return answer.text

    def _read(self, answer: Answer) -> Any:
        """Return the `data` of an answer whose status is success."""
        try:
            body = answer.json()
        except Foreign as error:
            if answer.body.lstrip()[:1] in (b"{", b"["):
                raise
            raise _not_prometheus(answer) from error
        if not isinstance(body, dict) or body.get("status") not in ("success", "error"):
            raise _not_prometheus(answer)
        if body["status"] == "success" and answer.status == 200:
            return body["data"]
        kind = body.get("errorType")
        message = f"{answer.what} answers {answer.status}: {kind}: {str(body.get('error'))[:500]}"
        if kind in ("execution", "timeout", "canceled", "internal", "too_many_requests"):
            raise Refused(message, hint="its log tells more; see also its --query.max-samples and --query.timeout")
        raise LifeboatError(message, hint="its log tells more")

    def _send(self, method: str, path: str, parameters: Mapping[str, Any] | None = None, bounds: Bounds = _STATUS) -> Answer:
        signature = basic(*self.authentication) if self.authentication else ""
        line = Line("Prometheus", self.url, authorization=signature, tls=self.tls, authority=self.tls_ca, direct=self.direct)
        with line:
            answer = line.ask(
                method,
                path,
                bounds,
                params=parameters if method == "GET" else None,
                form=parameters if method == "POST" else None,
                follow=True,
            )
        if answer.status in (401, 403):
            raise ConfigError(
                f"Prometheus at {self.name} refuses the login: {answer.status} {answer.reason}",
                hint="check `user` and `password` (or `password_file`) of this service in lifeboat.yaml",
            )
        return answer


def is_ready(status: int, text: str) -> bool:
    """Whether an answer of `/-/ready` says, in Prometheus' own words, that it serves queries."""
    return status == 200 and _READY.fullmatch(text) is not None


def _not_prometheus(answer: Answer) -> LifeboatError:
    proxy = answer.status in (502, 503, 504)
    return (Transient if proxy else Foreign)(
        f"{answer.what} answers {answer.status}, and not as Prometheus does: {answer.text[:80]!r}",
        hint="a proxy before it gave up: raise its time-out, or set url to Prometheus' own address"
        if proxy
        else "is this url the root of Prometheus, as a browser opens it?",
    )


def _element(element: Any) -> dict[str, Any]:
    """One element of a query's answer; raises TypeError or KeyError when it is of another shape."""
    for name, value in element["metric"].items():
        _text(name + _text(value))
    if "value" in element:
        at, value = element["value"]
        float(at), float(_text(value))
    for name in ("values", "histograms"):
        if not isinstance(element.get(name, []), list):
            raise TypeError(f"{name} are no list")
    return dict(element)


def _text(value: Any) -> str:
    """A text that can be written. Raises TypeError, or ValueError for half a character."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a text")
    value.encode()
    return value


def _number(text: str) -> float | None:
    """A finite number; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
