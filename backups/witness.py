"""Defines facts, recorded on a source at the instant of its backup, and compares them with those of a restored copy."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from backups.text import told

Value = int | float | str | bool | None

MOST = 10**18 - 1
"""No source has more of anything: what says so is somebody's joke."""


@dataclass(frozen=True, order=True)
class Fact:
    """One measured statement.

    subject: what it is about, as a person would name it (`agama.client`, `dashboard abc123`)
    metric:  which property (`rows`, `fingerprint`, `definition`, `samples`)
    value:   a finite number or text, compared for equality

    Raises ValueError for NaN, which equals nothing, and for infinities, which JSON cannot hold: state them as text.
    """

    subject: str
    metric: str
    value: Value

    def __post_init__(self) -> None:
        if isinstance(self.value, float) and not isfinite(self.value):
            raise ValueError(f"the fact {self.subject} {self.metric} is {self.value}; only finite numbers can be compared")


@dataclass(frozen=True)
class Check:
    """A fact of the witness beside the same fact of the copy; `None` on one side means: not there at all."""

    subject: str
    metric: str
    expected: Value
    observed: Value
    passed: bool


def compare(expected: Iterable[Fact], observed: Iterable[Fact]) -> list[Check]:
    """Compare both sets of facts, in the witness's order, then those that only the copy has.

    Nothing is tolerated: a fact missing on either side fails. Raises ValueError when one side states a fact twice, since
    two answers to one question prove nothing. A password in a value is compared, and only its hash is in the check.
    """
    wanted, found = _unique(expected), _unique(observed)
    return [
        Check(
            subject=subject,
            metric=metric,
            expected=_told(wanted.get((subject, metric))),
            observed=_told(found.get((subject, metric))),
            passed=(subject, metric) in wanted
            and (subject, metric) in found
            and _equal(wanted[subject, metric], found[subject, metric]),
        )
        for subject, metric in dict.fromkeys([*wanted, *found])
    ]


def tally(facts: Iterable[Fact]) -> str:
    """Say how much a witness counted, in one number that can be followed from backup to backup: `rows:93447`.

    The rows of all tables, where there are tables; else the samples of all blocks, where there are blocks; else the things that
    the facts are about.
    """
    sums: dict[str, int] = {}
    subjects = set()
    for fact in facts:
        subjects.add(fact.subject)
        if fact.metric in {"rows", "samples"} and type(fact.value) is int and fact.value >= 0:
            sums[fact.metric] = sums.get(fact.metric, 0) + fact.value
    counted = next((f"{metric}:{min(sums[metric], MOST)}" for metric in ("rows", "samples") if metric in sums), None)
    return counted or f"things:{len(subjects)}"


def _told(value: Value) -> Value:
    return told(value) if isinstance(value, str) else value


def _equal(expected: Value, observed: Value) -> bool:
    """Compare values and types: 1, 1.0 and True are three different values."""
    return type(expected) is type(observed) and expected == observed


def _unique(facts: Iterable[Fact]) -> dict[tuple[str, str], Value]:
    result: dict[tuple[str, str], Value] = {}
    for fact in facts:
        if (fact.subject, fact.metric) in result:
            raise ValueError(f"the fact {fact.subject} {fact.metric} is stated twice")
        result[fact.subject, fact.metric] = fact.value
    return result
