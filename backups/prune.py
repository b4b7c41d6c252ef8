"""Carries out retention: forgets the chains that the plan deletes, the newest backup of each first, then frees their space.

Killed anywhere, it leaves whole chains, or shorter ones that can still be restored; the next run does the rest.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from backups import deleted, durations, plural, retention
from backups.chains import chains
from backups.errors import LifeboatError
from backups.generations import Generations
from backups.machine import locks, runs
from backups.manifest import BackupRecord
from backups.repositories.alone import alone
from backups.repository import chains_in_use
from backups.repository.repository import Repository
from backups.retention import Decision, Policy, Rules
from backups.site import Site

_SILENCE = timedelta(days=3)
"""How much longer than the RPO the repository may be given nothing before the clock is doubted: three nights that failed for
every service. Not much longer: a jump of the clock that is believed ages every chain by as much."""

log = logging.getLogger(__name__)


def plan(
    site: Site,
    backups: Sequence[BackupRecord],
    verified: Mapping[str, datetime],
    *,
    now: datetime,
    failed: Collection[str] = (),
    held: Mapping[str, str] | None = None,
    trust_clock: bool = False,
    gone: Sequence[datetime] | None = None,
) -> list[Decision]:
    """Decide every chain in the site's repository.

    backups:     all that it holds
    verified:    backup id -> when it was last proven
    failed:      the ids of chains that failed their drill
    held:        services of which nothing is deleted for now, and why
    trust_clock: believe `now`, however far it is from everything in the repository
    gone:        when the backups that prune has deleted had been taken; None: as this machine has kept it
    """
    there = chains(backups)
    read = {chain.id for members in there.values() for chain in members if chains_in_use.is_read(site.state, chain.id)}
    policy = rules(site, trust_clock=trust_clock)
    gone = gone_before(site) if gone is None else gone
    decisions = retention.plan(there, verified, policy, now=now, reading=read, failed=failed, held=held, deleted=gone)
    if doubted := [decision for decision in decisions if decision.doubted]:
        log.warning(
            "this machine's clock says %s, and %s: either the clock has jumped, or no backup ran; %s kept until there are new "
            "backups of %s; if the clock is right and they must go now: lifeboat prune --trust-clock",
            f"{now:%Y-%m-%d %H:%M %Z}",
            doubted[0].reason.rpartition(": ")[2],
            f"{plural.count(len(doubted), 'chain')} {'is' if len(doubted) == 1 else 'are'}",
            durations.describe(rules(site).window),
        )
    return decisions


def rules(site: Site, *, trust_clock: bool = False) -> Policy:
    """Return by what chains stay in the site's repository; trust_clock: see `plan`."""
    retained = site.retention
    silence = None if trust_clock else allowed_silence(site)
    if retained.generations:
        return Generations(retained.generations, ZoneInfo(site.settings.timezone), silence)
    return Rules(retained.keep, retained.delete_after, silence)


def allowed_silence(site: Site) -> timedelta:
    """Return for how long the repository may have been given nothing before the clock is doubted."""
    return site.settings.objectives.rpo + _SILENCE


def gone_before(site: Site) -> list[datetime]:
    """Return when the backups had been taken that prune has deleted from the site's repository, as this machine has kept it."""
    return deleted.read(_deleted(site))


def doubt(site: Site, times: Iterable[datetime], *, now: datetime, trust_clock: bool = False) -> str | None:
    """Say why the clock is doubted, when things were saved in the site's repository at these times; see `retention.doubt`.

    times: those of what prune has deleted as well (`gone_before`)
    """
    return retention.doubt(times, now, rules(site, trust_clock=trust_clock))


def carry_out(site: Site, decisions: Sequence[Decision], evidence: Sequence[str] = (), *, now: datetime) -> int:
    """Delete what the plan does not keep, and the snapshots in `evidence`; returns how many backups were deleted.

    now: the one of the plan

    A chain that a drill or a restore on this machine has begun to read since the plan stays this time, and so do the chains
    of a service that is being backed up. Raises LifeboatError when another prune runs here, or when the repository is
    append-only from here; Transient when it cannot be reached or is locked by another machine; the next run deletes the rest.
    """
    repository, state = site.repository, site.state
    name = _further(site)
    going = [decision for decision in decisions if not decision.keep]
    with ExitStack() as stack:
        stack.enter_context(
            locks.at_once(
                state / "locks" / "prune.lock",
                "a prune is already running on this machine",
                hint="wait for it to end; nothing was changed",
            )
        )
        if name:
            # A copy that has begun may be about to add an incremental to a chain that goes.
            stack.enter_context(alone(state, name, site.settings.backup.patience))
        # Outlives a kill: the next run frees the space even when it has nothing left to forget.
        owed = state / f"prune-owed{f'-{name}' if name else ''}"
        if going or evidence or owed.exists():
            repository.require_deletions("prune")
        if going or evidence:
            owed.touch()
        if going:
            # Before the deletion: killed in between, it knows too much, and the backups in question are still there.
            times = [backup.taken_at for decision in going for backup in decision.chain.backups]
            deleted.remember(_deleted(site), times, now=now, rules=rules(site))
        count = sum(_delete(repository, decision, state) for decision in going)
        repository.forget(evidence)
        if owed.exists():
            repository.prune()
            owed.unlink()
    return count


def _further(site: Site) -> str | None:
    """Return the name of the site's repository when it is a further one."""
    return site.repository_name if site.repository_name in site.further else None


def _deleted(site: Site) -> Path:
    return deleted.file(site.state, _further(site))


def _delete(repository: Repository, decision: Decision, state: Path) -> int:
    """Forget one chain; returns how many backups were deleted: all of its, or none when it is in use.

    The newest goes first: whatever is killed in between leaves a shorter chain, never a broken one.
    """
    with ExitStack() as stack:
        unread = stack.enter_context(chains_in_use.kept_out(state, decision.chain.id))
        busy = None if unread else "a drill or a restore has begun to read it"
        try:
            # A backup that begins now could build on what is going.
            stack.enter_context(runs.one_at_a_time(state, decision.service))
        except LifeboatError as error:
            busy = error.message
        if busy:
            log.warning("%s: chain %s stays this time: %s", decision.service, decision.chain.id, busy)
            return 0
        size = len(decision.chain.backups)
        backups = plural.count(size, "backup")
        log.info("%s: deleting chain %s (%s): %s", decision.service, decision.chain.id, backups, decision.reason)
        for backup in reversed(decision.chain.backups):
            repository.forget([backup.snapshot])
        return size
