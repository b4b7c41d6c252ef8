"""Defines what a recovery kit holds besides the program: `kit.json`, which names every other part of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backups.foreign import Moment, RelativePath, Sha256

KIT = "kit.json"
CONFIGURATION = "lifeboat.yaml"
"""The configuration, as it was written."""
FILES = "files"
"""The folder of the files that it names."""
STATE = "state"
"""The folder of what a kit takes out of the state directory."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=160)]
"""A repository's, or a service's."""
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=255)]
Key = Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
"""A key of lifeboat.yaml, part by part; a number counts the entries of a list."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Carried(_Part):
    """A file. member: its name in the kit; path: where it was; keys: of lifeboat.yaml that name it; sha256: of its content."""

    member: RelativePath
    path: str
    keys: tuple[Key, ...] = ()
    sha256: Sha256


class Told(_Part):
    """A repository as the kit knows it: its place without a password, and its id; None where the kit's machine knew none."""

    url: str
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")] | None


class Contents(_Part):
    """What a kit holds.

    files: by the keys that name them; urls, paths: what a relative one in lifeboat.yaml means, by its key
    environment: the variables that it reads. missing: what it should hold and does not, a sentence each
    services: in the order in which they are to come back; unplaced: those without a restore.to
    pythons: whose dependencies are carried
    """

    schema_version: Literal[1] = 1
    lifeboat: str
    host: str
    made_at: Moment
    configuration: str
    files: tuple[Carried, ...] = ()
    written: tuple[tuple[Key, str], ...] = ()
    environment: dict[Variable, str] = Field(default_factory=dict)
    repositories: dict[Name, Told] = Field(default_factory=dict)
    services: tuple[Name, ...] = ()
    unplaced: tuple[Name, ...] = ()
    missing: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
