"""Says which flags and paths a manifest may hand on to a copy's server: closed lists, each with a form for its value.

A manifest comes out of a repository, to which whoever has taken the source may add. Pure.
"""

import re
from collections.abc import Iterator, Mapping

from backups.errors import Damaged
from backups.services.prometheus.details import Configuration, PrometheusDetails

_SWITCH = re.compile(r"true|false")
_NUMBER = re.compile(r"\d{1,19}")
_DURATION = re.compile(r"(\d{1,9}(\.\d{1,9})?(ms|us|ns|[smhdwy]))+|0")
_SIZE = re.compile(r"\d{1,12}(\.\d{1,9})?([KMGTPE]i?)?B?")
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
    "enable-feature": re.compile(r"[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*"),
    "query.lookback-delta": _DURATION,
    "query.max-samples": _NUMBER,
    "query.timeout": _DURATION,
    "storage.tsdb.retention.time": _DURATION,
    "storage.tsdb.retention.size": _SIZE,
}
"""The source's flags that a restored server is started with."""
_PART = re.compile(r"[^/\x00-\x1f\x7f]{1,255}")
_PROGRAMS = frozenset(("bin", "boot", "dev", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr"))
"""Directories at the root of an image, or in its /usr/local, that hold what runs: no configuration is mounted into them."""


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
    if details.configuration:
        yield from _places(details.configuration)


def _places(configuration: Configuration) -> Iterator[str]:
    main = configuration.main.split("/")
    if not all(map(_plain, main)):
        yield f"the main configuration file {configuration.main[:80]!r}"
    root, *directory = configuration.directory.rstrip("/").split("/")
    if root or not directory or not all(map(_plain, directory)) or _of_the_system(tuple(directory)):
        yield f"its configuration mounted at {configuration.directory[:80]!r}"


def _plain(part: str) -> bool:
    return part not in (".", "..") and _PART.fullmatch(part) is not None


def _of_the_system(directory: tuple[str, ...]) -> bool:
    """Return whether files there are read or run by every program, before its first line."""
    match directory:
        case ("etc" | "var" | "opt",) | ("usr", "local" | "share"):
            return True
        case "usr", "local", *below:
            return below[0] in _PROGRAMS
        case "usr", "share", *_:
            return False
    return directory[0] in _PROGRAMS
