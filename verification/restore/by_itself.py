"""Which restores the watch begins by itself: of services that allow it, to their `restore.to`, at most one in 24 hours."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from backups.errors import LifeboatError
from backups.site import Site
from verification.restore.order import Order
from verification.watching import Sighting

_REST = timedelta(hours=24)


def orders(site: Site, sightings: Iterable[Sighting], now: datetime) -> list[Order]:
    """A restore for each service that calls for one, allows it, has a backup that helps, and had none in the last 24 hours."""
    found = []
    for sighting in sightings:
        settings = site.settings.services[sighting.service].restore
        if not (sighting.ailments and sighting.advice and settings.by_itself and settings.to):
            continue
        last = _last(site, sighting.service)
        if last is None or now - last >= _REST:
            found.append(Order(sighting.service, settings.to, backup=sighting.advice.backup.id, replace=True))
    return found


def note(site: Site, service: str, now: datetime) -> None:
    """Note that one begins; called before it does, so that one that dies is not begun again at once.

    Raises LifeboatError when it cannot be noted.
    """
    path = _path(site, service)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now.isoformat(), encoding="utf-8")
    except OSError as error:
        raise LifeboatError(
            f"{path} cannot be written: {error.strerror}; so {service} is not restored by itself",
            hint="run Lifeboat as the user that owns the state directory",
        ) from error


def _last(site: Site, service: str) -> datetime | None:
    path = _path(site, service)
    try:
        return datetime.fromisoformat(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LifeboatError(
            f"{path} cannot be read: {error}; so {service} is not restored by itself", hint="remove it when no restore was today"
        ) from error


def _path(site: Site, service: str) -> Path:
    return site.state / "restores" / f"{service}.by-itself"
