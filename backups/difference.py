"""Compares the witnesses of two backups: what is new, gone or changed, and what cannot be compared.

Pure. Equal witnesses mean equal contents of that which both state, and of nothing else; a value that was measured in another way,
or that one of the two does not state, is never called equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from backups.manifest import Manifest
from backups.services.measured import How
from backups.text import told
from backups.witness import Fact, Value, compare

Change = Literal["new", "gone", "changed", "not comparable", "not stated"]
"""What became of a thing. Not comparable: both state it, each in its own way. Not stated: only one of them states such facts."""


@dataclass(frozen=True)
class Differing:
    """A fact whose values differ; None: it is not stated there. `why`: why that tells nothing; None where it is a difference."""

    metric: str
    before: Value
    after: Value
    stated_by_both: bool
    why: str | None = None


@dataclass(frozen=True)
class Subject:
    """A thing that is not equal in both, or of which not all could be compared. `equal`: its metrics that are, for all that."""

    name: str
    change: Change
    facts: tuple[Differing, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """What two witnesses say of one another. `equal`: how many facts both state alike; `subjects`: of how many things in all."""

    things: tuple[Subject, ...]
    equal: int
    subjects: int

    @property
    def verdict(self) -> Literal["equal", "different", "not comparable"]:
        """Equal: all that both state. Not comparable: no difference is known, and not all that both state could be compared."""
        if any(self.count(change) for change in ("new", "gone", "changed")):
            return "different"
        return "not comparable" if self.count("not comparable") or not self.equal else "equal"

    def count(self, change: str) -> int:
        """Return how many things have changed so."""
        return sum(thing.change == change for thing in self.things)


def difference(before: Manifest, after: Manifest, how_before: How, how_after: How) -> Difference:
    """Compare two backups of one service by their witnesses. `how_…`: how each was measured."""
    sides = _Side(before, how_before), _Side(after, how_after)
    differing: dict[str, list[Differing]] = {}
    equal: dict[str, list[str]] = {}
    for check in compare(before.witness, after.witness):
        if check.passed:
            equal.setdefault(check.subject, []).append(check.metric)
        else:
            differing.setdefault(check.subject, []).append(_differing(check.subject, check.metric, *sides))
    one, other = (frozenset(fact.subject for fact in manifest.witness) for manifest in (before, after))
    things = tuple(
        Subject(name, _change(name, facts, one, other), tuple(facts), tuple(equal.get(name, ())))
        for name, facts in sorted(differing.items())
    )
    return Difference(things, sum(map(len, equal.values())), len(one | other))


class _Side:
    """A backup's facts by subject and metric, and what it could state."""

    def __init__(self, manifest: Manifest, how: How) -> None:
        self.id = manifest.id
        self.lifeboat = manifest.lifeboat
        self.how = how
        self.facts = {(fact.subject, fact.metric): fact for fact in manifest.witness}
        self.metrics = frozenset(fact.metric for fact in manifest.witness)


def _differing(subject: str, metric: str, before: _Side, after: _Side) -> Differing:
    one, other = (side.facts.get((subject, metric)) for side in (before, after))
    stated = one or other
    if stated is None:
        raise AssertionError("a check is of a fact that one side states")
    both = one is not None and other is not None
    return Differing(metric, _told(one), _told(other), both, next(_reasons(stated, before, after), None))


def _reasons(stated: Fact, before: _Side, after: _Side) -> Iterator[str]:
    """Say why a fact that is not equal on both sides tells of no difference."""
    hows = before.how(stated), after.how(stated)
    for side, how in zip((before, after), hows, strict=True):
        if how is None:
            yield f"{side.id} does not state it"
        elif before.lifeboat != after.lifeboat and stated.metric not in side.metrics:
            yield f"{side.id} is of Lifeboat {side.lifeboat}, which stated no {stated.metric} of anything"
    one, other = (how or {} for how in hows)
    if unlike := [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]:
        yield f"measured with another {', another '.join(unlike)}"


def _change(name: str, facts: Sequence[Differing], before: frozenset[str], after: frozenset[str]) -> Change:
    if all(fact.why for fact in facts):
        return "not comparable" if any(fact.stated_by_both for fact in facts) else "not stated"
    if name not in before:
        return "new"
    return "changed" if name in after else "gone"


def _told(fact: Fact | None) -> Value:
    if fact is None:
        return None
    return told(fact.value) if isinstance(fact.value, str) else fact.value
