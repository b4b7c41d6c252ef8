"""Defines a Prometheus service's section of lifeboat.yaml."""

from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from backups.secret import Secret
from backups.services.http.settings import HttpSettings

OLD_NAME = "ca_file is called tls_ca now: rename it in lifeboat.yaml, the next version takes tls_ca only"


class PrometheusSettings(HttpSettings):
    """`url` answers the HTTP API; `place` is its data directory (`--storage.tsdb.path`); `config_place`, where given, the
    directory of its configuration and rule files, which travel along. `user` and passwords are for basic authentication;
    `ca_file` is the name that `tls_ca` had before.
    """

    type: Literal["prometheus"]
    place: str
    config_place: str | None = None
    user: str | None = None
    password: Secret | None = None
    password_file: Path | None = None
    ca_file: Path | None = None

    @property
    def has_secret(self) -> bool:
        """See HttpSettings."""
        return self.user is not None or super().has_secret

    def authority(self) -> Path | None:
        """See HttpSettings; by its old name, too."""
        renamed = self if self.ca_file is None else self.model_copy(update={"tls_ca": self.ca_file, "ca_file": None})
        return super(PrometheusSettings, renamed).authority()

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, section: Any) -> Any:
        if isinstance(section, dict) and section.get("ca_file") is not None and section.get("tls_ca") is not None:
            raise ValueError("ca_file is the old name of tls_ca: leave it out")
        return section
