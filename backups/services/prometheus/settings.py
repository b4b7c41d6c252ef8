"""Defines a Prometheus service's section of lifeboat.yaml."""

from pathlib import Path
from typing import Literal

from pydantic import HttpUrl

from backups.secret import Secret
from backups.services.base import ServiceSettings


class PrometheusSettings(ServiceSettings):
    """`url` answers the HTTP API; `place` is its data directory (`--storage.tsdb.path`); `config_place`, where given, the
    directory of its configuration and rule files, which travel along. `user` and passwords are for basic authentication;
    `ca_file` holds the certificates (PEM) that its own is checked against, where this machine does not trust it otherwise.
    """

    type: Literal["prometheus"]
    url: HttpUrl
    place: str
    config_place: str | None = None
    user: str | None = None
    password: Secret | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
