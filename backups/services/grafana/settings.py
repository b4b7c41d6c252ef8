"""A Grafana service's section of lifeboat.yaml."""

from typing import Literal

from pydantic import HttpUrl

from backups.services.base import ServiceSettings


class GrafanaSettings(ServiceSettings):
    """`url` answers the HTTP API (only its health and version are asked); `place` is its data directory, which holds
    grafana.db; `config_place`, where given, the directory that holds grafana.ini and provisioning/.
    """

    type: Literal["grafana"]
    url: HttpUrl
    place: str
    config_place: str | None = None
