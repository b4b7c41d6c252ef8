"""Defines a Prometheus service's section of lifeboat.yaml."""

from pathlib import Path
from typing import Literal

from pydantic import HttpUrl

from backups.secret import Secret
from backups.services.base import ServiceSettings


class PrometheusSettings(ServiceSettings):
    """A Prometheus server.

    url: its root, as a browser opens it; place: its data directory (`--storage.tsdb.path`)
    config_place: where given, the directory of its configuration and rule files, which are backed up, too
    user, password, password_file: for basic authentication
    """

    type: Literal["prometheus"]
    url: HttpUrl
    place: str
    config_place: str | None = None
    user: str | None = None
    password: Secret | None = None
    password_file: Path | None = None
