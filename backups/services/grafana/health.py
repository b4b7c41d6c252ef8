"""Examines the source's server, and whether the image for its copies is of the same version."""

from collections.abc import Callable, Iterator

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Finding, Problem
from backups.services.grafana.client import Client
from backups.services.grafana.settings import GrafanaSettings
from backups.services.http import settings as http
from backups.services.http.address import shown
from backups.services.http.faults import Unserved

_written: dict[str, object] = {}
"""By address: how the database's files looked when this process looked before, and nobody answered."""


def problems(settings: GrafanaSettings, written: Callable[[], object] = lambda: None) -> Iterator[Problem]:
    """Say what calls for a restore: nobody serves at its address, or it says itself that its database does not answer.

    written: how its database's files look, None where that cannot be seen. As long as they change from look to look, it migrates.
    """
    where = shown(settings.address)
    try:
        if not Client.anonymous(settings).health().ok:
            yield Problem("down", where, f"Grafana at {where} answers, and says that its database does not")
        _written.pop(where, None)
    except Unserved as error:
        before, now = _written.get(where), written()
        _written[where] = now
        if before is not None and now is not None and before != now:
            raise LifeboatError(
                f"Grafana at {where} is starting: nobody answers there yet, and its database is being written",
                hint="wait until it has migrated; nothing is lost as long as it goes on",
            ) from error
        yield Problem("down", where, error.message)


def examine(settings: GrafanaSettings, docker: Docker) -> Iterator[Finding]:
    """Say whether it answers, what its connection gives away, and whether the image is of its version."""
    version = None
    yield from http.examine(settings, "Grafana")
    try:
        found = Client.anonymous(settings).health()
        version = found.version
        state = f"answers, version {version}" if version else "answers, and hides its version ([auth.anonymous] hide_version)"
        remedy = None if found.ok else "look at Grafana's log: its database does not answer"
        yield Finding("health", ok=found.ok, message=f"{shown(settings.address)} {state}", remedy=remedy)
    except LifeboatError as error:
        yield Finding("health", ok=False, message=error.message, remedy=error.hint)
    yield _image(settings.image, version, docker)


def _image(name: str, version: str | None, docker: Docker) -> Finding:
    """Whether it can be had, and is of the source's version, as far as its tag tells."""
    try:
        image = docker.image(name)
    except LifeboatError as error:
        return Finding("image", ok=False, message=error.message, remedy=error.hint)
    tag = name.rpartition(":")[2].split("-")[0].split(".")
    if version and tag[0].isdigit() and tag[:3] != version.split("-")[0].split(".")[: len(tag[:3])]:
        remedy = f"set image: to the tag {version}"
        return Finding("image", ok=False, message=f"the image is {name}, the source runs {version}", remedy=remedy)
    standin = " (a stand-in: it proves the database and the routes it serves, not Grafana itself)" if image.standin else ""
    return Finding("image", ok=True, message=f"{name} is on this machine{standin}")
