"""Decides which backups and which evidence are deleted, from one listing of the repository, and deletes them.

The rules: `backups/retention.py` for backups, `evidence/retention.py` for evidence. The deletion: `backups/prune.py`.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backups import prune, suspicion
from backups.errors import LifeboatError
from backups.follow.piece import LOG, Piece, obsolete, read
from backups.manifest import BACKUP
from backups.repository import ahead, trust
from backups.repository.listing import Snapshot
from backups.retention import Decision
from backups.site import Site
from verification.evidence import delivered, store
from verification.evidence import retention as evidence_retention
from verification.evidence.failures import failed_chains
from verification.evidence.retention import EvidenceDecision

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """A decision as tables show it. subject: a chain, or an evidence snapshot; backups: how many it holds, or is about."""

    service: str
    subject: str
    backups: int
    keep: bool
    reason: str

    @property
    def decision(self) -> str:
        """What happens to it."""
        return "stays" if self.keep else "goes"


@dataclass(frozen=True)
class Plan:
    """What happens to every chain and to every evidence snapshot in the repository, and the pieces of followed logs that go.

    ahead: what goes of that which backups that were killed have saved ahead
    results: of single drills, which no verification collects any more
    """

    now: datetime
    """By what time it was decided."""
    chains: Sequence[Decision]
    evidence: Sequence[EvidenceDecision]
    pieces: Sequence[Piece] = ()
    ahead: Sequence[Snapshot] = ()
    results: Sequence[Snapshot] = ()

    @property
    def rows(self) -> list[Row]:
        """Every decision, the chains first."""
        return [
            *(Row(each.service, each.chain.id, len(each.chain.backups), each.keep, each.reason) for each in self.chains),
            *(Row(each.of, each.snapshot[:8], each.proven, each.keep, each.reason) for each in self.evidence),
            *(
                Row(each.service, f"log behind {each.after}", 0, keep=False, reason="backups hold it, or its own backup is gone")
                for each in self.pieces
            ),
            *(Row("backup", each.id[:8], 0, keep=False, reason="a backup that did not end has left it") for each in self.ahead),
            *(
                Row("drill", each.id[:8], 0, keep=False, reason="a verification that did not end has left it")
                for each in self.results
            ),
        ]


def plan(site: Site, *, now: datetime, held: Mapping[str, str] | None = None, trust_clock: bool = False) -> Plan:
    """Decide everything in the site's repository, which is listed once. Changes nothing.

    held: services of which nothing is deleted because of what another repository holds, and why (None: of a further repository,
    what looks suspicious in the first, and all of them while that cannot be read); what looks suspicious in this one holds its
    services in any case
    trust_clock: believe `now`, however far it is from everything in the repository
    """
    snapshots = site.repository.snapshots(BACKUP, LOG, ahead.TAG, delivered.TAG, trust.TAG, *evidence_retention.TAGS)
    listing = site.repository.listing(snapshots)
    backups = listing.backups
    pieces = read(snapshots)
    if held is None:
        services = {each.service for each in backups} | {each.service for each in pieces}
        held = _held_by_the_first(site, services) if site.repository_name in site.further else {}
    still = {**held, **suspicion.held(backups, trust.read(snapshots))}
    proofs = store.proofs_among(site.repository, snapshots, now)
    verified, failed = store.proven_at(proofs), failed_chains(backups, proofs)
    odd = {each.snapshot for each in store.odd_proofs(snapshots)}
    # What is odd is nobody's to delete by itself: whoever looks at it decides.
    reports = [each for each in snapshots if {*each.tags} & {*evidence_retention.TAGS} and each.id not in odd]
    gone = prune.gone_before(site)
    return Plan(
        now,
        prune.plan(site, backups, verified, now=now, failed=failed, held=still, trust_clock=trust_clock, gone=gone),
        evidence_retention.decide(site, reports, backups, gone, now=now, trust_clock=trust_clock),
        [piece for piece in obsolete(pieces, backups, listing.claims) if piece.service not in still],
        ahead.obsolete(snapshots, now),
        delivered.obsolete(snapshots, now),
    )


def _held_by_the_first(site: Site, services: Iterable[str]) -> dict[str, str]:
    """Say of which services a further repository deletes nothing: a suspicious backup may not have been copied yet.

    While the first one cannot be read, what is there may be all that is left: then of none of `services`.
    """
    first = site.at(None).repository
    try:
        snapshots = first.snapshots(BACKUP, trust.TAG)
        return suspicion.held(first.listing(snapshots).backups, trust.read(snapshots))
    except LifeboatError as fault:
        why = f"prune stands still: whether a backup in the first repository looks suspicious cannot be read: {fault.message}"
        log.warning("%s: %s", site.repository_name, why)
        return dict.fromkeys(services, why)


def passed_over(site: Site) -> str | None:
    """Say why the site's repository is not pruned when all are: a further one that is not there yet, or refuses deletions."""
    if site.repository_name not in site.further:
        return None
    if site.repository.recognise() is None:
        return f"the repository {site.repository_name} is not there yet: the first copy makes it"
    if site.repository.is_append_only():
        return (
            f"the repository {site.repository_name} is append-only from this machine: it is pruned where it may be deleted from"
        )
    return None


def carry_out(site: Site, planned: Plan) -> int:
    """Delete what the plan does not keep; returns how many backups were deleted. Raises as `backups.prune.carry_out` does."""
    going = [each.snapshot for each in planned.evidence if not each.keep] + [each.snapshot for each in planned.pieces]
    going += [each.id for each in (*planned.ahead, *planned.results)]
    return prune.carry_out(site, planned.chains, going, now=planned.now)
