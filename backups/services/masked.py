"""Describes services of whose backups a copy can be made in which personal values are replaced by others.

Next file: `mysql/masking/masking.py`, the one service that can.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args, runtime_checkable

from backups.errors import LifeboatError
from backups.services.base import Copy, Delivery, Sandbox

Kind = Literal["name", "email", "phone", "text", "null", "hash", "keep"]
"""What a rule makes of a column's values. `keep`: a person has decided that they are not personal."""
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Masks:
    """What is replaced by what. rules: a column, or a pattern of columns, and its kind.

    definitions: tables, views, programs whose SQL a person has read. key: equal values get equal replacements under equal keys
    locale: whose names and words the replacements are made of
    """

    rules: Mapping[str, Kind]
    key: bytes = field(repr=False)
    definitions: Sequence[str] = ()
    locale: str = "en"


@dataclass(frozen=True)
class Ruled:
    """A column with the rule that decides on it; `rows`: how many values were replaced, None before that was done."""

    column: str
    kind: Kind
    rule: str
    rows: int | None = None


@dataclass(frozen=True)
class Unruled:
    """A column, or the SQL of an object, that looks personal and that no rule decides on; suggestion: None for SQL."""

    subject: str
    why: str
    suggestion: Kind | None = None


@dataclass(frozen=True)
class Searched:
    """What was searched for in the finished files and not found: originals of masked columns, in several encodings.

    values: how many. bytes: of the files. left_out: how many values could not be told from what is there in any case
    kept: how many were found where a rule keeps them. unsearched: what such a search does not see, a sentence each
    """

    values: int
    files: int
    bytes: int
    left_out: int
    kept: int
    unsearched: Sequence[str] = ()


class NotClean(LifeboatError):
    """Originals are in the files of a masked copy: it is not handed over."""


@dataclass(frozen=True)
class Masked:
    """A masked copy that can be handed over, with the one account that it has.

    tables: the rows of each. without_history: those of them of which a witness counts former rows, too
    orphans: of each foreign key with a masked column, how many rows have no parent, no more than in the original
    """

    delivery: Delivery
    user: str
    password: str = field(repr=False)
    columns: Sequence[Ruled] = ()
    tables: Mapping[str, int] = field(default_factory=dict)
    without_history: Sequence[str] = ()
    orphans: Mapping[str, int] = field(default_factory=dict)
    searched: Searched | None = None


class Masking(Protocol):
    """Masks one copy. `ruled` and `unruled` are known before anything is written."""

    @property
    def ruled(self) -> Sequence[Ruled]:
        """The columns that a rule decides on."""
        ...

    @property
    def unruled(self) -> Sequence[Unruled]:
        """What looks personal and is in no rule: while there is any, nothing is masked."""
        ...

    def make(self, say: Callable[[str], None]) -> Masked:
        """Make the masked copy. Raises LifeboatError when it cannot be made, NotClean when it holds what it must not."""
        ...


@runtime_checkable
class Maskable(Protocol):
    """A service of whose copies a masked one can be made."""

    def masking(self, copy: Copy, masks: Masks, sandbox: Sandbox) -> Masking:
        """Apply the rules to a copy that gives answers. Raises ConfigError for a rule that cannot be applied."""
        ...
