"""Looks what a bare machine can bring back: its tools, the repositories that it reaches, and what each service comes from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backups import chains as chaining
from backups.chains import Chain
from backups.errors import ConfigError, Damaged, LifeboatError
from backups.machine import processes
from backups.machine.docker import Docker
from backups.manifest import BACKUP, BackupRecord
from backups.repository import trust
from backups.repository.repository import Repository
from backups.repository.trust import Trust
from backups.site import Site
from verification.evidence.rescues import ReachedPart
from verification.restore import plan as planning

_BASE = re.compile(r"local:/.*|ssh:[^:]+:/.*|docker:[^:/]+(:/.*)?")
_TOOLS = {"restic": "apt-get install restic", "ssh": "apt-get install openssh-client"}


@dataclass(frozen=True)
class Offer:
    """A service that can be brought back: from which repository, its newest backup there, and to where.

    repository, backup: None where none has a backup of it. to: None where nobody has said where to. why: it cannot be
    doubt: why that backup looks suspicious, and no person trusts it; that a newer one is not whole; None where neither is so
    """

    service: str
    type: str
    repository: str | None
    backup: BackupRecord | None
    to: str | None
    why: str | None
    hint: str | None = None
    doubt: str | None = None


@dataclass(frozen=True)
class Reached:
    """What was found. lacking: tools that are not here, a fault each; repositories: in the order of lifeboat.yaml."""

    lacking: Sequence[LifeboatError]
    repositories: Sequence[ReachedPart]
    offers: Sequence[Offer]


def look(site: Site, *, to_base: str | None, now: datetime) -> Reached:
    """Look at the tools and at every repository, and choose where each service comes from: the first that has its newest backup.

    to_base: a place below which each service gets a folder of its own (`docker:NAME`: a container NAME-SERVICE), instead of its
    restore.to. Raises ConfigError for one that is no place.
    """
    require_base(to_base)
    lacking = list(_lacking(site))
    newest: dict[str, dict[str, _Newest]] = {}
    parts = []
    for name in site.settings.every_repository:
        repository = site.at(name).repository
        why = None
        try:
            backups, trusts = _backups(repository)
            newest[name] = _newest(backups, trusts, now)
        except LifeboatError as fault:
            why = _said(fault)
        parts.append(ReachedPart(name=name, url=repository.shown_url, why=why))
    offers = [_offer(site, service, newest, to_base) for service in site.settings.rescue_order]
    return Reached(lacking, parts, offers)


def require_base(to_base: str | None) -> None:
    """Raise ConfigError for a base that is no place."""
    if to_base is not None and not _BASE.fullmatch(to_base):
        raise ConfigError(
            f"--to-base {to_base!r} names no place below which services can come back",
            hint="local:/srv/restored, ssh:HOST:/srv/restored, or docker:NAME for containers NAME-SERVICE",
        )


def _lacking(site: Site) -> list[LifeboatError]:
    found = []
    over_ssh = bool(site.settings.hosts) or any(each.url.startswith("sftp:") for each in site.settings.every_repository.values())
    for tool, hint in _TOOLS.items():
        if tool != "ssh" or over_ssh:
            try:
                processes.run([tool, "-V" if tool == "ssh" else "version"])
            except LifeboatError as fault:
                found.append(LifeboatError(fault.message, hint=fault.hint or hint))
    try:
        Docker().client()
    except LifeboatError as fault:
        found.append(fault)
    return found


def _backups(repository: Repository) -> tuple[list[BackupRecord], Mapping[str, Trust]]:
    if repository.recognise() is None:
        raise LifeboatError(f"there is no repository at {repository.shown_url}", hint="is its disk mounted?")
    snapshots = repository.snapshots(BACKUP, trust.TAG)
    return repository.listing(snapshots).backups, trust.read(snapshots)


@dataclass(frozen=True)
class _Newest:
    """A service's newest backup in a repository. whole: all of its chain is there; doubt: see Offer; broken: a newer one."""

    backup: BackupRecord
    whole: bool
    doubt: str | None = None
    broken: BackupRecord | None = None


def _newest(backups: Sequence[BackupRecord], trusts: Mapping[str, Trust], now: datetime) -> dict[str, _Newest]:
    """Return the newest backup of each service that has all of its chain; where none has, the newest, and restore says why."""
    newest: dict[str, _Newest] = {}
    for service, chains in chaining.chains(list(backups)).items():
        members = {
            backup.id: (backup, _whole(chain, backup)) for chain in chaining.present(chains, now) for backup in chain.backups
        }
        if not members:
            continue
        last, _ = max(members.values(), key=lambda each: each[0].taken_at)
        backup, needed = max(members.values(), key=lambda each: (bool(each[1]), each[0].taken_at))
        doubt = planning.doubts(needed or [backup], backups, trusts)
        newest[service] = _Newest(backup, bool(needed), doubt, None if needed and last.id == backup.id else last)
    return newest


def _whole(chain: Chain, backup: BackupRecord) -> Sequence[BackupRecord]:
    """Return the backups that a backup needs; none where one of them is not there."""
    try:
        return chain.up_to(backup.id)
    except Damaged:
        return ()


def _offer(site: Site, service: str, newest: Mapping[str, Mapping[str, _Newest]], to_base: str | None) -> Offer:
    settings = site.settings.services[service]
    held = {name: there[service] for name, there in newest.items() if service in there}
    place = max(held, key=lambda name: (held[name].whole, held[name].backup.taken_at), default=None)
    to = settings.restore.to if to_base is None else _below(to_base, service)
    why, hint = None, None
    if place is None:
        why = f"no repository that is reached holds a backup of {service}" if newest else "no repository is reached"
        hint = "mount or reach one of them, and start again: what is back stays"
    elif to is None:
        why = f"nobody has said where {service} is to come back: lifeboat.yaml has no restore.to for it"
        hint = "--to-base local:/srv/restored, below which each service gets a folder of its own"
    if place is None:
        return Offer(service, settings.type, None, None, to, why, hint)
    backup = held[place].backup
    said = [each for each in (held[place].doubt, _passed_over(held, backup)) if each]
    return Offer(service, settings.type, place, backup, to, why, hint, "; ".join(said) or None)


def _passed_over(held: Mapping[str, _Newest], backup: BackupRecord) -> str | None:
    """Say that a repository has a newer backup than the one that comes back, and not all that it needs."""
    for name, each in held.items():
        if each.broken and each.broken.taken_at > backup.taken_at:
            return f"{each.broken.id} is newer than {backup.id}, which comes back: the repository {name} has not all of its chain"
    return None


def _below(base: str, service: str) -> str:
    return f"{base}-{service}" if base.startswith("docker:") and base.count(":") == 1 else f"{base.rstrip('/')}/{service}"


def _said(fault: LifeboatError) -> str:
    return f"{fault.message} (hint: {fault.hint})" if fault.hint else fault.message
