"""Says which flags and paths a manifest may hand on to a copy's server: closed lists, each with a form for its value.

A manifest comes out of a repository, to which whoever has taken the source may add. Pure.
"""

import re
from collections.abc import Iterator, Mapping

from backups.errors import Damaged
from backups.services.prometheus.details import PrometheusDetails

_SWITCH = re.compile(r"true|false")
_NUMBER = re.compile(r"\d{1,19}")
_DURATION = re.compile(r"(\d{1,9}(\.\d{1,9})?(ms|us|ns|[smhdwy]))+|0")
_SIZE = re.compile(r"\d{1,12}(\.\d{1,9})?([KMGTPE]i?)?B?")
_FEATURE = re.compile(r"[a-z][a-z0-9-]*")
_OF_ANSWERS = re.compile(r"promql-[a-z0-9-]+|utf8-names")
"""The features that decide whether and how a query is answered; the others are about what is scraped, kept and shown."""
FEATURES = "enable-feature"
_MILLISECONDS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
    "y": 365 * 86_400_000,
}
COPIED: Mapping[str, re.Pattern[str]] = {
    "query.lookback-delta": _DURATION,
    "query.max-samples": _NUMBER,
    "query.timeout": _DURATION,
    "storage.tsdb.allow-overlapping-compaction": _SWITCH,
}
"""The source's flags that its copies are started with, where it sets them."""
DELIVERED: Mapping[str, re.Pattern[str]] = {
    "web.enable-admin-api": _SWITCH,
    "web.enable-lifecycle": _SWITCH,
    "web.enable-remote-write-receiver": _SWITCH,
    FEATURES: re.compile(r"[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*"),
    "query.lookback-delta": _DURATION,
    "query.max-samples": _NUMBER,
    "query.timeout": _DURATION,
    "storage.tsdb.retention.time": _DURATION,
    "storage.tsdb.retention.size": _SIZE,
}
"""The source's flags that a restored server is started with."""


def require(details: PrometheusDetails, backup: str) -> None:
    """Raise Damaged when the details of that backup's manifest say anything about a command line that is not on the lists."""
    fault = next(faults(details), None)
    if fault is not None:
        raise Damaged(
            f"the manifest of {backup} would have a server started with what no backup of Lifeboat says: {fault}",
            hint="who could write to the repository? restore another backup; nothing of this one was run",
        )


def faults(details: PrometheusDetails) -> Iterator[str]:
    """Yield what of a manifest's details may not be handed on to a server, one line each."""
    for title, flags, listed in (("flags", details.flags, COPIED), ("start", details.start, DELIVERED)):
        for name, value in flags.items():
            if name not in listed or not listed[name].fullmatch(value):
                yield f"{title}: {name!r} set to {value[:80]!r}"


def features(value: str, wanted: re.Pattern[str] = _FEATURE) -> str:
    """Return the features in a flag's value that have such a name: Prometheus only warns of what it does not know."""
    return ",".join(name for name in value.split(",") if wanted.fullmatch(name))


def answering(details: PrometheusDetails) -> str:
    """Return the source's features that decide what it answers, as the flag's value; "" where it has none."""
    return features(details.start.get(FEATURES, ""), _OF_ANSWERS)


def longer(duration: str) -> str:
    """Return a duration, as a flag has it, with one millisecond more; one that is not of whole milliseconds stays as it is."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    if "".join(map("".join, parts)) != duration:
        return duration
    return f"{sum(int(count) * _MILLISECONDS[unit] for count, unit in parts) + 1}ms"
