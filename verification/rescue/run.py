"""Brings every service back from a recovery kit, one after the other in the chosen order, each verified as `restore` does.

One that fails does not stop the rest. What is back is noted in the kit's folder: a rescue that is started again goes on.
"""

import logging
import platform
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from backups.errors import LifeboatError
from backups.machine import parallel, private
from backups.machine.docker import Docker
from backups.site import Site
from backups.text import json_shown
from verification.drill.outcome import failed_checks
from verification.evidence import keys, rescues, signed
from verification.evidence.evidence import EXIT_CODES, Kept
from verification.evidence.rescues import KitPart, ReachedPart, Rescue, RescuedPart
from verification.evidence.signed import Drill, Predicate
from verification.rescue.reach import Offer, Reached
from verification.rescue.unpacked import Kit
from verification.restore.order import Order, Restoration
from verification.restore.restore import restore
from verification.restore.target.api import ApiTarget
from verification.restore.target.open import open_target
from verification.restore.words import hint_elsewhere

log = logging.getLogger(__name__)

_BACK = "back.json"
"""In the kit's folder: what earlier starts have brought back."""
_SINCE = "an earlier start brought it back; what it holds now was not compared again"
_PARTS = TypeAdapter(dict[str, RescuedPart])


def kit_part(kit: Kit) -> KitPart:
    """Say which kit it is, for the report."""
    told = kit.contents
    return KitPart(host=told.host, made_at=told.made_at, lifeboat=told.lifeboat, sha256=kit.sha256, missing=told.missing)


def rescue(
    kit: Kit,
    site: Site,
    folder: Path,
    reached: Reached,
    *,
    kept: bool = True,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Rescue:
    """Bring back what `reached` offers; returns the report, which is also written into the kit's folder.

    kept: keep it in the repository that the first service came from, too. Nothing is raised for a service that fails.
    """
    started_at, back = now(), _read(folder / _BACK)
    parts: list[RescuedPart] = []
    for offer in reached.offers:
        part = back.get(offer.service)
        if part is None or part.to != offer.to or not _is_there(site, part):
            part = bring_back(site, offer, reached.lacking)
        else:
            log.info("%s: is back already, in %s", offer.service, part.delivered)
        parts.append(part)
        if EXIT_CODES[part.verdict] == 0:
            since = () if part.earlier else (_SINCE,)
            back[offer.service] = part.model_copy(update={"earlier": True, "notes": (*part.notes, *since)})
            _write(folder / _BACK, _PARTS.dump_json(back, indent=1).decode())
    report = Rescue(
        kind="rescue",
        lifeboat=version("lifeboat"),
        machine=platform.node() or "unknown",
        started_at=started_at,
        finished_at=now(),
        kit=kit_part(kit),
        repositories=tuple(reached.repositories),
        services=tuple(parts),
        rto_seconds=site.settings.objectives.rto.total_seconds(),
    )
    return leave(report, site, reached.repositories, folder, kept=kept)


def bring_back(site: Site, offer: Offer, lacking: Sequence[LifeboatError] = ()) -> RescuedPart:
    """Restore one service to where it is to come back, and say what became of it. Raises nothing but an interrupt."""
    if offer.why or offer.repository is None or offer.to is None:
        return _not_back(offer, offer.why, offer.hint)
    if lacking:
        return _not_back(offer, lacking[0].message, lacking[0].hint)
    log.info("%s: comes back from the repository %s, to %s", offer.service, offer.repository, offer.to)
    there = site.at(offer.repository)
    # The very one that was offered: by now there may be another, and the newest may lack its chain.
    order = Order(offer.service, offer.to, offer.backup.id) if offer.backup else Order(offer.service, offer.to)
    try:
        return _part(parallel.guarded(lambda: restore(there, order)), offer)
    except LifeboatError as fault:
        log.warning("%s: did not come back: %s", offer.service, fault.message)
        return _not_back(offer, fault.message, hint_elsewhere(offer.service, fault.hint))


def _is_there(site: Site, part: RescuedPart) -> bool:
    """Return whether the place of what an earlier start brought back still holds something: a person may have emptied it."""
    docker = Docker()
    try:
        service = site.service(part.service, docker)
        target = open_target(part.to or "", site, docker, service, served=False)
        # A server that was given its dashboards by its API holds others, too.
        return isinstance(target, ApiTarget) or bool(target.entries())
    except LifeboatError as fault:
        log.warning("%s: whether it is still in %s cannot be seen: %s", part.service, part.to, fault.message)
        return True


def _not_back(offer: Offer, why: str | None, hint: str | None) -> RescuedPart:
    return RescuedPart(
        service=offer.service,
        type=offer.type,
        repository=offer.repository,
        to=offer.to,
        verdict="could-not-run",
        why=why,
        hint=hint,
    )


def _part(found: Restoration, offer: Offer) -> RescuedPart:
    wrong = failed_checks(found.failures) if found.failures else None
    return RescuedPart(
        service=found.service,
        type=found.type,
        repository=offer.repository,
        to=found.to,
        backup=found.backup.id,
        taken_at=found.backup.taken_at,
        verdict=found.verdict,
        seconds=round(found.seconds, 3),
        proof=found.proof,
        partial=found.partial,
        delivered=found.delivered,
        notes=(*(each for each in (offer.doubt, found.started) if each), *found.notes),
        why=found.error or wrong,
        hint=hint_elsewhere(found.service, found.hint),
    )


def leave(report: Rescue, site: Site, repositories: Sequence[ReachedPart], folder: Path | None, *, kept: bool) -> Rescue:
    """Keep the report, signed, in the first repository that takes it, or say in it why it is in none; write it into `folder`."""
    if kept:
        report = report.model_copy(update={"kept": _keep(report, site, [each.name for each in repositories if not each.why])})
    if folder:
        _write(folder / rescues.REPORT, json_shown(report.model_dump_json(indent=1)))
    return report


def _keep(report: Rescue, site: Site, names: Sequence[str]) -> Kept:
    reason = "no repository was reached"
    with tempfile.TemporaryDirectory(prefix="lifeboat-rescue-") as scratch:
        try:
            content = json_shown(report.model_dump_json(indent=1))
            envelope = signed.sign({rescues.REPORT: content}, _about(report), keys.signer(site))
            Path(scratch, rescues.REPORT).write_text(content, encoding="utf-8")
            Path(scratch, signed.FILE).write_text(envelope, encoding="utf-8")
        except (LifeboatError, OSError) as error:
            return Kept(snapshot=None, reason=f"it cannot be written or signed: {error}".splitlines()[0])
        for name in names:
            try:
                snapshot = rescues.keep(report, Path(scratch), site.at(name).repository)
            except LifeboatError as error:
                log.warning("the report is not kept in the repository %s: %s", name, error.message)
                reason = error.message
                continue
            first = name == next(iter(site.settings.every_repository))
            return Kept(snapshot=snapshot, reason=None, repository=None if first else name)
    return Kept(snapshot=None, reason=reason)


def _about(report: Rescue) -> Predicate:
    return Predicate(
        lifeboat=report.lifeboat,
        host=report.machine,
        verdict=report.verdict,
        started_at=report.started_at,
        finished_at=report.finished_at,
        drills=tuple(
            Drill(service=each.service, selection=report.kind, verdict=each.verdict, backup=each.backup)
            for each in report.services
        ),
    )


def _read(file: Path) -> dict[str, RescuedPart]:
    try:
        return _PARTS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LifeboatError(
            f"{file}, which says what is back already, cannot be read",
            hint="remove it: what is back is refused as a target, and stays",
        ) from error


def _write(file: Path, text: str) -> None:
    try:
        private.write(file, text)
    except OSError as error:
        raise LifeboatError(f"{file} cannot be written: {error.strerror}", hint="is the disk full?") from error
