"""Reads everything out of a restored copy over its API, so that a running Grafana can take it."""

from collections.abc import Mapping
from pathlib import Path

from backups.services.grafana.api import not_restorable
from backups.services.grafana.api.objects import write
from backups.services.grafana.api.read import read
from backups.services.grafana.client import Client


def export(url: str, logins: Mapping[int, str], into: Path) -> list[str]:
    """Write every object below `into`; returns what the operator has to know, a line each.

    url: of a copy that trusts a proxy's header; logins: an administrator of each organisation (0: of the server itself)
    """
    objects = read(Client.behind_proxy(url, logins))
    write(objects, into)
    return [
        *(f"to be set again, the API returns no secrets: {line}" for line in not_restorable.secrets(objects)),
        *(f"not put there: {line}" for line in [*not_restorable.closed(objects), *objects.limits]),
    ]
