"""Defines a kind of fault: where it can be put, how it is put there, and what the verifier should then name."""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from backups.errors import LifeboatError
from backups.manifest import Manifest
from backups.services.base import Copy, Fetched
from verification.evidence.evidence import DrillResult

Stage = Literal["manifest", "fetched", "running", "repository"]
"""When a fault is put in: as a manifest is read; when the chain's files are fetched, before they are counted; when the copy has
answered, before it is compared; into a repository of the drill's own that holds the chain."""

Target = tuple[str, ...]
"""What a fault is put into, in the kind's own words: a table and a column, a block, a file."""

MOST = 500
"""Targets of a kind that are chosen from."""


@dataclass(frozen=True)
class Stand:
    """A copy on its way back. chain: its backups, the full first. copy: once it answers, and from then on."""

    service: str
    chain: Sequence[Fetched] = ()
    copy: Copy | None = None

    @property
    def manifests(self) -> Sequence[Manifest]:
        """Of the chain."""
        return [fetched.manifest for fetched in self.chain]

    def at(self, copy: Copy) -> "Stand":
        """Return the same, with the copy that answers now."""
        return replace(self, copy=copy)


@dataclass(frozen=True)
class Injected:
    """What was done, in words; and the names by which the verifier may call what was damaged."""

    words: str
    culprits: tuple[str, ...]


class NotInjected(LifeboatError):
    """The fault could not be put in, or was gone again before anything was compared: nothing is learnt of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why, hint="another seed chooses other faults: --seed NUMBER")


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    name: for the report, and for the seed. types: of services; empty for every one. targets: where it can be put, in an order
    that is the same each time; asked of an undamaged copy at `surveyed`. inject: puts it there; raises NotInjected.
    there: whether it is still there when the copy answers, for what the copy itself may have undone (a log that is replayed)
    """

    name: str
    types: frozenset[str]
    stage: Stage
    targets: Callable[[Stand], Iterable[Target]]
    inject: Callable[[Stand, Target, random.Random], Injected]
    surveyed: Literal["fetched", "running"] = "fetched"
    there: Callable[[Stand, Target, Injected], bool] | None = field(default=None)

    def of(self, kind: str) -> bool:
        """Return whether a service of that type can have it."""
        return not self.types or kind in self.types


def promised(stand: Stand, *metrics: str) -> frozenset[str]:
    """Return what the last backup's witness states something of, or one of `metrics`: a fault in anything else would be none."""
    stated = stand.manifests[-1].witness if stand.chain else ()
    return frozenset(fact.subject for fact in stated if not metrics or fact.metric in metrics)


def named(result: DrillResult, culprits: Sequence[str]) -> bool:
    """Return whether a drill's failed checks are about one of the culprits, or the fault that ended it names one."""
    if any(check.subject in culprits for check in result.failures):
        return True
    return any(re.search(rf"(?<![\w-]){re.escape(culprit)}(?![\w-])", result.error or "") for culprit in culprits)
