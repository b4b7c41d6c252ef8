"""Asks questions through a Grafana, as its front end does: one request for each, with the queries that an expression names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote

from backups.errors import LifeboatError, Transient
from backups.foreign import shown
from backups.panels.question import Question, Way

SECONDS = 30.0
"""How long one question may take at a source; Grafana itself has no limit for SQL."""
COPY_SECONDS = 120.0
"""And in a copy, which may be slower, and whose answer is no larger than the source's, but perhaps written at more length."""
BYTES, COPY_BYTES = 16 << 20, 64 << 20
"""Of one answer, at a source and of a copy: a panel that shows more than that shows nobody anything."""

_RESOURCE = re.compile(r"api/v1/(?:labels|series|query|query_range|metadata|label/[A-Za-z_][A-Za-z0-9_:]*/values)")
"""What is read beside queries: nothing that writes, and no other part of a server."""


class Send(Protocol):
    """The way to one Grafana, with its credentials."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        organisation: int,
        params: Sequence[tuple[str, str]] = (),
        body: Any = None,
        seconds: float,
    ) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; raises LifeboatError when there is none within `seconds`, or no JSON."""
        ...


class GrafanaAsker:
    """See Asker: whatever Grafana answers, as it is there."""

    way: Way = "grafana"

    def __init__(self, send: Send, seconds: float = SECONDS) -> None:
        self._send = send
        self._seconds = seconds

    def ask(self, question: Question) -> dict[str, Any]:
        """See Asker. Raises LifeboatError also when this Grafana does not let the caller ask, which is no answer."""
        if question.resource is not None:
            return self._resource(question, question.resource)
        queries = [_plain(query) for query in (*question.beside, question.query)]
        body = {"from": str(question.start), "to": str(question.end), "queries": queries}
        status, answer = self._send("POST", "/api/ds/query", organisation=question.organisation, body=body, seconds=self._seconds)
        results = answer.get("results") if isinstance(answer, Mapping) else None
        if not isinstance(results, Mapping):
            return _refused(question, status, answer)
        found = results.get(question.ref)
        return dict(found) if isinstance(found, Mapping) else {"status": status if status >= 400 else 500, "error": "no result"}

    def _resource(self, question: Question, resource: str) -> dict[str, Any]:
        path, params = resource_of(resource)
        status, answer = self._send(
            "GET",
            f"/api/datasources/uid/{quote(question.source, safe='', errors='replace')}/resources/{path}",
            organisation=question.organisation,
            params=params,
            seconds=self._seconds,
        )
        if status in (200, 400, 422):
            return resource_reply(status, answer)
        return _refused(question, status, answer)


def resource_of(resource: str) -> tuple[str, list[tuple[str, str]]]:
    """Split what is read into its path and its parameters. Raises LifeboatError for a path that no variable reads."""
    path, _, parameters = resource.partition("?")
    if not _RESOURCE.fullmatch(path):
        raise LifeboatError(
            f"{shown(path)} is not what a variable reads from a Prometheus", hint="look at the dashboard's variables"
        )
    return path, parse_qsl(parameters, keep_blank_values=True)


def resource_reply(status: int, body: Any) -> dict[str, Any]:
    """The reply to a resource that the data source itself answered."""
    if status == 200:
        return {"status": status, "resource": body}
    words = f"{body.get('errorType')}: {body.get('error')}" if isinstance(body, Mapping) else ""
    return {"status": status, "error": words, "resource": body}


def is_expression(question: Question) -> bool:
    """Whether only a Grafana can answer it, since it reckons with other queries' answers."""
    source = question.query.get("datasource")
    return bool(question.beside) or (isinstance(source, Mapping) and "__expr__" in (source.get("type"), source.get("uid")))


def _plain(query: Mapping[str, Any]) -> dict[str, Any]:
    """A query without exemplars: a Prometheus has them in its memory alone, so they are in no backup."""
    return {name: value for name, value in query.items() if name != "exemplar"}


def _refused(question: Question, status: int, answer: Any) -> dict[str, Any]:
    """The reply where nothing was asked: an error when it is the question's, a LifeboatError when it is the asking's."""
    words = str(answer.get("message") or "") if isinstance(answer, Mapping) else ""
    if status in (401, 403):
        raise LifeboatError(
            f"Grafana does not let the caller ask data sources of organisation {question.organisation} "
            f"(HTTP {status}: {shown(words, 200)})",
            hint="give the service account or user the role Viewer there",
        )
    if status >= 500 or status == 429:
        raise Transient(f"Grafana answers {status}: {shown(words, 200)}", hint="look at its log, and at what stands before it")
    return {"status": status if status >= 400 else 500, "error": words or "an answer without results"}
