"""Looks for the two reasons to restore a service: it is down, or data are gone.

It finds the backup that helps, and restores nothing. What is wrong with a service is found by its type (`Service.health`), and
counts when every look of several sees the same. What cannot be looked at, or does not answer in time, is said to be so.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backups import chains as chaining
from backups import durations, suspicion
from backups.chains import Chain
from backups.config.settings import Watch
from backups.errors import Damaged, LifeboatError
from backups.machine import parallel
from backups.machine.docker import Docker
from backups.manifest import BACKUP, BackupRecord, Manifest
from backups.repository import trust
from backups.services.base import Problem, Service
from backups.services.identified import another
from backups.site import Site
from backups.witness import Fact
from verification.evidence import repositories, store
from verification.evidence.store import Proof

log = logging.getLogger(__name__)

_AT_ONCE = 8
_PATIENCE = 150.0
"""Seconds for one look: a service that is given up for its silence (60 s) says so itself before."""
_PASSED_OVER = 5
"""Backups in a row whose manifests cannot be read before that is what is wrong."""


@dataclass(frozen=True)
class Advice:
    """What would bring a service back: the backups of a chain, the last of which is the one to restore, and what is known of it.

    proof:   what the last drill of that backup has shown; None when it was never drilled
    drilled: the backup of this service that was drilled last, and what that has shown; None when none was
    """

    chain: tuple[BackupRecord, ...]
    proof: Proof | None
    drilled: tuple[BackupRecord, Proof] | None

    @property
    def backup(self) -> BackupRecord:
        """The backup to restore."""
        return self.chain[-1]


@dataclass(frozen=True)
class Sighting:
    """One service, looked at. error: why it or its data could not be looked at; advice: None when no backup helps.

    ahead: its backups that are dated in the future, and so are left out, a sentence each
    """

    service: str
    type: str
    seen_at: datetime
    problems: tuple[Problem, ...] = ()
    error: LifeboatError | None = None
    advice: Advice | None = None
    ahead: tuple[str, ...] = ()


def watch(
    site: Site,
    names: Sequence[str],
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    patience: float = _PATIENCE,
) -> list[Sighting]:
    """Look at the named services, side by side. Never raises for what it finds, nor for what keeps it from looking.

    patience: seconds for one look. A service that takes longer for all its looks is left alone, so that it keeps nobody waiting.
    """
    held: Mapping[str, Sequence[Chain]] | LifeboatError
    doubted: Collection[str] = ()
    try:
        snapshots = site.repository.snapshots(BACKUP, trust.TAG)
        backups = site.repository.listing(snapshots).backups
        held, doubted = chaining.chains(backups), {each.id for each in suspicion.doubted(backups, trust.read(snapshots))}
    except LifeboatError as error:
        held = error

    settings = site.settings.watch
    seconds = settings.looks * patience + (settings.looks - 1) * settings.pause.total_seconds()
    outcomes = parallel.in_time(
        lambda name: _look(site, name, held, doubted, sleep, now), names, at_once=_AT_ONCE, seconds=seconds
    )
    late = LifeboatError(
        f"no answer in {durations.describe(seconds)}",
        hint="the service, or the repository that holds its last witness, hangs: `lifeboat doctor` may say which",
    )
    return [
        outcome
        if isinstance(outcome, Sighting)
        else Sighting(name, site.settings.services[name].type, now(), error=late if outcome is None else outcome)
        for name, outcome in zip(names, outcomes, strict=True)
    ]


def _look(
    site: Site,
    name: str,
    held: Mapping[str, Sequence[Chain]] | LifeboatError,
    doubted: Collection[str],
    sleep: Callable[[float], None],
    now: Callable[[], datetime],
) -> Sighting:
    service = site.service(name, Docker())
    newest: Manifest | None = None
    members: tuple[Chain, ...] = ()
    advice, seen_at = None, now()
    future: list[str] = []
    unread = repositories.named(site, held, "lifeboat list", [name]) if isinstance(held, LifeboatError) else None
    if not isinstance(held, LifeboatError):
        members = tuple(chaining.present(held.get(name, ()), seen_at))
        future = [chaining.ahead_words(backup, seen_at) for backup in chaining.ahead(held.get(name, ()), seen_at)]
    if members:
        try:
            newest = _newest(site, members)
        except LifeboatError as error:
            unread = error
    seen, unseen = _look_repeatedly(service, newest.witness if newest else (), site.settings.watch, sleep)
    if newest and any(problem.kind == "loss" for problem in seen):
        seen, unseen = _of_the_same_server(service, newest, seen)
    if seen and members:
        try:
            advice = _advise(site, members, doubted, now())
        except LifeboatError as error:
            unread = error
    return Sighting(name, service.settings.type, now(), seen, unseen or unread, advice, tuple(future))


def _newest(site: Site, members: Sequence[Chain]) -> Manifest:
    """Read the newest backup that there is: one that turns out to be none, or damaged, is named and passed over."""
    backups = sorted((backup for chain in members for backup in chain.backups), key=lambda backup: backup.taken_at)
    for older in reversed(range(len(backups))):
        try:
            return site.repository.manifest(backups[older])
        except Damaged as fault:
            if not older or older == len(backups) - _PASSED_OVER:
                raise
            log.warning("%s: %s", backups[older].service, fault.message)
    raise AssertionError("a chain has a backup, and the oldest is read or raises")


def _look_repeatedly(
    service: Service, witness: Sequence[Fact], settings: Watch, sleep: Callable[[float], None]
) -> tuple[tuple[Problem, ...], LifeboatError | None]:
    """Return what every look has seen, or why one could not look. The first that finds nothing wrong is the last."""
    looks: list[tuple[Problem, ...]] = []
    unseen: LifeboatError | None = None
    for number in range(settings.looks):
        if number:
            log.info("%s: something is wrong; looking again in %s", service.name, durations.describe(settings.pause))
            sleep(settings.pause.total_seconds())
        try:
            looks.append(tuple(service.health(witness, settings.collapse)))
        except LifeboatError as error:
            unseen = error
        else:
            if not looks[-1]:
                return (), None
    if unseen:
        return (), unseen
    each = [{(problem.kind, problem.subject) for problem in look} for look in looks]
    same = tuple(problem for problem in looks[-1] if all((problem.kind, problem.subject) in seen for seen in each))
    if same:
        return same, None
    return (), LifeboatError(
        f"it changes from look to look what is wrong: first {looks[0][0].message}; last {looks[-1][0].message}",
        hint="look again in a while: lifeboat watch",
    )


def _of_the_same_server(
    service: Service, newest: Manifest, seen: tuple[Problem, ...]
) -> tuple[tuple[Problem, ...], LifeboatError | None]:
    """Return the losses when it is the server of the backup that has them, else why nothing is known of that one."""
    try:
        other = another(service, newest)
    except LifeboatError as error:
        return (), error
    if other is None:
        return seen, None
    return (), LifeboatError(
        f"{other}; there, {seen[0].message}",
        hint="is host right in lifeboat.yaml? if that server has taken its place, the next backup takes it as it is",
    )


def _advise(site: Site, members: Sequence[Chain], doubted: Collection[str], now: datetime) -> Advice | None:
    """Choose the newest backup that has not failed its proof, whose chain is whole, and that does not look suspicious.

    doubted: the backups that look suspicious, and that nobody trusts; each is passed over with a warning
    """
    proofs = store.proofs(site.repository, now)
    backups = {backup.id: (backup, chain) for chain in members for backup in chain.backups}
    drilled = next(((backups[identifier][0], proof) for identifier, proof in proofs.items() if identifier in backups), None)
    for backup, chain in sorted(backups.values(), key=lambda entry: entry[0].taken_at, reverse=True):
        proof = proofs.get(backup.id)
        if proof and proof.verdict == "failed":
            continue
        if backup.id in doubted:
            log.warning("%s: %s is passed over: it looks suspicious: %s", backup.service, backup.id, suspicion.words(backup))
            continue
        try:
            return Advice(chain.up_to(backup.id), proof, drilled)
        except Damaged as damage:
            log.warning("%s: %s", backup.service, damage.message)
    return None
