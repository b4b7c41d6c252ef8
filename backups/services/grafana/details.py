"""What the `details` of a Grafana manifest hold, by either method."""

from pydantic import BaseModel, ConfigDict

from backups.foreign import DatabaseName, RelativePath, ServiceName, Size, Token
from backups.manifest import Manifest, details_of

API = "api"
"""The method of a backup that was read through the API."""


class Plugin(BaseModel):
    """A plugin that the source had. unreadable: why its description could not be read; its id is its directory's name then."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    id: str
    version: str | None = None
    unreadable: str | None = None

    def __str__(self) -> str:
        return f"{self.id}@{self.version}" if self.version else self.id


class Elsewhere(BaseModel):
    """A database that another service's backups hold: that service, and the database's name there."""

    model_config = ConfigDict(frozen=True)

    service: ServiceName
    name: DatabaseName


class GrafanaDetails(BaseModel):
    """The `details`. closed: kinds of objects, by organisation, that the API refused to give (`method: api`).

    file: the database's path below the source's data directory. version_before: the version that the last backup that knew one
    says, where the source did not say its own. database: where its data are, when they are in another service's backups
    """

    model_config = ConfigDict(frozen=True)

    method: str | None = None
    plugins: tuple[Plugin, ...] = ()
    closed: tuple[tuple[Size, str], ...] = ()
    file: RelativePath = "grafana.db"
    version_before: Token | None = None
    database: Elsewhere | None = None

    @classmethod
    def of(cls, manifest: Manifest) -> "GrafanaDetails":
        """Read a manifest's details; raises Damaged, naming the backup, when they are not Grafana's."""
        return details_of(manifest, cls, "a Grafana backup")
