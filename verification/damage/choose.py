"""Chooses faults by a seed: which service, which kind, which target.

Pure.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from verification.damage.kind import Target


@dataclass(frozen=True)
class Fault:
    """A fault to put in. number: its place in the run, from 1. chance: the seed of what is left to choose when it is put in."""

    number: int
    service: str
    kind: str
    target: Target
    chance: str


def choose(seed: int, count: int, open_to: Mapping[str, Mapping[str, Sequence[Target]]]) -> list[Fault]:
    """Choose `count` faults of those that are open: by service, by kind, the targets. Fewer kinds than that come again.

    Every service has its turn, and every kind of it before one comes a second time. The first faults of a longer run are those of
    a shorter one with the same seed.
    """
    turns = {service: _kinds(f"{seed}:{service}", kinds) for service, kinds in sorted(open_to.items()) if any(kinds.values())}
    services = list(turns)
    random.Random(str(seed)).shuffle(services)  # noqa: S311 - a choice of faults, no secret
    return [
        Fault(number, service, *next(turns[service]))
        for number, service in islice(enumerate(services * count, start=1), count if services else 0)
    ]


def _kinds(seed: str, kinds: Mapping[str, Sequence[Target]]) -> Iterator[tuple[str, Target, str]]:
    """Yield kinds without end, all of them before any again, each with a target and with what its other choices are made by."""
    chance = random.Random(seed)  # noqa: S311
    open_kinds = sorted(name for name, targets in kinds.items() if targets)
    for number in range(1 << 30):
        for name in chance.sample(open_kinds, len(open_kinds)):
            own = f"{seed}:{name}:{number}"
            yield name, random.Random(own).choice(kinds[name]), own  # noqa: S311
