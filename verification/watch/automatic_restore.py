"""Chooses the restores that the watch begins by itself: of services that allow it, to their `restore.to`, one in 24 h at most.

Only from a backup that this machine has proven, and only when the service's own machine bears the alarm out.
"""

from collections.abc import Container, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.site import Site
from verification.restore import second_witness
from verification.restore.order import Order
from verification.watch.watch import Sighting

_REST = timedelta(hours=24)
_TIME = "%Y-%m-%d %H:%M:%S UTC"


def refusals(site: Site, sightings: Iterable[Sighting], now: datetime) -> dict[str, str]:
    """Say by service why those that call for a restore and allow it are not restored this time, a sentence each."""
    found = {}
    for sighting in sightings:
        settings = site.settings.services[sighting.service].restore
        if sighting.problems and settings.by_itself and (why := _why_not(site, sighting, now)):
            found[sighting.service] = why
    return found


def orders(site: Site, sightings: Iterable[Sighting], refused: Container[str]) -> list[Order]:
    """Order a restore for each service that calls for one, allows it, and is not refused it."""
    found = []
    for sighting in sightings:
        settings = site.settings.services[sighting.service].restore
        if sighting.problems and sighting.advice and settings.by_itself and settings.to and sighting.service not in refused:
            backup = sighting.advice.backup.id
            found.append(Order(sighting.service, settings.to, backup=backup, replace=True, by_itself=True))
    return found


def note(site: Site, service: str, now: datetime) -> None:
    """Note that one begins; called before it does, so that one that is killed is not begun again at once.

    Raises LifeboatError when it cannot be noted.
    """
    path = _path(site, service)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now.isoformat(), encoding="utf-8")
    except OSError as error:
        raise LifeboatError(
            f"{service} is not restored by itself: {path} cannot be written: {error.strerror}",
            hint="run Lifeboat as the user that owns the state directory",
        ) from error


def _why_not(site: Site, sighting: Sighting, now: datetime) -> str | None:
    """Say why a service is not restored by itself; None when it is."""
    name = sighting.service
    if sighting.advice is None:
        return f"{name} is not restored by itself: no backup that could help is in the repository, as far as it can be read"
    proof, backup = sighting.advice.proof, sighting.advice.backup.id
    if proof is None or proof.verdict != "verified":
        return f"{name} is not restored by itself: {backup} was never proven: lifeboat verify {name}"
    try:
        last = _last(site, name)
    except LifeboatError as error:
        # One service's fault keeps no other from being restored.
        return str(error)
    if last is not None and now - last < _REST:
        return f"{name} is not restored by itself again: that began at {last:{_TIME}}, and is done once in 24 h at most"
    why = second_witness.objection(site, Docker(), name, sighting.advice.chain)
    return f"{name} is not restored by itself: {why}" if why else None


def _last(site: Site, service: str) -> datetime | None:
    path = _path(site, service)
    try:
        last = datetime.fromisoformat(path.read_text(encoding="utf-8").strip())
        return last if last.tzinfo else last.replace(tzinfo=UTC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LifeboatError(
            f"{service} is not restored by itself: {path} cannot be read: {error}",
            hint="remove that file if no restore of it was begun in the last 24 h",
        ) from error


def _path(site: Site, service: str) -> Path:
    return site.state / "restores" / f"{service}.by-itself"
