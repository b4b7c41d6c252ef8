"""Says which machines there are for drills, and whether one is large enough for a drill: pure functions over the settings."""

from collections.abc import Sequence
from dataclasses import replace

from backups.config.settings import Settings
from backups.machine import disk
from verification.fleet.work import POOL, Due, Machine


def machines(settings: Settings) -> list[Machine]:
    """Return the machines of `fleet.machines`, in their order; none where drills run on the machine that verifies."""
    return [
        Machine(name, each.memory, each.disk, each.side_by_side or settings.sandbox.side_by_side, each.pool or POOL)
        for name, each in settings.fleet.machines.items()
    ]


def alone(settings: Settings, name: str, free: int) -> Machine:
    """Return the machine that verifies, where there is no fleet: it runs what `sandbox` says, in `free` bytes of disk."""
    at_once = settings.sandbox.side_by_side
    # Every drill has the same memory here, or twice that beside its partner: nobody said how much the machine has.
    return Machine(name, 2 * at_once * settings.sandbox.memory, free, at_once, POOL)


def so_many(machines: Sequence[Machine], number: int) -> list[Machine]:
    """Return `number` machines in each pool: the first of those that it has, and more like the one with the most memory."""
    chosen: list[Machine] = []
    for pool in dict.fromkeys(map(pool_of, machines)):
        have = [each for each in machines if pool_of(each) == pool]
        chosen += have[:number] + [one_more(have, at) for at in range(number - len(have))]
    return chosen


def one_more(machines: Sequence[Machine], at: int = 0) -> Machine:
    """Make up a machine like the one of these with the most memory; `at` tells several of them apart."""
    largest = max(machines, key=lambda each: (each.memory, each.disk))
    return replace(largest, name=f"{largest.name}+{at + 1}")


def pool_of(each: Due | Machine) -> str:
    """Return the pool whose machines run that drill, or that the machine serves."""
    return each.pool or POOL


def unfit(due: Due, machine: Machine) -> str | None:
    """Say why a machine cannot run a drill however idle it is, with both numbers; None where it can."""
    if pool_of(due) != pool_of(machine):
        return f"its pool is {pool_of(due)}, {machine.name} serves {pool_of(machine)}"
    for what, needed, has in (("memory", due.memory, machine.memory), ("disk", due.disk, machine.disk)):
        if needed > has:
            return f"needs {disk.size(needed)} of {what}, {machine.name} has {disk.size(has)}"
    return None


def nowhere(due: Due, machines: Sequence[Machine]) -> str | None:
    """Say why none of the machines can run a drill; None where one can."""
    serving = [each for each in machines if pool_of(each) == pool_of(due)]
    if not serving:
        pools = ", ".join(dict.fromkeys(map(pool_of, machines))) or "none"
        return f"no machine serves its pool {pool_of(due)}; pools that are served: {pools}"
    reasons = [unfit(due, each) for each in serving]
    if None in reasons:
        return None
    for what, needed, has in (
        ("memory", due.memory, max(each.memory for each in serving)),
        ("disk", due.disk, max(each.disk for each in serving)),
    ):
        if needed > has:
            return f"needs {disk.size(needed)} of {what}, the largest machine of pool {pool_of(due)} has {disk.size(has)}"
    return "; ".join(filter(None, reasons))
