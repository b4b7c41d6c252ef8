"""Writes the status of a site as Prometheus metrics: a file for node-exporter's textfile collector, replaced whole.

The rules and the dashboard on them: `deployments/monitoring/`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from backups.config.settings import Objectives
from backups.errors import LifeboatError
from verification.evidence.history import ServiceHistory
from verification.evidence.joint import Joint
from verification.evidence.rescues import FromNothing
from verification.watch import metrics_of_history, metrics_of_repositories, metrics_of_rescue, together
from verification.watch.status import ServiceStatus

_Value = Callable[[ServiceStatus], float | int | None]

_OF_A_SERVICE: dict[str, tuple[str, _Value]] = {
    "lifeboat_backups": ("Backups in the repository.", lambda status: status.backups),
    "lifeboat_first_backup_timestamp_seconds": (
        "When the oldest backup in the repository was taken.",
        lambda status: _seconds(status.first_backup_at),
    ),
    "lifeboat_backup_timestamp_seconds": ("When the newest backup was taken.", lambda status: _seconds(status.last_backup_at)),
    "lifeboat_proof_timestamp_seconds": ("When a backup was last drilled.", lambda status: _seconds(status.proven_at)),
    "lifeboat_proof_verified": (
        "1 when the newest proof is verified and not stale.",
        lambda status: int(status.standing == "verified"),
    ),
    "lifeboat_proof_failed": ("1 when the newest verification failed.", lambda status: int(status.standing == "failed")),
    "lifeboat_restore_seconds": (
        "How long the slowest restore of the newest verification took.",
        lambda status: status.restore_seconds,
    ),
    "lifeboat_rpo_kept": (
        "1 when the newest backup, or what is kept of the log behind it, is young enough.",
        lambda status: int(status.rpo_kept),
    ),
    "lifeboat_rpo_seconds": (
        "What was committed for so long would be lost with the source now.",
        lambda status: status.rpo_seconds,
    ),
    "lifeboat_log_timestamp_seconds": (
        "Up to when the log is kept beyond the newest backup, where it is followed.",
        lambda status: _seconds(status.log_until),
    ),
    "lifeboat_suspicious_backups": (
        "Backups that look like ransomware, and that nobody trusts: until somebody does, nothing of the service is pruned.",
        lambda status: len(status.suspicious),
    ),
    "lifeboat_rto_kept": (
        "1 when the slowest restore was fast enough.",
        lambda status: None if status.rto_kept is None else int(status.rto_kept),
    ),
}

_OF_THE_SITE = {
    "lifeboat_objective_rpo_seconds": "How old the newest backup may be.",
    "lifeboat_objective_rto_seconds": "How long a restore may take.",
    "lifeboat_objective_proof_seconds": "How old the newest proof may be.",
    "lifeboat_status_timestamp_seconds": "When this was looked at.",
}

_ELSEWHERE = (metrics_of_history, metrics_of_repositories, metrics_of_rescue, together)
NAMES = frozenset((*_OF_A_SERVICE, *(name for each in _ELSEWHERE for name in each.NAMES), *_OF_THE_SITE))
"""Every metric there is; all are gauges."""

_NOTHING = FromNothing()
"""There is no kit, and there was no cold start."""


def render(
    statuses: Sequence[ServiceStatus],
    objectives: Objectives,
    *,
    now: datetime,
    histories: Sequence[ServiceHistory] = (),
    nothing: FromNothing = _NOTHING,
    joint: Joint | None = None,
) -> str:
    """Write every service's status, the newest values of its history, and what is told of the site, in Prometheus' text format.

    nothing: how it stands with a start from nothing. joint: the newest drill of all side by side
    What never happened has no sample.
    """
    lines = []
    for name, (help_text, of) in _OF_A_SERVICE.items():
        values = [(status, of(status)) for status in statuses]
        lines += _head(name, help_text)
        lines += [f"{name}{_labels(status)} {value}" for status, value in values if value is not None]
    for name, help_text, samples in (
        *metrics_of_history.samples(histories),
        *metrics_of_repositories.samples(statuses, objectives),
        *together.samples(joint),
        *metrics_of_rescue.samples(nothing, objectives),
    ):
        lines += _head(name, help_text)
        lines += [f"{name}{_written(labels)} {value}" for labels, value in samples]
    spans = (objectives.rpo, objectives.rto, objectives.proof)
    site = [*(span.total_seconds() for span in spans), now.timestamp()]
    for (name, help_text), value in zip(_OF_THE_SITE.items(), site, strict=True):
        lines += [*_head(name, help_text), f"{name} {value}"]
    return "\n".join(lines) + "\n"


def write(text: str, path: Path) -> None:
    """Replace the file in one step, so that a scrape in the middle reads the old one or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        # node-exporter reads it as a user of its own.
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        # Below a file nothing can be removed either.
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise LifeboatError(
            f"{path} cannot be written: {error.strerror}",
            hint="name a file in node-exporter's textfile directory that this user may write",
        ) from error


def _head(name: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]


def _labels(status: ServiceStatus) -> str:
    return _written({"service": status.service, "type": status.type})


def _written(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
