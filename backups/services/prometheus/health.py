"""Checks whether a Prometheus serves queries, by its own words at `/-/ready`."""

import time
from collections.abc import Callable, Iterator

from backups import durations
from backups.errors import LifeboatError
from backups.services.base import Problem
from backups.services.http.faults import Unserved
from backups.services.prometheus.api import Api, is_ready
from backups.services.prometheus.settings import PrometheusSettings

_NOT_READY = "Service Unavailable"
"""What it says itself; proxies say the same, so it counts only together with its words that it is alive."""

_progress: dict[str, tuple[str, float]] = {}
"""By address: how far a server that starts was when this process looked before, and since when it has been there."""


def look(settings: PrometheusSettings, clock: Callable[[], float] = time.monotonic) -> Iterator[Problem]:
    """See `Service.health`. Down is one whose address nobody answers at; what another says in its place is no word of it."""
    api = Api.of(settings)
    try:
        status, text = api.readiness()
    except Unserved as error:
        yield Problem("down", api.name, error.message)
        return
    if is_ready(status, text):
        _progress.pop(api.name, None)
        return
    if status == 503 and text == _NOT_READY and (progress := api.starting()):
        # Reading its log after a restart takes a big server many minutes; a restore would lose its newest hours.
        raise LifeboatError(
            f"Prometheus at {api.name} is starting: {progress}{_stands(api.name, progress, clock())}",
            hint="wait until it has read its log; nothing is lost as long as it goes on",
        )
    raise LifeboatError(
        f"{api.name}/-/ready answers {status}, and not as Prometheus does: {text!r}",
        hint="what stands before it answers in its place: look there; is this url the root of Prometheus, as a browser opens it?",
    )


def _stands(name: str, progress: str, now: float) -> str:
    """What to say of a server that got no further since this process looked first; "" of one that did."""
    before, since = _progress.get(name, ("", now))
    if before != progress:
        since = now
    _progress[name] = (progress, since)
    return f", and has got no further for {durations.describe(now - since)}" if now > since else ""
