"""Checks for `lifeboat doctor` what a backup of a Prometheus needs, changing nothing: no snapshot is taken."""

import os
import secrets
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

from backups import durations, plural
from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.base import Place
from backups.places.local.place import LocalPlace
from backups.places.parse import parse
from backups.services.base import Finding
from backups.services.http import settings as http
from backups.services.prometheus import configuration, datadir, horizon, version
from backups.services.prometheus.api import Api
from backups.services.prometheus.capture import require_storage
from backups.services.prometheus.settings import OLD_NAME, PrometheusSettings
from backups.services.prometheus.snapshot import SNAPSHOTS, leftovers

Result = TypeVar("Result")


def examine(settings: PrometheusSettings, docker: Docker, hosts: Hosts) -> Iterator[Finding]:
    """Yield a finding for each thing that a backup needs; what an earlier fault makes impossible to check is left out."""
    yield from http.examine(settings, "Prometheus")
    if settings.ca_file is not None:
        yield _good("ca_file", OLD_NAME)
    api = yield from _checked("url", lambda: Api.of(settings))
    answers = api is not None and (yield from _server(api))
    if api is not None and answers:
        yield from _admin(api)
        yield from _late_samples(api)
        yield from _image(api, settings, docker)
    place = yield from _checked("place", lambda: parse(settings.place, docker, hosts))
    if place is not None:
        yield from _place(api if answers else None, place)
    if settings.config_place is not None and api is not None and answers:
        yield from _configuration(api, settings.config_place, docker, hosts)


def _server(api: Api) -> Generator[Finding, None, bool]:
    version_found = yield from _checked("url", api.version)
    if version_found is None:
        return False
    if not api.ready():
        yield _fault("url", f"Prometheus {version_found} at {api.name} is not ready", "wait until it has read its log")
        return False
    yield _good("url", f"Prometheus {version_found} answers at {api.name}")
    return True


def _admin(api: Api) -> Iterator[Finding]:
    flags = yield from _checked("admin API", api.flags)
    if flags is None:
        return
    try:
        require_storage(api, flags)
    except LifeboatError as error:
        yield _fault("agent", error.message, error.hint)
        return
    if flags.get("web.enable-admin-api") == "true":
        yield _good("admin API", "it is on: snapshots can be taken")
    else:
        yield _fault("admin API", "it is off: no snapshot can be taken", "start Prometheus with --web.enable-admin-api")


def _late_samples(api: Api) -> Iterator[Finding]:
    found = yield from _checked("late samples", lambda: horizon.look(api))
    if found is not None and (found.late_window or found.late_samples):
        yield _good(
            "late samples",
            f"samples up to {durations.describe(found.late_window)} late are taken, {found.late_samples} came late since it "
            "started; Prometheus leaves the newest of them out of snapshots: they are in no backup, and not in the proof",
        )
    if found is not None and found.unreadable:
        yield _fault(
            "configuration", f"the configuration that {api.name} runs with cannot be read as YAML", "look at /config there"
        )


def _image(api: Api, settings: PrometheusSettings, docker: Docker) -> Iterator[Finding]:
    def compare() -> str:
        found = version.of_image(docker, docker.image(settings.image), f"lifeboat-{secrets.token_hex(6)}-doctor")
        version.check_same_major(api.version(), found, settings.image)
        return found

    found = yield from _checked("image", compare)
    if found is not None:
        yield _good("image", f"{settings.image} holds Prometheus {found}")


def _place(api: Api | None, place: Place) -> Iterator[Finding]:
    def look() -> bool:
        place.check()
        if api is not None:
            datadir.check_identity(api, place)
        return True

    if (yield from _checked("place", look)) is None:
        return
    known = "is the data directory of this server" if api is not None else "can be read"
    yield _good("place", f"{place} {known}")
    yield from _removal(place)
    yield from _blocks(place)
    left = (yield from _checked(SNAPSHOTS, lambda: leftovers(place))) or []
    if left:
        yield _fault(
            SNAPSHOTS,
            f"{plural.count(len(left), 'snapshot')} left in {place}, first {left[0]}: it keeps old blocks from being freed",
            f"remove {SNAPSHOTS}/{left[0]} there if it is not needed",
        )


def _blocks(place: Place) -> Iterator[Finding]:
    """Whether each block can be in a snapshot."""

    def look() -> datadir.Unusable:
        with tempfile.TemporaryDirectory() as work:
            return datadir.unusable(place, Path(work))

    found = yield from _checked("blocks", look)
    if found is None:
        return
    if bare := found.without_tombstones:
        yield _fault(
            "blocks",
            f"{plural.count(len(bare), 'block')} in {place} without the file `tombstones`, first {bare[0]}: Prometheus can "
            "make no snapshot of it",
            f"copy that file there from a block in which nothing was deleted (9 bytes): cp -a BLOCK/tombstones {bare[0]}/",
        )
    if dead := found.unreadable:
        yield _fault(
            "blocks",
            f"{plural.count(len(dead), 'block')} in {place} without a readable meta.json, first {dead[0]}: it is not served",
            "nothing of them is in a backup: remove or move those directories there",
        )


def _removal(place: Place) -> Iterator[Finding]:
    """Check that a snapshot could be removed again: Prometheus creates directories that only their owner may change."""
    if not isinstance(place, LocalPlace):
        return
    owner, user = place.root.stat().st_uid, os.geteuid()
    if user in (0, owner):
        yield _good("removing snapshots", f"user {user} may remove what Prometheus (user {owner}) writes")
    else:
        yield _fault(
            "removing snapshots",
            f"user {user} may not remove what Prometheus (user {owner}) writes in {place}",
            f"run Lifeboat as root or as user {owner}",
        )


def _configuration(api: Api, text: str, docker: Docker, hosts: Hosts) -> Iterator[Finding]:
    found = yield from _checked("config_place", lambda: configuration.locate(api.flags(), parse(text, docker, hosts)))
    if found is not None:
        yield _good("config_place", f"{text} holds {found.main}")


def _checked(subject: str, look: Callable[[], Result]) -> Generator[Finding, None, Result | None]:
    """Return what `look` returns; for a LifeboatError, yield a finding and return None."""
    try:
        return look()
    except LifeboatError as error:
        yield _fault(subject, error.message, error.hint)
        return None


def _good(subject: str, message: str) -> Finding:
    return Finding(subject, ok=True, message=message)


def _fault(subject: str, message: str, remedy: str | None) -> Finding:
    return Finding(subject, ok=False, message=message, remedy=remedy)
