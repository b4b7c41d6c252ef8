"""Compares a live Grafana with a backup: what a restore would lose, and what it would bring back."""

from collections.abc import Iterator, Sequence

from backups.witness import Fact, Value

_SHOWN = 50
"""Objects that are named one by one."""


def differences(witness: Sequence[Fact], now: Sequence[Fact]) -> Iterator[str]:
    """Name each object that is new, changed or deleted since the witness. Counts are left out: the objects are named."""
    before, after = _objects(witness), _objects(now)
    lines = [
        *(f"{subject}: new" for subject in after if subject not in before),
        *(f"{subject}: changed" for subject in after if subject in before and not _same(before[subject], after[subject])),
        *(f"{subject}: deleted there, comes back" for subject in before if subject not in after),
    ]
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"and {len(lines) - _SHOWN} more"


def _objects(stated: Sequence[Fact]) -> dict[str, dict[str, Value]]:
    """Everything that the database says of one object, such as `org 1 dashboard abc`; what the server answers is left out."""
    result: dict[str, dict[str, Value]] = {}
    for fact in stated:
        if fact.subject.count(" ") > 1 and not fact.metric.endswith("over http"):
            result.setdefault(fact.subject, {})[fact.metric] = fact.value
    return result


def _same(before: dict[str, Value], after: dict[str, Value]) -> bool:
    """Equal in all that both state: the witness holds what the server answered, too."""
    return all(before[metric] == after[metric] for metric in before.keys() & after.keys())
