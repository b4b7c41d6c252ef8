"""Defines what lifeboat.yaml may hold, one model for each section; `file.py` reads it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from backups import durations
from backups.hosts.settings import HostSettings
from backups.secret import OneOfEach, Secret
from backups.services.settings import PoolName, ServiceSettings

_LEAST_BYTES = 6 * 2**20
"""Docker's own limit."""
FIRST = "first"
"""The name of the repository that takes the backups, where it is configured as `repository:`."""


def further(name: str | None) -> str | None:
    """Return the name that evidence has of a repository; None of the first, which older evidence does not name."""
    return None if name == FIRST else name


_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def _span(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    # A bare number has no unit; and YAML reads 2:00 as the number 120.
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic reports only ValueErrors
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


def _enough(value: int) -> int:
    if value < _LEAST_BYTES:
        raise ValueError(f"{value} bytes are less than a container needs (examples: 512MiB, 4GiB)")
    return value


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
Bytes = Annotated[int, BeforeValidator(_bytes), AfterValidator(_enough)]
Generation = Annotated[int | None, Field(ge=1, le=10_000)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
MachineName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
RepositoryName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
ServiceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class _Section(BaseModel):
    # The wrong value is often a password in the wrong place: errors show where it is, never what it is.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RepositorySettings(_Section, OneOfEach):
    """The restic repository that holds the backups.

    url: as restic writes it; password or password_file: what it is encrypted with
    environment: variables that its backend needs (AWS_ACCESS_KEY_ID); options: restic's `-o` options (s3.region)
    kept_by_other_side: the operator states that the other side keeps what is deleted from here, and how
    """

    url: str
    password: Secret | None = None
    password_file: Path | None = None
    environment: dict[str, Secret] = Field(default_factory=dict)
    options: dict[str, str] = Field(default_factory=dict)
    kept_by_other_side: bool | str = False


class Objectives(_Section):
    """The objectives that drills and `lifeboat status` are measured by.

    rto: how long a restore may take; rpo: how old the newest backup may be; proof: how old the last verification may be
    cold_start: how old the last start from nothing may be, once there is a recovery kit
    """

    rto: Span = timedelta(hours=2)
    rpo: Span = timedelta(hours=26)
    proof: Span = timedelta(days=8)
    cold_start: Span = timedelta(days=35)


class Retention(_Section):
    """Chains younger than `keep` are kept, chains older than `delete_after` are deleted.

    Or by generations instead of these two: the chains that hold the newest backup of each of the last so many days, weeks (from
    Monday), months and years that have one.
    evidence: how long reports of verifications stay beyond their backups; left out: as long as chains
    """

    keep: Span = timedelta(days=21)
    delete_after: Span = timedelta(days=31)
    evidence: Span | None = None
    daily: Generation = None
    weekly: Generation = None
    monthly: Generation = None
    yearly: Generation = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Retention":
        spans = [name for name in ("keep", "delete_after") if name in self.model_fields_set]
        if self.generations and spans:
            raise ValueError(
                f"{' and '.join(spans)} {'is' if len(spans) == 1 else 'are'} given beside {', '.join(self.generations)}: "
                "chains go by their age, or by generations; leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _in_order(self) -> "Retention":
        if self.delete_after < self.keep:
            raise ValueError(
                f"delete_after ({durations.describe(self.delete_after)}) is shorter than keep ({durations.describe(self.keep)})"
            )
        return self

    @property
    def generations(self) -> dict[str, int]:
        """How many days, weeks, months and years keep a chain, by `daily` and so on; none where chains go by their age."""
        numbers = {"daily": self.daily, "weekly": self.weekly, "monthly": self.monthly, "yearly": self.yearly}
        return {name: number for name, number in numbers.items() if number is not None}

    @property
    def whole_for(self) -> timedelta:
        """The age up to which every night's backup is still there."""
        return timedelta(days=self.daily or 0) if self.generations else self.keep

    @property
    def evidence_after(self) -> timedelta:
        """The age beyond which evidence is deleted, once its backups are gone."""
        return self.evidence or self.delete_after


class FurtherRepository(RepositorySettings):
    """A repository that holds copies of what the first one holds. retention: its own; left out: that of the first."""

    retention: Retention | None = None


class SandboxSettings(_Section):
    """The limits of one restored copy, and how many copies are restored in parallel.

    memory: bytes; processors: how many, all when left out; side_by_side: copies at the same time
    """

    memory: Bytes = 4 * 2**30
    processors: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    side_by_side: int = Field(default=3, ge=1)


class BackupSettings(_Section):
    """How backups are scheduled.

    side_by_side: services backed up at the same time
    patience: how long a scheduled backup waits for another one of the same service
    """

    side_by_side: int = Field(default=4, ge=1)
    patience: Span = timedelta(hours=6)


class ReportSettings(_Section):
    """What reports of drills may show. values: values of the rows by which a table differs, keys of any kind among them."""

    values: bool = False


class Watch(_Section):
    """When the watch advises a restore.

    collapse: the share of its rows that a table has lost
    looks, pause: a problem counts when it is seen so many times in a row, so far apart: one missed answer is never enough
    """

    collapse: Share = 0.5
    looks: int = Field(default=3, ge=2, le=20)
    pause: Span = timedelta(seconds=10)


class EvidenceSettings(_Section):
    """How evidence is signed. key_file: the private ed25519 key, in PEM; left out, one is made below the state directory."""

    key_file: Path | None = None


class MachineSettings(_Section):
    """A machine that runs drills. memory, disk: bytes that it has for them; side_by_side: drills at the same time.

    pool: the work pool that its worker serves, `verification` when left out; side_by_side: that of `sandbox` when left out
    """

    memory: Bytes
    disk: Bytes
    pool: PoolName | None = None
    side_by_side: int | None = Field(default=None, ge=1)


class FleetSettings(_Section):
    """On which machines the drills of a verification run; without any, all on the one that verifies.

    window: how long they may take together, from the verification's start; None: as long as they take
    silence: a machine that its worker has not been heard from for so long is gone, and its drills run elsewhere
    repositories: by name, how many drills may fetch from one at the same time
    """

    window: Span | None = None
    silence: Span = timedelta(seconds=90)
    machines: dict[MachineName, MachineSettings] = Field(default_factory=dict)
    repositories: dict[RepositoryName, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)


class Settings(_Section):
    """The whole configuration; each service is a model of its type.

    repository: the first one, which takes the backups; repositories: further ones, by name, which get copies of them. Without
    `repository` the first of these takes the backups.
    rescue: the services in the order in which a rescue brings them back; those that are not named come after them
    """

    timezone: Annotated[str, AfterValidator(_zone)] = "Etc/UTC"
    state: Path = Path("/var/lib/lifeboat")
    repository: RepositorySettings | None = None
    repositories: dict[RepositoryName, FurtherRepository] = Field(default_factory=dict)
    objectives: Objectives = Objectives()
    retention: Retention = Retention()
    backup: BackupSettings = BackupSettings()
    sandbox: SandboxSettings = SandboxSettings()
    report: ReportSettings = ReportSettings()
    watch: Watch = Watch()
    evidence: EvidenceSettings = EvidenceSettings()
    fleet: FleetSettings = FleetSettings()
    rescue: tuple[ServiceName, ...] = ()
    hosts: dict[HostName, HostSettings] = Field(default_factory=dict)
    services: dict[ServiceName, SerializeAsAny[ServiceSettings]] = Field(min_length=1)

    @property
    def every_repository(self) -> dict[str, RepositorySettings]:
        """All repositories by name, the first one, which takes the backups, at the beginning."""
        return {**({FIRST: self.repository} if self.repository else {}), **self.repositories}

    @property
    def first(self) -> RepositorySettings:
        """The repository that takes the backups."""
        return next(iter(self.every_repository.values()))

    def retention_of(self, name: str) -> Retention:
        """Return the retention of the repository of that name: its own, or else the one of all."""
        own = self.repositories[name].retention if name in self.repositories else None
        return own or self.retention

    @property
    def rescue_order(self) -> list[str]:
        """Every service in the order of `rescue`, those that it does not name last, as they are written."""
        return [*self.rescue, *(name for name in self.services if name not in self.rescue)]

    @model_validator(mode="after")
    def _rescued_exist(self) -> "Settings":
        for number, name in enumerate(self.rescue):
            if name not in self.services:
                raise ValueError(f"rescue names {name}, which is not under services: {', '.join(self.services)}")
            if name in self.rescue[:number]:
                raise ValueError(f"rescue names {name} twice")
        return self

    @model_validator(mode="after")
    def _limited_repositories_exist(self) -> "Settings":
        for name in self.fleet.repositories:
            if name not in self.every_repository:
                raise ValueError(f"fleet.repositories names {name}, and the repositories are {', '.join(self.every_repository)}")
        return self

    @model_validator(mode="after")
    def _jump_hosts_exist(self) -> "Settings":
        for name, host in self.hosts.items():
            passed = [name]
            while host.jump is not None:
                if host.jump not in self.hosts:
                    raise ValueError(f"hosts.{passed[-1]}.jump names {host.jump}, which is not under hosts:")
                if host.jump in passed:
                    raise ValueError(f"hosts.{name}.jump forms a circle: {' → '.join([*passed, host.jump])}")
                passed.append(host.jump)
                host = self.hosts[host.jump]  # noqa: PLW2901 - one step further
        return self
