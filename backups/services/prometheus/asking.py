"""Asks a Prometheus, the source or a copy, what Grafana would ask it for dashboards, and answers as Grafana would."""

from collections.abc import Sequence
from typing import Any

from backups.errors import LifeboatError, Transient
from backups.foreign import shown
from backups.panels.boards import DataSource
from backups.panels.grafana import BYTES, SECONDS, is_expression, resource_of, resource_reply
from backups.panels.prometheus import reply
from backups.panels.question import Question, Way
from backups.services.http.answer import understood
from backups.services.http.bounds import Bounds
from backups.services.prometheus.api import Api

_PROXY = (502, 503, 504)


class PrometheusAsker:
    """See Asker. sources: as Grafana knows this server, for the interval at which it scrapes.

    seconds, size (bytes): of one answer
    """

    way: Way = "direct"

    def __init__(self, api: Api, sources: Sequence[DataSource], seconds: float = SECONDS, size: int = BYTES) -> None:
        self._api = api
        self._settings = {(source.organisation, source.uid): source.settings for source in sources}
        self._bounds = Bounds(silence=seconds, total=seconds, size=size)
        self._seconds = seconds

    def ask(self, question: Question) -> dict[str, Any]:
        """See Asker."""
        if is_expression(question):
            raise LifeboatError(
                "an expression is reckoned by Grafana, and the server was asked directly",
                hint="give Grafana's section of lifeboat.yaml a token, then it is asked through Grafana",
            )
        if question.resource is not None:
            path, parameters = resource_of(question.resource)
            several: dict[str, list[str]] = {}
            for name, value in parameters:
                several.setdefault(name, []).append(value)
            return resource_reply(*self._called("GET", f"/{path}", several))
        settings = self._settings.get((question.organisation, question.source), {})
        try:
            query = reply.filled(question.query, question.start, question.end, settings)
        except ValueError as error:
            return reply.invalid(shown(str(error), 200))
        limit = {"timeout": f"{self._seconds:g}s"}
        answers = [self._called("POST", call.path, {**call.parameters, **limit}) for call in reply.calls(query)]
        with understood(f"{self._api.name}/api/v1", "Prometheus"):
            return reply.result(query, question.ref, answers)

    def _called(self, method: str, path: str, parameters: dict[str, Any]) -> tuple[int, Any]:
        answer = self._api.ask(method, path, parameters, self._bounds)
        if answer.status in _PROXY and b'"errorType"' not in answer.body:
            raise Transient(f"{answer.what} answers {answer.status}", hint="a proxy before it answers in its place")
        return answer.status, answer.json()
