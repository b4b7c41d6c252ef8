"""Takes one backup: decides its kind, captures the service, writes the manifest and saves all of it as one snapshot.

The snapshot appears completely or not at all. What is captured depends on the service: next file `services/<type>/service.py`.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from backups import chains as chaining
from backups import compared, durations, forks, suspicion
from backups.chains import Chain
from backups.errors import ChainBroken, Damaged, LifeboatError
from backups.machine import disk
from backups.machine.runs import Run, one_at_a_time
from backups.manifest import BACKUP, DATA, BackupRecord, FileEntry, Kind, Manifest, Source
from backups.members import Members
from backups.past import said
from backups.proofs import Proofs
from backups.questions import Wanted
from backups.repository import ahead, trust
from backups.repository.repository import Repository
from backups.services.base import Captured, Fetched, Job, PanelsJob, Service
from backups.services.continuous import continuous

if TYPE_CHECKING:
    # Whoever only lists backups does not wait for Docker's library.
    from backups.machine.docker import Docker

log = logging.getLogger(__name__)

_FULL_EVERY = timedelta(days=7) - timedelta(hours=6)
"""`auto` takes a full when the chain's full is a week old, less six hours, since last week's may have started late."""


Followed = Callable[[str], Sequence[Fetched]]
"""Gives what was pulled of a service's log since the backup of that id."""


@dataclass(frozen=True)
class _Plan:
    """What to capture: the new backup's id and kind, why it is a full when none was asked for, what an incremental builds on,
    what a full follows, and the service's chains that the repository holds, as far as they could be read.

    left: what backups of the service that were killed have saved ahead. believed: the service's backups that it is compared with
    there: the snapshots before the chain was listed, see `forks.py`
    """

    id: str
    kind: Kind
    reason: str | None = None
    parents: Members | None = None
    before: Manifest | None = None
    held: Sequence[Chain] = ()
    left: Sequence[str] = ()
    believed: Sequence[BackupRecord] = ()
    there: frozenset[str] | None = None


def back_up(
    service: Service,
    repository: Repository,
    run: Run,
    state: Path,
    *,
    kind: Kind | None,
    standalone: bool = False,
    patience: timedelta = timedelta(0),
    proofs: Proofs = Proofs(),  # noqa: B008 - it is frozen
    questions: Callable[[Service], Wanted] = lambda service: Wanted(),  # noqa: ARG005
    followed: Followed = lambda _: (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Manifest:
    """Take one backup of `service` and return its manifest. `kind` None decides by the age of the chain's full.

    standalone: a full that later incrementals do not build on (the monthly service backup).
    patience: how long to wait for another backup of the service on this machine, instead of being refused.
    proofs: tell which chains failed their drill: none of them is built on, whatever `kind` says.
    questions: makes what the capture asks for dashboards; it never raises.
    followed: what was pulled of the service's log since the backup of that id, in order, on this machine.
    Raises LifeboatError (with a hint) for every fault; then the repository holds what it held before.
    """
    if standalone and kind == "incremental":
        raise LifeboatError(
            "a standalone backup is a full: it cannot be incremental", hint="leave --kind out, or give --kind full"
        )
    name = service.name
    with one_at_a_time(state, name, patience=patience, run=run):
        repository.ensure()
        started_at = now()
        plan = _plan(repository, name, "full" if standalone else kind, started_at, proofs)
        believed = plan.believed
        if continuous(service) and plan.kind == "full" and not standalone:
            plan = replace(plan, before=_before(repository, plan.held, started_at))
        staging = run.directory / name
        try:
            with ahead.saving(repository, name, staging / "snapshot", run, plan.left) as early:
                with disk.full_disk_reported(run.directory, f"the backup of {name}"):
                    wanted = questions(service)
                    plan, captured = _capture(
                        service, run, state, staging, plan, wanted.job, now, whole=early.begin, followed=followed
                    )
                    captured = _limited(captured, wanted.limits)
                    manifest = _manifest(service, plan, captured, staging, started_at, now(), standalone=standalone)
                    manifest = _with_image_id(manifest, run.docker)
                    manifest = compared.with_past(
                        manifest, staging / "snapshot" / DATA, believed, partial(_read, repository, plan)
                    )
                    manifest.write(staging / "snapshot")
                run.raise_if_cancelled()
                log.info("%s: saving %s to the repository", name, disk.size(manifest.size))
                snapshot = repository.save(
                    staging / "snapshot", host=name, tags=manifest.tags(), at=manifest.taken_at, ahead=early.finished()
                )
                repository.remember(manifest, snapshot)
                forks.prevent(repository, state, manifest, snapshot, plan.there)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    if manifest.past and manifest.past.signs:
        signs = said(manifest.past.signs)
        log.warning("%s: backup %s looks suspicious: %s; it is kept, and nothing of %s is pruned", name, manifest.id, signs, name)
    log.info("%s: backup %s is complete: %s, taken in %s", name, manifest.id, plan.kind, durations.describe(now() - started_at))
    return manifest


def _plan(repository: Repository, name: str, kind: Kind | None, at: datetime, proofs: Proofs) -> _Plan:
    """Decide the kind. A damaged, broken or failed chain is not extended: a full is taken instead, and the reason recorded."""
    plan = _Plan(_identifier(name, at, ()), "full", there=repository.names())
    try:
        tags = (BACKUP, ahead.TAG, trust.TAG, *(proofs.tags if kind != "full" else ()))
        snapshots = repository.snapshots(*tags)
        plan = replace(plan, left=ahead.left_by(name, snapshots))
        listing = repository.listing(snapshots)
        every = chaining.chains(listing.backups).get(name, [])
        there = [backup for chain in chaining.present(every, at) for backup in chain.backups]
        plan = replace(
            plan,
            id=_identifier(name, at, {backup.id for backup in listing.claims}),
            held=every,
            believed=suspicion.believed(there, trust.read(snapshots)),
        )
        if kind == "full":
            return plan
        newest = chaining.extendable(every, at)
        if newest:
            listing.require_undisputed(newest.id)
        decided, reason = _decide(kind, newest, at, proofs.failed(repository, snapshots, listing.backups, at))
        if newest is None and listing.unreadable:
            reason = str(listing.unreadable[0])
        if newest is None or decided == "full":
            return replace(plan, reason=reason)
        members = Members(repository, newest.backups)
        # The last one is read now: what nobody can read is not built on.
        members.of(newest.last.id)
        return replace(plan, kind="incremental", parents=members)
    except (ChainBroken, Damaged) as fault:
        log.warning("%s: %s; taking a full", name, fault.message)
        return replace(plan, reason=fault.message)


def _read(repository: Repository, plan: _Plan, record: BackupRecord) -> Manifest:
    """Return a backup's manifest, which the plan may have read already."""
    if plan.before and plan.before.id == record.id:
        return plan.before
    return (plan.parents.of(record.id) if plan.parents else None) or repository.manifest(record)


def _before(repository: Repository, held: Sequence[Chain], at: datetime) -> Manifest | None:
    """The last backup of the chain that a full follows. The full is taken without it, too."""
    try:
        newest = chaining.extendable(held, at)
        return repository.manifest(newest.last) if newest else None
    except (ChainBroken, Damaged):
        return None


def _decide(kind: Kind | None, newest: Chain | None, at: datetime, failed: Mapping[str, datetime]) -> tuple[Kind, str | None]:
    if newest is None:
        return "full", None if kind is None else "there is no chain to extend"
    if newest.id in failed:
        return "full", f"the chain of {newest.id} failed its drill on {failed[newest.id].astimezone(UTC):%Y-%m-%d %H:%M %Z}"
    age = at - newest.backups[0].taken_at
    if kind is None and age >= _FULL_EVERY:
        return "full", f"the chain's full is {durations.describe(age)} old"
    return "incremental", None


def _capture(
    service: Service,
    run: Run,
    state: Path,
    staging: Path,
    plan: _Plan,
    panels: PanelsJob | None,
    now: Callable[[], datetime],
    *,
    whole: Callable[[Path], None],
    followed: Followed,
) -> tuple[_Plan, Captured]:
    """Capture the service; when its chain cannot be extended, take a full instead and record why."""

    def say(line: str) -> None:
        run.raise_if_cancelled()
        log.info("%s: %s", service.name, line)

    def attempt(plan: _Plan) -> tuple[_Plan, Captured]:
        shutil.rmtree(staging, ignore_errors=True)
        data, work = staging / "snapshot" / DATA, staging / "work"
        for directory in (staging, staging / "snapshot", data, work):
            directory.mkdir(mode=0o711)
        parents = plan.parents or ()
        since = partial(followed, parents[-1].id) if parents else tuple
        return plan, service.capture(
            Job(
                plan.kind,
                data,
                work,
                parents,
                run.docker,
                state,
                say,
                now,
                plan.before,
                panels=panels,
                whole=whole,
                followed=since,
                numbers={each.id: each.sequence for each in plan.parents.records} if plan.parents else {},
            )
        )

    kind = "an incremental" if plan.kind == "incremental" else "a full"
    say(f"taking {kind} backup" + (f": {plan.reason}" if plan.reason else ""))
    try:
        return attempt(plan)
    except ChainBroken as broken:
        if plan.kind == "full":
            raise
        log.warning("%s: %s; taking a full instead", service.name, broken.message)
        before = plan.parents[-1] if plan.parents and continuous(service) else None
        return attempt(_Plan(plan.id, "full", broken.message, before=before))


def _limited(captured: Captured, limits: Sequence[str]) -> Captured:
    """The same with these limits beside its own."""
    if not limits:
        return captured
    return replace(captured, details={**captured.details, "limits": [*(captured.details.get("limits") or ()), *limits]})


def _manifest(
    service: Service,
    plan: _Plan,
    captured: Captured,
    staging: Path,
    started_at: datetime,
    finished_at: datetime,
    *,
    standalone: bool,
) -> Manifest:
    parent = plan.parents[-1] if plan.parents else None
    return Manifest(
        lifeboat=version("lifeboat"),
        id=plan.id,
        service=service.name,
        type=service.settings.type,
        kind=plan.kind,
        chain=parent.chain if parent else plan.id,
        sequence=parent.sequence + 1 if parent else 0,
        parent=parent.id if parent else None,
        standalone=standalone,
        reason=plan.reason,
        started_at=started_at,
        taken_at=captured.taken_at,
        finished_at=finished_at,
        source=Source(version=captured.source_version, image=service.settings.image),
        files=captured_files(staging / "snapshot" / DATA),
        details=dict(captured.details),
        witness=tuple(captured.witness),
    )


def _with_image_id(manifest: Manifest, docker: "Docker") -> Manifest:
    """Record which image the configured name means on this machine. Not every backup needs Docker, nor the image."""
    try:
        image = docker.present(manifest.source.image)
    except LifeboatError:
        image = None
    return manifest.model_copy(update={"source": manifest.source.model_copy(update={"image_id": image.id if image else None})})


def _identifier(service: str, at: datetime, taken: Collection[str]) -> str:
    """Return an id from the service and the second (UTC), with a number when that id is taken."""
    identifier = f"{service}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    candidates = chain([identifier], (f"{identifier}-{number}" for number in count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def captured_files(data: Path) -> tuple[FileEntry, ...]:
    """List the files that a capture left in its directory, as the manifest has them."""
    paths = sorted(path for path in data.rglob("*") if path.is_file() and not path.is_symlink())
    return tuple(FileEntry(path=path.relative_to(data).as_posix(), size=path.stat().st_size) for path in paths)
