"""Gives what further repositories hold of each service, and what is proven there, as samples of Prometheus metrics.

What is not known has no sample. Where there is only one repository there are none.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from backups.config.settings import Objectives
from verification.watch.metrics_of_history import Sample
from verification.watch.repositories import InRepository, allowed_age
from verification.watch.status import ServiceStatus

_REACHABLE = "lifeboat_repository_reachable"
_ALLOWED = "lifeboat_objective_repository_proof_seconds"

_OF_A_SERVICE: dict[str, tuple[str, Callable[[InRepository], float | int | None]]] = {
    "lifeboat_repository_backups": ("Backups of a service in a further repository.", lambda there: there.backups),
    "lifeboat_repository_behind": (
        "Backups in the first repository that are still to be copied to a further one.",
        lambda there: there.behind,
    ),
    "lifeboat_repository_behind_timestamp_seconds": (
        "When the oldest backup that is still to be copied was taken.",
        lambda there: _seconds(there.behind_since),
    ),
    "lifeboat_repository_proof_timestamp_seconds": (
        "When a backup in a further repository was last drilled.",
        lambda there: _seconds(there.proven_at),
    ),
    "lifeboat_repository_proof_verified": (
        "1 when the newest proof in a further repository is verified and not stale.",
        lambda there: None if there.standing is None else int(there.standing == "verified"),
    ),
    "lifeboat_repository_proof_failed": (
        "1 when the newest verification from a further repository failed.",
        lambda there: None if there.standing is None else int(there.standing == "failed"),
    ),
    "lifeboat_repository_restore_seconds": (
        "How long the slowest restore of the newest verification from a further repository took.",
        lambda there: there.restore_seconds,
    ),
}

NAMES = frozenset((_REACHABLE, _ALLOWED, *_OF_A_SERVICE))


def samples(statuses: Sequence[ServiceStatus], objectives: Objectives) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yield each metric's name, its help, and its samples, each with its labels."""
    reachable = {there.repository: int(there.error is None) for status in statuses for there in status.repositories}
    yield (
        _REACHABLE,
        "1 when a further repository can be read.",
        [({"repository": name}, value) for name, value in reachable.items()],
    )
    for name, (help_text, of) in _OF_A_SERVICE.items():
        values = [(status, there, of(there)) for status in statuses for there in status.repositories]
        yield (
            name,
            help_text,
            [
                ({"service": status.service, "type": status.type, "repository": there.repository}, value)
                for status, there, value in values
                if value is not None
            ],
        )
    allowed: list[Sample] = [({}, allowed_age(objectives, len(reachable)).total_seconds())] if reachable else []
    yield _ALLOWED, "How old the newest proof in a further repository may be.", allowed


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
