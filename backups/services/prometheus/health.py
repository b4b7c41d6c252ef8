"""Checks whether a Prometheus serves queries, by `/-/ready`."""

from collections.abc import Iterator

from backups.errors import LifeboatError, Transient
from backups.services.base import Problem
from backups.services.prometheus.api import Api
from backups.services.prometheus.settings import PrometheusSettings


def look(settings: PrometheusSettings) -> Iterator[Problem]:
    """See `Service.health`."""
    api = Api.of(settings)
    try:
        status, text = api.readiness()
    except Transient as error:
        yield Problem("down", api.name, error.message)
        return
    if status == 503 and (progress := api.starting()):
        # Reading its log after a restart takes a big server many minutes; a restore would lose its newest hours.
        raise LifeboatError(
            f"Prometheus at {api.name} is starting: {progress}",
            hint="wait until it has read its log; nothing is lost as long as it goes on",
        )
    if status >= 500:
        yield Problem("down", api.name, f"Prometheus at {api.name} is not ready: it answers {status}, {text!r}")
    elif status != 200:
        raise LifeboatError(
            f"{api.name}/-/ready answers {status}", hint="is this url the root of Prometheus, as a browser opens it?"
        )
