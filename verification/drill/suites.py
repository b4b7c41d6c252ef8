"""Reads the operator's suites of expectations: YAML files of SQL queries that must find no row in the restored database.

database: agama
expectations:
  - name: no client without an e-mail
    unexpected_rows: SELECT id FROM client WHERE email IS NULL
"""

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from backups.errors import ConfigError

_EXAMPLE = "a suite is written: database: NAME, expectations: [{name: WHAT IT PROVES, unexpected_rows: SELECT …}]"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expectation(_Section):
    """A query that must find no row, and the name of what it proves."""

    name: str = Field(min_length=1)
    unexpected_rows: str = Field(min_length=1)


class Suite(_Section):
    """Expectations about one database of a service."""

    database: str = Field(min_length=1)
    expectations: tuple[Expectation, ...] = Field(min_length=1)

    @field_validator("expectations")
    @classmethod
    def _named_once(cls, expectations: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
        names = [expectation.name for expectation in expectations]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two expectations are named {name!r}")
        return expectations


def read(path: Path) -> Suite:
    """Read a suite; raises ConfigError with the file, the key and a hint."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"the suite {path} cannot be read: {error.strerror}", hint="correct `suites:` of the service in lifeboat.yaml"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the suite {path} is not YAML: {' '.join(str(error).split())}",
            hint="indent by spaces, quote what holds a colon",
        ) from error
    try:
        return Suite.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"the suite {path}: {key}: {message[0].lower()}{message[1:]}", hint=_EXAMPLE) from error


def read_all(paths: Sequence[Path]) -> dict[str, Suite]:
    """Read suites, each under its file's name; raises ConfigError, also for two files of one name."""
    suites: dict[str, Suite] = {}
    for path in paths:
        if path.name in suites:
            raise ConfigError(f"two suites are called {path.name}", hint=f"rename {path}: reports name a suite by its file")
        suites[path.name] = read(path)
    return suites
