"""What lifeboat.yaml may say: one model a section. Reading the file, and telling its faults: `backups/config/file.py`."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from backups import durations
from backups.hosts.settings import HostSettings
from backups.secret import Secret
from backups.services.base import ServiceSettings

_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def _span(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    # A bare number has no unit; and YAML reads 2:00 as the number 120.
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic tells ValueErrors as faults, TypeErrors as bugs
            "a span of time needs a unit (examples: 90s, 2h, 21d, 1d12h)"
        )
    return durations.parse(value)


def _bytes(value: Any) -> Any:
    if isinstance(value, int):
        return value
    parts = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]iB)", value) if isinstance(value, str) else None
    if parts is None:
        raise ValueError("an amount of memory needs a unit (examples: 512MiB, 4GiB)")
    return int(float(parts[1]) * _UNITS[parts[2]])


def _share(value: Any) -> Any:
    parts = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", value) if isinstance(value, str) else None
    if parts is None:
        raise ValueError("a share is written in percent (example: 50%)")
    return float(parts[1]) / 100


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is not a time zone (examples: Etc/UTC, Europe/Berlin)") from error
    return value


Span = Annotated[timedelta, BeforeValidator(_span)]
Share = Annotated[float, BeforeValidator(_share), Field(gt=0, le=1)]
Bytes = Annotated[int, BeforeValidator(_bytes)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
ServiceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class _Section(BaseModel):
    # A fault is often a password in the wrong place: errors show where, never what.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RepositorySettings(_Section):
    """A restic repository: its url as restic writes it, its password, and variables and options that its backend needs."""

    url: str
    password: Secret | None = None
    password_file: Path | None = None
    environment: dict[str, Secret] = Field(default_factory=dict)
    options: dict[str, str] = Field(default_factory=dict)


class Objectives(_Section):
    """How long a restore may take, how much may be lost, and how old a proof may be before it is stale."""

    rto: Span = timedelta(hours=2)
    rpo: Span = timedelta(hours=26)
    proof: Span = timedelta(days=8)


class Retention(_Section):
    """Chains younger than `keep` stay, older than `delete_after` go."""

    keep: Span = timedelta(days=21)
    delete_after: Span = timedelta(days=31)

    @model_validator(mode="after")
    def _in_order(self) -> "Retention":
        if self.delete_after < self.keep:
            told = (
                f"delete_after ({durations.describe(self.delete_after)}) is shorter than keep ({durations.describe(self.keep)})"
            )
            raise ValueError(told)
        return self


class SandboxSettings(_Section):
    """What one restored copy may use, and how many are restored side by side."""

    memory: Bytes = 4 * 2**30
    processors: float | None = Field(default=None, gt=0)
    side_by_side: int = Field(default=3, ge=1)


class BackupSettings(_Section):
    """How many services are backed up side by side, and how long a scheduled backup waits for another of the same service."""

    side_by_side: int = Field(default=4, ge=1)
    patience: Span = timedelta(hours=6)


class Watch(_Section):
    """When the watch calls for a restore: a table that lost more than `collapse` of its rows; trouble seen in each of `looks`,
    `pause` apart, since one missed answer is none.
    """

    collapse: Share = 0.5
    looks: int = Field(default=3, ge=1, le=20)
    pause: Span = timedelta(seconds=10)


class Settings(_Section):
    """The whole configuration. Services are the models of their own types."""

    timezone: Annotated[str, AfterValidator(_zone)] = "Etc/UTC"
    state: Path = Path("/var/lib/lifeboat")
    repository: RepositorySettings
    objectives: Objectives = Objectives()
    retention: Retention = Retention()
    backup: BackupSettings = BackupSettings()
    sandbox: SandboxSettings = SandboxSettings()
    watch: Watch = Watch()
    hosts: dict[HostName, HostSettings] = Field(default_factory=dict)
    services: dict[ServiceName, SerializeAsAny[ServiceSettings]] = Field(min_length=1)

    @model_validator(mode="after")
    def _ways_lead_there(self) -> "Settings":
        for name, host in self.hosts.items():
            passed = [name]
            while host.jump is not None:
                if host.jump not in self.hosts:
                    raise ValueError(f"hosts.{passed[-1]}.jump names {host.jump}, which is not under hosts:")
                if host.jump in passed:
                    raise ValueError(f"hosts.{name}.jump leads round in a circle: {' → '.join([*passed, host.jump])}")
                passed.append(host.jump)
                host = self.hosts[host.jump]  # noqa: PLW2901 - one step further
        return self
