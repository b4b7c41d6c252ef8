"""Backs several services up side by side; one that fails does not stop the others.

Next file: `backup.py`, one backup.
"""

from collections.abc import Callable, Sequence

from backups.errors import LifeboatError
from backups.machine import parallel
from backups.manifest import Kind, Manifest
from backups.proofs import Proofs
from backups.site import Site

Outcomes = list[tuple[str, Manifest | LifeboatError]]
"""For each service the manifest of its backup, or its fault."""

RunAll = Callable[[Sequence[str], int], Sequence[Manifest | Exception]]
"""Backs up the named services, so many at once; results in their order, a fault in the place of its result."""


def back_up_all(site: Site, names: Sequence[str], run_all: RunAll) -> Outcomes:
    """Back the named services up by `run_all`, as many at once as `backup.side_by_side` allows."""
    results = run_all(names, site.settings.backup.side_by_side)
    return [
        (name, parallel.as_fault(result) if isinstance(result, Exception) else result)
        for name, result in zip(names, results, strict=True)
    ]


def in_this_process(site: Site, *, kind: Kind | None, standalone: bool, proofs: Proofs) -> RunAll:
    """A `RunAll` by threads of this process; for its arguments see `backups.backup.back_up`."""
    return lambda names, at_once: parallel.side_by_side(
        lambda name: site.back_up(name, kind=kind, standalone=standalone, proofs=proofs), names, at_once=at_once
    )


def failed(outcomes: Outcomes) -> list[str]:
    """The services whose backup was not taken."""
    return [name for name, outcome in outcomes if isinstance(outcome, LifeboatError)]
