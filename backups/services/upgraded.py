"""Describes services whose data can be started on a newer server: which steps there are, and what each changes by itself.

What a step changes is a table of each service's (`<type>/upgrades.py`); docs/upgrades.md shows them. Pure, but for the protocols.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from backups.errors import LifeboatError
from backups.manifest import Manifest
from backups.witness import Check, Fact

if TYPE_CHECKING:
    from backups.machine.docker import Docker, Image

Number = tuple[int, ...]
ANY: Number = ()
"""As the release from which on something is so: of every upgrade."""
How = Literal["new", "gone", "changed"]
VERSION_SECONDS = 120.0
"""How long a program may take to say its version: an image may hold anything."""


@dataclass(frozen=True)
class Change:
    """What an upgrade changes by itself, with a public page that says so.

    since: the release from which on it is so; an upgrade to it, or past it, makes the change
    subject, metric: of the facts that change, regular expressions of the whole; no subject: no fact shows it, it is told only
    how: in which ways they may change. given: a metric of the same subject that must have stayed equal
    """

    since: Number
    words: str
    source: str
    subject: str = ""
    metric: str = ".*"
    how: tuple[How, ...] = ("new", "gone", "changed")
    given: str | None = None

    @property
    def version(self) -> str:
        """The release from which on it is so, as text."""
        return ".".join(map(str, self.since)) or "any"


@dataclass(frozen=True)
class Back:
    """Whether there is a way back to the old version, in words, and the page that says so."""

    words: str
    source: str


@dataclass(frozen=True)
class Step:
    """An upgrade: whose server, from which version to which, and whether there is a way back.

    numbers: both versions. changes: what it changes by itself, those of the table that it passes
    """

    maker: str
    before: str
    after: str
    numbers: tuple[Number, Number]
    back: Back
    changes: tuple[Change, ...] = ()

    def passes(self, since: Number) -> bool:
        """Return whether the old version is before that release, and the new one is not."""
        before, after = (number[: len(since)] for number in self.numbers)
        return since == ANY or before < since <= after


def step(maker: str, before: str, after: str, back: Back, table: Iterable[Change]) -> Step:
    """Make a step, with what it changes of a table. Raises ValueError for text that holds no version."""
    bare = Step(maker, before, after, (numbers(before), numbers(after)), back)
    return Step(maker, before, after, bare.numbers, back, tuple(change for change in table if bare.passes(change.since)))


def numbers(text: str) -> Number:
    """Return the numbers of a version, three of them; raises ValueError when text does not begin with one."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    if found is None:
        raise ValueError(f"{text!r} is no version")
    return (int(found[1]), int(found[2]), int(found[3] or 0))


def downgrade(maker: str, before: str, after: str, image: str) -> LifeboatError:
    """Return the refusal of an image that is older than the backup."""
    return LifeboatError(
        f"the image {image} holds {maker} {after}, the backup is of {before}: that is a downgrade, which nobody rehearses",
        hint="name an image of a later version, or of the backup's own series",
    )


@dataclass(frozen=True)
class Sorted:
    """A fact that an upgrade has changed, and the entry of the table that expects it; None: a person has to look at it."""

    check: Check
    change: Change | None


def how(check: Check) -> How:
    """Return in which way a fact has changed."""
    if check.expected is None:
        return "new"
    return "gone" if check.observed is None else "changed"


def sort_out(checks: Sequence[Check], made: Step) -> list[Sorted]:
    """Sort the facts that a step has changed: which of them its table expects. Equal ones are left out."""
    equal = {(check.subject, check.metric) for check in checks if check.passed}

    def expects(change: Change, check: Check) -> bool:
        return bool(
            change.subject
            and how(check) in change.how
            and re.fullmatch(change.subject, check.subject, re.DOTALL)
            and re.fullmatch(change.metric, check.metric, re.DOTALL)
            and (change.given is None or (check.subject, change.given) in equal)
        )

    return [
        Sorted(check, next((change for change in made.changes if expects(change, check)), None))
        for check in checks
        if not check.passed
    ]


@runtime_checkable
class Upgradable(Protocol):
    """A service whose backups can be started on a newer server."""

    def version_in(self, image: "Image", docker: "Docker", name: str) -> str:
        """Return the version of the server in an image, asked in a container called `name`, without network.

        Raises LifeboatError when it holds another program, or does not say its version.
        """
        ...

    def step(self, manifest: Manifest, version: str, image: str) -> Step | None:
        """Return the upgrade from a backup's version to that of an image; None when both are of one series.

        Raises LifeboatError for an older one, for one that is not reached in one step, and for backups that are not upgraded.
        """
        ...


@runtime_checkable
class UpgradableCopy(Protocol):
    """A copy, proven on its own version, whose data another server can be started on; these steps come after `observe`."""

    def end(self) -> None:
        """End the running server as its maker asks before an upgrade; raises LifeboatError when it does not end in order."""
        ...

    def run_on(self, image: "Image", made: Step | None, seconds: float | None = None) -> None:
        """Start the server of an image on the same data, until it takes connections and has brought them up to its own version.

        made: the upgrade; None on the way back. seconds: how long it may take; None: as long as a copy's start may
        Raises LifeboatError when it does not start, with its log's last lines.
        """
        ...

    def first_answer(self) -> None:
        """See `Copy.first_answer`."""
        ...

    def upgraded(self) -> tuple[Sequence[Fact], Sequence[Check]]:
        """Return the witness's facts, measured on the upgraded data, and what else was compared before and after."""
        ...
