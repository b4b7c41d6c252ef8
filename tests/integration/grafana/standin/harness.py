"""Sends requests to the stand-in inside this process, as its administrator or as somebody else."""

from collections.abc import Callable
from typing import Any

import requests

ADMIN, EDITOR = ("admin", "admin"), ("editor", "editor")
OBJECTS = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards"

Ask = Callable[..., requests.Response]


def asker(url: str) -> Ask:
    def ask(path: str, method: str = "GET", *, auth: tuple[str, str] | None = ADMIN, **more: Any) -> requests.Response:
        return requests.request(method, url + path, auth=auth, timeout=60, **more)

    return ask


def uids(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["uid"] for item in response.json()]
