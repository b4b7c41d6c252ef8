"""Defines what the section of any service in lifeboat.yaml may hold; each type adds its own keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from backups.secret import OneOfEach

PoolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""A work pool's, as Prefect knows it."""


class RestoreSettings(BaseModel):
    """Says how a real restore of a service ends on its machine.

    stop, start: shell commands that are run there, before anything is moved and after everything is in place
    owner: `user:group` that the files shall belong to; by default the owner of what is replaced, else the type's own
    to: the default place of `lifeboat restore`; by_itself: the watch may restore there without asking (needs to, stop and start)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    to: str | None = None
    stop: str | None = None
    start: str | None = None
    owner: str | None = None
    by_itself: bool = False

    @model_validator(mode="after")
    def _know_where(self) -> "RestoreSettings":
        by_api = self.to is not None and self.to.partition(":")[0] == "api"
        useless = [f"restore.{key}" for key in ("stop", "start", "owner", "by_itself") if by_api and getattr(self, key)]
        if useless:
            raise ValueError(f"{', '.join(useless)}: a server that takes a restore by its API must run, and has no files")
        missing = [f"restore.{key}" for key in ("to", "stop", "start") if getattr(self, key) is None]
        if self.by_itself and missing:
            raise ValueError(
                f"restore.by_itself needs {', '.join(missing)}: the place that may be replaced without asking, "
                "and how its service is stopped and started"
            )
        return self


class ServiceSettings(OneOfEach):
    """A service's section of lifeboat.yaml; each type adds its own keys.

    pool: the work pool whose machines run its drills, `verification` when left out
    """

    # A fault is often a password in the wrong place: errors show where, never what.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: str
    image: str = Field(min_length=1)
    restore: RestoreSettings = RestoreSettings()
    pool: PoolName | None = None

    @property
    def data_in(self) -> str | None:
        """The service, by its key `database`, that protects the database which this one keeps its data in; None for its own."""
        return None

    @property
    def claims(self) -> Mapping[str, str]:
        """The services that its key `data_sources` names, by the name or uid of a data source."""
        return {}


class PanelsSettings(BaseModel):
    """Whether the questions of a Grafana's dashboards are asked of the services, inside their backups, and how many.

    seconds: how long the questions of one service's backup may take together; questions: how many of each service
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ask: bool = True
    seconds: float = Field(default=120, gt=0, le=3600, allow_inf_nan=False)
    questions: int = Field(default=1000, ge=1, le=20_000)


class SqlServiceSettings(ServiceSettings):
    """A service that answers SQL: `suites` are files of the operator's own expectations, run on the restored database."""

    suites: tuple[Path, ...] = ()
