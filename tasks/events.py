"""What Lifeboat tells Prefect's automations: one event a service, on the resource `lifeboat.service.<name>`.

An event that cannot be sent is Prefect's affair (it logs that), never a reason for a backup or a proof to fail.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from prefect.events import emit_event

from backups.errors import LifeboatError
from backups.manifest import Manifest
from verification.evidence import evidence as shapes
from verification.evidence.evidence import DrillResult, Evidence

BACKUP_COMPLETED = "lifeboat.backup.completed"
BACKUP_FAILED = "lifeboat.backup.failed"
VERIFIED = "lifeboat.verification.verified"
NOT_VERIFIED = ("lifeboat.verification.failed", "lifeboat.verification.could-not-run")
RTO_MISSED = "lifeboat.rto.missed"
RESTORE_ADVISED = "lifeboat.restore.advised"
RESTORED = "lifeboat.restore.completed"
RESTORE_FAILED = "lifeboat.restore.failed"
WATCH_BLIND = "lifeboat.watch.blind"

_WORDS = 4000
"""Characters of an event's text that are sent: an event has a largest size, and a message to a person none that long."""


def resource(service: str) -> str:
    """The id of a service as a resource of events."""
    return f"lifeboat.service.{service}"


def tell(event: str, service: str, text: str, **more: str | float | None) -> None:
    """Send one event about a service; `text` is what a notification says."""
    emit_event(
        event=event,
        resource={"prefect.resource.id": resource(service), "prefect.resource.name": service},
        payload={"service": service, "text": text[:_WORDS], **more},
    )


def tell_backups(outcomes: Iterable[tuple[str, Manifest | LifeboatError]]) -> None:
    """Tell of each service whether its backup was taken."""
    for name, outcome in outcomes:
        if isinstance(outcome, Manifest):
            tell(BACKUP_COMPLETED, name, f"{outcome.kind} backup {outcome.id} was taken", backup=outcome.id)
        else:
            tell(BACKUP_FAILED, name, str(outcome))


def tell_verification(evidence: Evidence) -> None:
    """Tell of each service its verdict, the worst of its drills, and whether a restore took longer than it may."""
    for name, group in groupby(sorted(evidence.drills, key=lambda drill: drill.service), key=lambda drill: drill.service):
        drills = list(group)
        verdict = shapes.overall(drill.verdict for drill in drills)
        tell(f"lifeboat.verification.{verdict}", name, _words(drills), verdict=verdict)
        seconds = [drill.restore_seconds for drill in drills if drill.rto_met is False and drill.restore_seconds is not None]
        if seconds:
            allowed = evidence.rto.budget_seconds
            text = f"the restore took {max(seconds):.0f} s, the objective is {allowed:.0f} s"
            tell(RTO_MISSED, name, text, measured_seconds=max(seconds), budget_seconds=allowed)


def _words(drills: Sequence[DrillResult]) -> str:
    return "; ".join(f"{drill.selection}: {', '.join([drill.verdict, *drill.reasons])}" for drill in drills)
