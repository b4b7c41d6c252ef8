"""Looks for the two reasons to restore a service: it is down, or data are gone.

It finds the backup that helps, and restores nothing. What is wrong with a service is found by its type (`Service.health`).
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backups import chains as chaining
from backups import durations
from backups.chains import Chain
from backups.config.settings import Watch
from backups.errors import Damaged, LifeboatError
from backups.machine import parallel
from backups.machine.docker import Docker
from backups.manifest import BackupRecord
from backups.services.base import Problem, Service
from backups.site import Site
from backups.witness import Fact
from verification.evidence import store
from verification.evidence.store import Proof

log = logging.getLogger(__name__)

_AT_ONCE = 8
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
) -> list[Sighting]:
    """Look at the named services, side by side. Never raises for what it finds, nor for what keeps it from looking."""
    held: Mapping[str, Sequence[Chain]] | LifeboatError
    try:
        held = chaining.chains(site.repository.backups())
    except LifeboatError as error:
        held = error

    outcomes = parallel.side_by_side(lambda name: _look(site, name, held, sleep, now), names, at_once=_AT_ONCE)
    return [
        Sighting(name, site.settings.services[name].type, now(), error=outcome) if isinstance(outcome, LifeboatError) else outcome
        for name, outcome in zip(names, outcomes, strict=True)
    ]


def _look(
    site: Site,
    name: str,
    held: Mapping[str, Sequence[Chain]] | LifeboatError,
    sleep: Callable[[float], None],
    now: Callable[[], datetime],
) -> Sighting:
    service = site.service(name, Docker())
    witness: Sequence[Fact] = ()
    members: tuple[Chain, ...] = ()
    advice, seen_at = None, now()
    future: list[str] = []
    unread = held if isinstance(held, LifeboatError) else None
    if not isinstance(held, LifeboatError):
        members = tuple(chaining.present(held.get(name, ()), seen_at))
        future = [chaining.ahead_words(backup, seen_at) for backup in chaining.ahead(held.get(name, ()), seen_at)]
    if members:
        try:
            witness = _newest_witness(site, members)
        except LifeboatError as error:
            unread = error
    seen, unseen = _look_repeatedly(service, witness, site.settings.watch, sleep)
    if seen and members:
        try:
            advice = _advise(site, members, now())
        except LifeboatError as error:
            unread = error
    return Sighting(name, service.settings.type, now(), seen, unseen or unread, advice, tuple(future))


def _newest_witness(site: Site, members: Sequence[Chain]) -> Sequence[Fact]:
    """Read the newest witness there is: a backup that turns out to be none, or damaged, is named and passed over."""
    backups = sorted((backup for chain in members for backup in chain.backups), key=lambda backup: backup.taken_at)
    for older in reversed(range(len(backups))):
        try:
            return site.repository.manifest(backups[older]).witness
        except Damaged as fault:
            if not older or older == len(backups) - _PASSED_OVER:
                raise
            log.warning("%s: %s", backups[older].service, fault.message)
    return ()


def _look_repeatedly(
    service: Service, witness: Sequence[Fact], settings: Watch, sleep: Callable[[float], None]
) -> tuple[tuple[Problem, ...], LifeboatError | None]:
    """Return what the last of several looks saw, or why it could not look. The first that finds nothing wrong is the last."""
    left = settings.looks
    while True:
        left -= 1
        try:
            seen = tuple(service.health(witness, settings.collapse))
            if not seen or not left:
                return seen, None
        except LifeboatError as error:
            if not left:
                return (), error
        log.info("%s: something is wrong; looking again in %s", service.name, durations.describe(settings.pause))
        sleep(settings.pause.total_seconds())


def _advise(site: Site, members: Sequence[Chain], now: datetime) -> Advice | None:
    """Choose the newest backup that has not failed its proof and whose chain is whole."""
    proofs = store.proofs(site.repository, now)
    backups = {backup.id: (backup, chain) for chain in members for backup in chain.backups}
    drilled = next(((backups[identifier][0], proof) for identifier, proof in proofs.items() if identifier in backups), None)
    for backup, chain in sorted(backups.values(), key=lambda entry: entry[0].taken_at, reverse=True):
        proof = proofs.get(backup.id)
        if proof and proof.verdict == "failed":
            continue
        try:
            return Advice(chain.up_to(backup.id), proof, drilled)
        except Damaged as damage:
            log.warning("%s: %s", backup.service, damage.message)
    return None
