"""Starts a restored Prometheus as its source was started, and checks that the start left every block in place.

Prometheus applies its retention when it opens its storage: with the image's default of 15 days, older blocks would be gone
two seconds after a restore.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from backups import durations
from backups.errors import LifeboatError
from backups.places.base import Place
from backups.services.base import Asked, Beside
from backups.services.prometheus import command_line, horizon, questions, ranges
from backups.services.prometheus.api import Api
from backups.services.prometheus.blocks import META
from backups.services.prometheus.details import PrometheusDetails
from backups.services.prometheus.settings import PrometheusSettings
from backups.services.settings import ServiceSettings
from backups.witness import Check, Fact, compare

PORT = 9090
_THERE = "in the server's directory"
BESIDE = Beside(
    "its source is alive, or cannot be looked at: the new container scrapes, alerts and writes to remote storage as its source "
    "does, if its configuration says so; stop one of the two (docker stop) where that disturbs"
)
_TIME, _SIZE = "storage.tsdb.retention.time", "storage.tsdb.retention.size"
_UNLIMITED = f"--{_SIZE}=1EB"
"""A limit by size alone: without one of the two, Prometheus limits by time, to 15 days."""
_BOOLEANS = ("web.enable-admin-api", "web.enable-lifecycle", "web.enable-remote-write-receiver")
_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "PB": 1 << 50, "EB": 1 << 60}


def recorded(flags: Mapping[str, str]) -> dict[str, str]:
    """Choose from the source's flags those that a restored server is started with."""
    known = {**flags, command_line.FEATURES: command_line.features(flags.get(command_line.FEATURES, ""))}
    return {name: known[name] for name in command_line.DELIVERED if known.get(name)}


def options(details: PrometheusDetails, configuration: str | None, now: datetime) -> list[str]:
    """Write the command line of a restored server.

    configuration: the path of its main file in the container, None for the image's own
    """
    line = [f"--config.file={configuration or '/etc/prometheus/prometheus.yml'}", "--storage.tsdb.path=/prometheus"]
    for name, value in details.start.items():
        if name in _BOOLEANS:
            line += [f"--{name}"] if value == "true" else []
        elif name not in (_TIME, _SIZE):
            line.append(f"--{name}={value}")
    if deleted(details, now):
        return [*line, _UNLIMITED]
    limits = [f"--{name}={value}" for name in (_TIME, _SIZE) if _limit(value := details.start.get(name, ""))]
    return [*line, *(limits or [_UNLIMITED])]


def deleted(details: PrometheusDetails, now: datetime) -> str | None:
    """Say what the source's own retention would delete of the backup at its first start; None when it would keep everything."""
    keep = details.start.get(_TIME, "")
    oldest = min((block.max_time for block in details.blocks), default=None)
    if oldest is not None and _limit(keep) and now.timestamp() - oldest / 1000 > horizon.seconds(keep):
        age = durations.describe(now.timestamp() - oldest / 1000)
        return f"the source keeps {keep} (--{_TIME}), and its oldest block ended {age} ago"
    size = sum(file.size for block in details.blocks for file in block.files)
    limit = details.start.get(_SIZE, "")
    if _limit(limit) and size > _bytes(limit):
        return f"the source keeps {limit} (--{_SIZE}), and its blocks have {size} bytes"
    return None


def deleted_by(configuration: str, details: PrometheusDetails, now: datetime) -> str | None:
    """Say what the limits in a configuration (YAML) would delete of the backup; None when they would keep everything.

    A newer Prometheus takes `storage.tsdb.retention` of its configuration before its flags.
    """
    content: Any = horizon.parsed(configuration)
    for key in ("storage", "tsdb", "retention"):
        content = content.get(key) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        return None
    set_there = {f"storage.tsdb.retention.{key}": str(content[key]) for key in ("time", "size") if content.get(key)}
    try:
        return deleted(details.model_copy(update={"start": set_there}), now)
    except LifeboatError as error:
        return error.message


def notes(details: PrometheusDetails, now: datetime) -> Iterator[str]:
    """Say what the operator has to know of the retention that a new container is started with."""
    if reason := deleted(details, now):
        yield (
            f"a new container is started without a limit by age, so that it keeps what was restored: {reason}; "
            "set its retention when the old data are no longer needed"
        )


@dataclass(frozen=True)
class BlocksStay:
    """See FirstStart: every delivered block is there, itself or in one that was made of it, and the answers are the witness's."""

    details: PrometheusDetails
    witness: Sequence[Fact]

    def ready(self, address: str) -> bool:
        """See FirstStart."""
        return Api(f"http://{address}:{PORT}", direct=True).ready()

    def ask(self, place: Place, address: str | None, settings: ServiceSettings) -> Asked:
        """See FirstStart. Answers are about the past of the backup: what the server has scraped since is in none."""
        checks = list(self.blocks(place))
        try:
            api = Api(f"http://{address}:{PORT}", direct=True) if address else Api.of(cast("PrometheusSettings", settings))
            asked = self.details.questions
            answers = [*questions.ask(api, asked), *ranges.ask(api, asked.ranges)]
        except LifeboatError as error:
            return Asked(checks, [f"its answers: {error.message}"])
        left_out = set(asked.unsettled)
        kept = [fact for fact in answers if (fact.subject, fact.metric) not in left_out]
        names = {(fact.subject, fact.metric) for fact in kept}
        stated = [fact for fact in self.witness if (fact.subject, fact.metric) in names]
        return Asked([*checks, *compare(stated, kept)])

    def blocks(self, place: Place) -> Iterator[Check]:
        """Say of each delivered block whether it is there: as itself, or in a block that a compaction has made of it."""
        wanted = [block.ulid for block in self.details.blocks]
        there = {
            file.path.split("/")[0] for file in place.files() if file.path.endswith(f"/{META}") and file.path.count("/") == 1
        }
        parents = _parents(place, sorted(there - set(wanted))) if set(wanted) - there else set()
        for ulid in wanted:
            found = _THERE if ulid in there | parents else None
            yield Check(subject=f"block {ulid}", metric="is", expected=_THERE, observed=found, passed=found is not None)


def _parents(place: Place, ulids: Sequence[str]) -> set[str]:
    """The blocks that these were made of, by what they say themselves; of one that is gone meanwhile, none."""
    found: set[str] = set()
    for ulid in ulids:
        with tempfile.TemporaryDirectory(prefix="lifeboat-blocks-") as scratch:
            try:
                place.fetch([f"{ulid}/{META}"], Path(scratch))
                compaction = json.loads((Path(scratch) / ulid / META).read_bytes())["compaction"]
                found |= {str(one["ulid"]) for one in compaction.get("parents") or ()}
                found |= set(map(str, compaction.get("sources") or ()))
            except (LifeboatError, ValueError, KeyError, TypeError, AttributeError):
                continue
    return found


def _limit(value: str) -> bool:
    """Whether a flag's value limits anything: Prometheus writes `0s` and `0B` where it does not."""
    return value not in ("", "0", "0s", "0B")


def _bytes(text: str) -> float:
    """Read a number of bytes as Prometheus writes it (`50GB`, in powers of 1,024); raises LifeboatError for anything else."""
    number = text.rstrip("BKMGTPEi")
    try:
        return float(number) * _UNITS[text[len(number) :].replace("i", "") or "B"]
    except (ValueError, KeyError):
        raise LifeboatError(f"{text!r} is not a size of Prometheus's", hint="see --help of the source") from None
