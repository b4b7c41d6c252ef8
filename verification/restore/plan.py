"""Plans a restore before the first byte: what comes back, to where, how long that took in a drill, and what is lost."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backups import chains as chaining
from backups import suspicion
from backups.errors import Damaged, LifeboatError
from backups.follow import beyond, piece
from backups.follow.beyond import Beyond
from backups.follow.piece import LOG, Piece
from backups.machine import disk, locks
from backups.machine.docker import Docker
from backups.manifest import BACKUP, BackupRecord, Manifest
from backups.repository import trust
from backups.repository.listing import Listing, Snapshot
from backups.repository.repository import Repository
from backups.repository.trust import Trust
from backups.services.base import Point, Service
from backups.services.traced import HasRows
from backups.site import Site
from verification.drill import images
from verification.evidence import store
from verification.evidence.evidence import MomentPart
from verification.evidence.store import TAG
from verification.restore import elsewhere
from verification.restore.moment import Choice, RestorePoints, require_log
from verification.restore.order import Order, Timed
from verification.restore.target.api import ApiTarget
from verification.restore.target.base import Target
from verification.restore.target.open import open_target
from verification.restore.target.place import PlaceTarget

log = logging.getLogger(__name__)

_UNREACHED = "the source does not answer, so what is newer there is not known"


class Manifests:
    """Reads the manifests of a repository's backups, each once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._read: dict[str, Manifest] = {}

    def __call__(self, record: BackupRecord) -> Manifest:
        """Read the manifest of a backup; raises Damaged when it is not whole."""
        if record.snapshot not in self._read:
            self._read[record.snapshot] = (
                beyond.manifest(record, self._repository) if isinstance(record, Beyond) else self._repository.manifest(record)
            )
        return self._read[record.snapshot]


@dataclass(frozen=True)
class Plan:
    """A restore that may begin.

    manifests: those of the backups that come back, as far as they have been read
    held: the names of what the target holds now, sorted; its `replacement` says what happens to it
    needed: bytes that come out of the repository. promised: the phases of the service's last drill; empty when there was none
    image: what the copy will run on, and its id
    lost_seconds: from the moment that comes back until now; of a transaction, from the backup before it
    lost: what the live source holds beyond the backup, a line each
    foreseen: what becomes of what a running server holds, a line each
    repository: the name of the one that it comes from, where that is not the first
    """

    order: Order
    service: Service
    choice: Choice
    manifests: Manifests
    target: Target
    held: Sequence[str]
    needed: int
    promised: Sequence[Timed]
    image: str
    lost_seconds: float
    lost: Sequence[str]
    foreseen: Sequence[str] = ()
    repository: str | None = None

    def lost_since(self, moment: MomentPart | None, now: datetime) -> float:
        """Return from how long before `now` on nothing comes back. moment: where the copy stood: when a transaction was."""
        if isinstance(self.order.at, Point) and moment and moment.until:
            return max(0.0, (now - moment.until).total_seconds())
        return self.lost_seconds

    @property
    def promised_seconds(self) -> float | None:
        """How long the last drill took until its check was done."""
        return sum(phase.seconds for phase in self.promised) if self.promised else None


ANYWAY = "; or go on all the same: --anyway"
"""The end of a restore's hints; a masked copy is of a proven backup, or is none."""


def plan(site: Site, order: Order, docker: Docker, *, now: datetime) -> Plan:
    """Plan a restore to the place that its order names; see `planned`."""
    site = site.at(order.repository) if order.repository else site
    (name,) = site.chosen([order.service])
    target = open_target(order.to, site, docker, site.service(name, docker), served=not order.tables)
    return planned(site, order, docker, target, now=now, otherwise=ANYWAY)


def planned(site: Site, order: Order, docker: Docker, target: Target, *, now: datetime, otherwise: str = "") -> Plan:
    """Choose what comes back, and check the target, the room there and what would be lost. Changes nothing.

    otherwise: the end of hints, how to go on all the same; empty where nothing allows that
    Raises LifeboatError when it cannot be done: no such backup or moment, a target that holds something, too little room. Where
    the repository does not give the backup, the hint offers the other ones.
    """
    (name,) = site.chosen([order.service])
    service = site.service(name, docker)
    repository = site.repository
    manifests = Manifests(repository)
    _require_one_moment(order)
    if isinstance(order.at, Point):
        require_log(service, order.at)
    with elsewhere.offered(site, order, now):
        snapshots = repository.snapshots(BACKUP, TAG, LOG, trust.TAG)
        pieces = piece.read(snapshots)
        listing = repository.listing(snapshots)
        choice = choose(listing, manifests, service, order, now, pieces)
        manifest = manifests(choice.backup)
    if why := doubts(choice.records, listing.backups, trust.read(snapshots)):
        log.warning("%s", why)
    if choice.later and not order.anyway:
        require_unrefuted(repository, snapshots, choice.later, order, now, otherwise)
    if order.tables and not isinstance(target, PlaceTarget):
        raise LifeboatError(
            f"single tables come as files of SQL, which cannot be put to {target}; nothing was changed",
            hint="name a directory for them: --to local:/directory, ssh:HOST:/directory or docker:CONTAINER:/directory",
        )
    if order.tables and not choice.point:
        require_tables(service, order, manifest)
    image = images.choose(name, service.settings.image, manifest.source, order.image, docker.present)
    target.require_takes(service, manifest)
    foreseen = target.foresee(service, choice.backup, manifests, repository) if isinstance(target, ApiTarget) else []
    held = target.entries()
    if held and not (order.replace and target.replacement):
        shown = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
        raise LifeboatError(
            f"{target} holds something already: {shown}; nothing was changed",
            hint="name another place" + (f", or {target.replacement.offer}" if target.replacement else ""),
        )
    if not order.anyway:
        require_at_rest(target, otherwise)
    needed = sum(record.size for record in choice.records)
    what = f"the restore of {choice.backup.id}"
    target.require_room(needed, what)
    # The second replay has a copy of the data of its own.
    disk.require(_existing(site.state), needed * (2 if choice.point and order.second_replay else 1), what)
    moment = order.at if isinstance(order.at, datetime) and choice.point else choice.backup.taken_at
    return Plan(
        order=order,
        service=service,
        choice=choice,
        manifests=manifests,
        target=target,
        held=held,
        needed=needed,
        promised=promised(repository, snapshots, name, now),
        image=images.described(image, docker),
        lost_seconds=max(0.0, (now - moment).total_seconds()),
        lost=[*_followed(choice, pieces, order), *_lost(service, manifest)],
        foreseen=foreseen,
        repository=site.further_name,
    )


def _require_one_moment(order: Order) -> None:
    """Raise LifeboatError for an order that names both a backup and a moment."""
    if order.at is not None and order.backup != "latest":
        option = "--before" if isinstance(order.at, Point) and order.at.before else "--at"
        raise LifeboatError(f"--backup and {option} are two ways to say what comes back", hint="give one of them")


def require_tables(service: Service, order: Order, manifest: Manifest) -> None:
    """Raise LifeboatError for a table of which the backup's witness knows nothing; how a name is quoted, its copy looks at."""
    if not isinstance(service, HasRows):
        raise LifeboatError(
            f"{order.service} has no tables to restore one by one: only MySQL has; nothing was changed", hint="restore all of it"
        )

    def bare(table: str) -> str:
        return table.replace("`", "").casefold()

    known = {bare(fact.subject): fact.subject for fact in manifest.witness}
    for table in order.tables:
        if bare(table) not in known:
            near = [known[each] for each in difflib.get_close_matches(bare(table), known, n=3, cutoff=0.75)]
            raise LifeboatError(
                f"there is no table {table} in {manifest.id}; nothing was changed",
                hint=f"did you mean {', '.join(near)}?"
                if near
                else "a table is named database.table: see lifeboat log, or a report",
            )


def doubts(chosen: Sequence[BackupRecord], backups: Sequence[BackupRecord], trusts: Mapping[str, Trust]) -> str | None:
    """Say that one of the backups that come back looks suspicious, and which one before it does not; None where none does.

    backups: all that there are, oldest first
    """
    doubted = suspicion.doubted(chosen, trusts)
    if not doubted:
        return None
    first = doubted[0]
    believed = [each for each in suspicion.believed(backups, trusts) if each.service == first.service]
    before = [each for each in believed if each.taken_at < first.taken_at]
    instead = f"; the last one before it is {before[-1].id}" if before else "; there is none before it"
    return f"{first.id}, which comes back, looks suspicious: {suspicion.words(first)}{instead}"


def require_at_rest(target: Target, otherwise: str) -> None:
    """Raise LifeboatError when something runs on what the target holds: it would go on with files that are moved aside.

    otherwise: see `planned`
    """
    if why := target.in_use():
        raise LifeboatError(
            f"{target} is in use: {why}; nothing was changed",
            hint="stop it first, or set restore.stop and restore.start, which run at restore.to and the service's own place"
            f"{otherwise}{', and start it anew afterwards' if otherwise else ''}",
        )


def require_unrefuted(
    repository: Repository, snapshots: Sequence[Snapshot], later: BackupRecord, order: Order, now: datetime, otherwise: str
) -> None:
    """Raise Damaged when the newest proof of `later`, whose log leads to the moment, says that it does not come back equal.

    otherwise: see `planned`
    """
    proof = store.proofs_among(repository, snapshots, now).get(later.id)
    if proof is None or proof.verdict != "failed":
        return
    drill = store.newest_drill(repository, snapshots, later.id, now)
    if drill and drill.rto_met is False and not drill.failures and not drill.error:
        # It came back equal, and only too late: nothing is wrong with its log.
        return
    why = f": {drill.reasons[0]}" if drill and drill.reasons else ""
    moment = order.at if isinstance(order.at, Point) else f"{order.at:%Y-%m-%d %H:%M:%S} UTC"
    raise Damaged(
        f"{moment} would be reached by the log of {later.id}, whose drill of {proof.at:%Y-%m-%d %H:%M} UTC failed{why}; "
        "nothing was changed",
        hint=f"take a backup before it: lifeboat list {later.service}; or verify that one again: "
        f"lifeboat verify {later.service} --backup {later.id}{otherwise}",
    )


def choose(
    held: Listing, manifests: Manifests, service: Service, order: Order, now: datetime, pieces: Sequence[Piece] = ()
) -> Choice:
    """Choose what comes back: nothing that is dated in the future, unless it is named by its id.

    Raises LifeboatError for what the repository does not hold, Damaged for a chain with a hole.
    """
    _require_one_moment(order)
    held.require_not_odd(order.backup)
    members = chaining.chains(held.backups).get(service.name, [])
    if order.backup == "latest":
        chaining.require_present(service.name, members, now)
        members = chaining.present(members, now)
    points = RestorePoints(service, members, manifests, pieces)
    if isinstance(order.at, datetime):
        return points.at(order.at)
    return points.at_position(order.at) if order.at is not None else points.of_backup(order.backup)


def promised(repository: Repository, snapshots: Sequence[Snapshot], service: str, now: datetime) -> list[Timed]:
    """Find the phases of the newest drill that brought the service back from this repository, by evidence among `snapshots`."""
    about = [
        snapshot
        for snapshot in snapshots
        if TAG in snapshot.tags
        and any(backup.startswith(f"{service}-") for backup in store.proven_by(snapshot, repository.known_as))
    ]
    for evidence in store.reports(repository, about, now):
        every = store.drills_in(repository, evidence)
        drills = [drill for drill in every if drill.service == service and drill.restore_seconds is not None]
        if drills:
            slowest = max(drills, key=lambda drill: drill.restore_seconds or 0)
            return [Timed(name=phase.name, seconds=phase.seconds) for phase in slowest.phases]
    return []


def lock(site: Site, target: str) -> Path:
    """Return the lock file of a target, for one restore at a time."""
    return site.state / "locks" / "targets" / f"{target.replace('/', '_')}.lock"


def in_use(site: Site, target: str) -> AbstractContextManager[None]:
    """Hold the target; raises LifeboatError while another restore on this machine does."""
    return locks.at_once(lock(site, target), f"another restore to {target} is running", hint="wait for it, or name another place")


def _followed(choice: Choice, pieces: Sequence[Piece], order: Order) -> list[str]:
    """Say that the log beyond the newest backup is kept, where that backup was asked for."""
    log = beyond.beyond(choice.backup, pieces) if order.at is None else None
    if log is None:
        return []
    return [
        f"its log is kept up to {log.taken_at:%Y-%m-%d %H:%M:%S} UTC: --at {log.taken_at:%Y-%m-%dT%H:%M:%SZ} brings that back"
    ]


def _lost(service: Service, manifest: Manifest) -> list[str]:
    try:
        return list(service.loss(manifest.witness))
    except LifeboatError:
        return [_UNREACHED]


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
