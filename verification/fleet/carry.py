"""Runs the drills of a run's tickets on this machine of the fleet, unless it lacks what they need, and delivers each result.

The machine has Docker, the repository's key and its lifeboat.yaml. Next file: `verification/verify.py`.
"""

import logging
import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

from backups.errors import LifeboatError, Transient
from backups.machine import disk, locks, runs
from backups.site import Site
from verification import verify
from verification.drill import expectations
from verification.evidence.evidence import DrillResult
from verification.fleet import results
from verification.fleet.ticket import Ticket, planned

log = logging.getLogger(__name__)

_AWAY = timedelta(minutes=10)
"""How long a repository that does not answer is tried: what was drilled for hours is not given up at once."""
VARIABLE = "LIFEBOAT_MACHINE"
"""What the environment of a machine's worker holds its name in, where that is not the host's."""


def name() -> str:
    """Return this machine's name in `fleet.machines`."""
    return os.environ.get(VARIABLE) or platform.node() or "unknown"


def carry_out(
    site: Site,
    tickets: Sequence[Ticket],
    *,
    here: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[], None] = lambda: time.sleep(15),
    prepare: Callable[[], None] = expectations.load,
    wanted: Callable[[Ticket], bool] = lambda _: True,
    each: Callable[[Ticket, Callable[[], str | None]], str | None] = lambda _, drill: drill(),
) -> str | None:
    """Run the drills of a run's tickets one after another, and keep each result in the repository as soon as it is there.

    Returns why this machine, `here`, does not run one of them, None when it has run all; those behind that one are not begun.
    Raises LifeboatError when a drill cannot be planned, or its result cannot be kept: then nothing is known of the backup.
    prepare: does what takes seconds, while the drill before these runs, which has the slot until it ends
    wanted: whether a ticket is still to be carried out; a LifeboatError says that it is not known, and it is
    each: shows a drill while it runs, and returns what that returns
    pause: waits a moment before a repository that did not answer is asked to keep it once more, which goes on for ten minutes
    """
    if why := unwilling(site, tickets[0], here):
        return why
    prepare()
    with ExitStack() as slot:
        slot.enter_context(locks.waited_for(site.state / "slots" / str(tickets[0].slot)))
        for at, ticket in enumerate(tickets, 1):
            try:
                if not wanted(ticket):
                    log.info("%s: it was taken back", ticket.title)
                    continue
            except LifeboatError as fault:
                # What is away takes nothing back.
                log.warning("%s: it is drilled, although %s", ticket.title, fault.message)
            # Behind the last one the next run may begin while its result is kept.
            free = slot.close if at == len(tickets) else lambda: None
            if why := each(ticket, partial(_drill, site, ticket, here, now, pause, free)):
                return why
    return None


def _drill(
    site: Site,
    ticket: Ticket,
    here: str,
    now: Callable[[], datetime],
    pause: Callable[[], None],
    free: Callable[[], None],
) -> str | None:
    """Run one drill, free its slot, and keep its result; returns why this machine does not run it."""
    if why := unwilling(site, ticket, here):
        return why
    there = site.at(ticket.repository)
    with runs.start(site.state) as run:
        try:
            run.docker.client()
        except LifeboatError as fault:
            return fault.message
        result = verify.drill_one(there, planned(there, ticket, now()), run, now=now)
    free()
    _keep(site, there, ticket, result, now, pause)
    return None


def _keep(
    site: Site, there: Site, ticket: Ticket, result: DrillResult, now: Callable[[], datetime], pause: Callable[[], None]
) -> None:
    # It is proven that the one it was fetched from can be read, and the coordinator looks there, too.
    takers = {each.repository_name: each.repository for each in (site.at(None), there)}
    until = now() + _AWAY
    while True:
        faults = []
        for repository in takers.values():
            try:
                results.deliver(result, ticket, repository, now())
            except LifeboatError as fault:
                faults.append(fault)
            else:
                return
        if now() > until or not any(isinstance(each, Transient) for each in faults):
            raise faults[0]
        log.warning("%s: its result cannot be kept yet, and is tried again: %s", ticket.title, faults[0].message)
        pause()


def unwilling(site: Site, ticket: Ticket, here: str) -> str | None:
    """Say why this machine cannot run a drill, before anything of it is fetched: with both numbers where it is too small."""
    if ticket.machine != here:
        return (
            f"this is {here}, and the drill was sent to {ticket.machine}: a worker takes from its own machine's work queue alone"
        )
    if ticket.service not in site.settings.services:
        return f"lifeboat.yaml of {here} has no service {ticket.service}"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = shutil.disk_usage(next(path for path in (site.state, *site.state.parents) if path.exists())).free
    for what, needed, has in (("memory", ticket.memory, memory), (f"disk below {site.state}", ticket.disk, free)):
        if needed > has:
            return f"needs {disk.size(needed)} of {what}, {here} has {disk.size(has)}"
    return None
