"""Defines a Grafana service's section of lifeboat.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from backups.foreign import ServiceName
from backups.secret import Secret
from backups.services.http.settings import HttpSettings
from backups.services.settings import PanelsSettings


class GrafanaSettings(HttpSettings):
    """`url` answers the HTTP API; see HttpSettings for it, `tls` and `tls_ca`.

    method: files, the database as a file (all of it: users, secrets, history); or api, what the HTTP API returns, for a Grafana
    whose files are out of reach (Grafana Cloud)
    place: its data directory, which holds grafana.db; config_place, where given, the directory of grafana.ini and provisioning/
    database: the service of type mysql whose backups hold its database, where that is no file; place is optional then
    token, token_file: of a service account with the role Admin; or user with password, password_file: the server's
    administrator. For method api, for restores to `api`, and for asking what dashboards ask.
    panels: whether, and how much, dashboards' questions are asked; data_sources: which service a data source is, by its name or
    uid, where its address does not tell
    """

    type: Literal["grafana"]
    method: Literal["files", "api"] = "files"
    place: str | None = None
    config_place: str | None = None
    database: ServiceName | None = None
    token: Secret | None = None
    token_file: Path | None = None
    user: str | None = None
    password: Secret | None = None
    password_file: Path | None = None
    panels: PanelsSettings = PanelsSettings()
    data_sources: dict[str, ServiceName] = Field(default_factory=dict)

    @property
    def claims(self) -> Mapping[str, str]:
        """See ServiceSettings."""
        return self.data_sources

    @property
    def has_credentials(self) -> bool:
        """Whether it names a token or a user to call the API as."""
        return any(key is not None for key in (self.token, self.token_file, self.user))

    @property
    def data_in(self) -> str | None:
        """See ServiceSettings."""
        return self.database

    @property
    def has_secret(self) -> bool:
        """See HttpSettings."""
        return self.has_credentials or super().has_secret

    @model_validator(mode="after")
    def _fit(self) -> "GrafanaSettings":
        if self.database and self.method == "files" and self.config_place is None:
            raise ValueError("database: needs config_place, the directory of grafana.ini: its secret_key opens that database")
        if self.database and self.restore.by_itself:
            raise ValueError("restore.by_itself: its data are in its database, which would not come back with it")
        if self.method == "files" and self.place is None and self.database is None:
            raise ValueError("place is missing: the directory that holds grafana.db; or set method: api, which needs no files")
        if self.method == "api" and (self.place or self.config_place or self.database):
            raise ValueError("method: api reads no files: leave place, config_place and database out, or leave out method")
        if self.method == "api" and not self.has_credentials:
            raise ValueError(
                "method: api needs token or token_file (of a service account), or user with password or password_file"
            )
        if self.user is not None and (self.token or self.token_file):
            raise ValueError("give a token or a user, not both")
        if self.user is None and (self.password or self.password_file):
            raise ValueError("a password needs its user")
        return self
