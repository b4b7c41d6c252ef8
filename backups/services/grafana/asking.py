"""Asks dashboards' questions of a Grafana, as the user or service account that lifeboat.yaml names, or as a copy's own users."""

from collections.abc import Sequence
from typing import Any

from backups.panels.grafana import BYTES, SECONDS, GrafanaAsker
from backups.services.grafana.client import USER_HEADER, Client
from backups.services.http.bounds import Bounds


def through(client: Client, seconds: float = SECONDS, size: int = BYTES) -> GrafanaAsker:
    """Return an asker of the server that a client calls; each question may take `seconds`, and its answer `size` bytes.

    A token asks in its own organisation only: a question of another one is not asked, and the reason is told.
    """

    def send(
        method: str,
        path: str,
        *,
        organisation: int,
        params: Sequence[tuple[str, str]] = (),
        body: Any = None,
        seconds: float,
    ) -> tuple[int, Any]:
        headers = {"Accept": "application/json", "X-Grafana-Org-Id": str(organisation)}
        if client.trusted is not None:
            headers[USER_HEADER] = client.trusted.get(organisation, "")
        bounds = Bounds(silence=seconds, total=seconds, size=size)
        several: dict[str, list[str]] = {}
        for name, value in params:
            several.setdefault(name, []).append(value)
        answer = client.line.ask(method, path, bounds, params=several, body=body, headers=headers)
        return answer.status, answer.json()

    return GrafanaAsker(send, seconds)
