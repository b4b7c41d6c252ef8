"""Sends events to Prefect's automations: about services (`lifeboat.service.<name>`) and further repositories.

Prefect logs an event that cannot be sent; a backup or a verification never fails for it.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from prefect.events import emit_event

from backups.errors import LifeboatError
from backups.manifest import Manifest
from backups.past import said
from backups.text import lines_shown
from verification.copying import Copied
from verification.evidence import evidence as shapes
from verification.evidence.evidence import DrillResult, Evidence
from verification.evidence.rescues import Rescue
from verification.evidence.verifier_drills import VerifierDrill

BACKUP_COMPLETED = "lifeboat.backup.completed"
BACKUP_FAILED = "lifeboat.backup.failed"
BACKUP_SUSPICIOUS = "lifeboat.backup.suspicious"
VERIFIED = "lifeboat.verification.verified"
NOT_VERIFIED = ("lifeboat.verification.failed", "lifeboat.verification.could-not-run")
NOT_VERIFIED_THERE = ("lifeboat.copy.verification.failed", "lifeboat.copy.verification.could-not-run")
"""From a further repository: no verdict on what the first one holds."""
FAULTS_MISSED = ("lifeboat.verifier.missed", "lifeboat.verifier.could-not-run")
COLD_START_FAILED = "lifeboat.cold-start.failed"
RTO_MISSED = "lifeboat.rto.missed"
RESTORE_ADVISED = "lifeboat.restore.advised"
RESTORED = "lifeboat.restore.completed"
RESTORE_FAILED = "lifeboat.restore.failed"
COPIED = "lifeboat.copy.completed"
COPY_FAILED = "lifeboat.copy.failed"
WATCH_BLIND = "lifeboat.watch.blind"

_LONGEST = 4000
"""Characters of an event's text that are sent: events have a largest size, and no notification needs more."""


def resource(service: str) -> str:
    """Return the id of a service as a resource of events."""
    return f"lifeboat.service.{service}"


def repository(name: str) -> str:
    """Return the id of a repository as a resource of events."""
    return f"lifeboat.repository.{name}"


def send(event: str, service: str, text: str, **more: str | float | None) -> None:
    """Send one event about a service; `text` is what a notification says."""
    emit_event(
        event=event,
        resource={"prefect.resource.id": resource(service), "prefect.resource.name": service},
        payload={"service": service, "text": lines_shown(text)[:_LONGEST], **more},
    )


def send_copies(outcomes: Iterable[Copied]) -> None:
    """Send for each further repository whether it has all."""
    for each in outcomes:
        emit_event(
            event=COPY_FAILED if each.fault else COPIED,
            resource={"prefect.resource.id": repository(each.repository), "prefect.resource.name": each.repository},
            payload={"repository": each.repository, "text": lines_shown(each.outcome)[:_LONGEST]},
        )


def send_backups(outcomes: Iterable[tuple[str, Manifest | LifeboatError]]) -> None:
    """Send for each service whether its backup was taken, and whether it looks suspicious."""
    for name, outcome in outcomes:
        if isinstance(outcome, Manifest):
            send(BACKUP_COMPLETED, name, f"{outcome.kind} backup {outcome.id} was taken", backup=outcome.id)
            if outcome.past and outcome.past.signs:
                text = (
                    f"{outcome.id} looks suspicious: {said(outcome.past.signs)}; it is kept, and nothing of {name} is "
                    f"pruned; look at {name}, and if that was meant: lifeboat trust {outcome.id} --reason WHY"
                )
                send(BACKUP_SUSPICIOUS, name, text, backup=outcome.id)
        else:
            send(BACKUP_FAILED, name, str(outcome))


def send_verification(evidence: Evidence) -> None:
    """Send for each service its verdict, the worst of its drills, and whether a restore took longer than the RTO.

    Of those from a further repository by itself, under another name: they are no verdict on what the first one holds. Of a drill
    that an upgrade was tried after, what it proved before: nobody is called for what somebody wanted to know.
    """

    def which(drill: DrillResult) -> tuple[str, str]:
        return drill.service, drill.further or ""

    for (name, further), group in groupby(sorted(evidence.drills, key=which), key=which):
        drills = list(group)
        verdict = shapes.overall(drill.backup_verdict if drill.rehearsal else drill.verdict for drill in drills)
        about = "lifeboat.copy.verification" if further else "lifeboat.verification"
        send(f"{about}.{verdict}", name, _text(drills), verdict=verdict, repository=drills[0].repository)
        seconds = [drill.restore_seconds for drill in drills if drill.rto_met is False and drill.restore_seconds is not None]
        if seconds:
            allowed = evidence.rto.budget_seconds
            there = f" from {further}" if further else ""
            text = f"the restore{there} took {max(seconds):.0f} s, the objective is {allowed:.0f} s"
            send(RTO_MISSED, name, text, measured_seconds=max(seconds), budget_seconds=allowed)

    if (
        (joint := evidence.together)
        and joint.verdict
        and (shower := next((each for each in joint.copies if each.dashboards), None))
    ):
        text = "; ".join([f"together: {joint.headline}", *joint.reasons])
        elsewhere = bool(evidence.drills) and all(drill.further for drill in evidence.drills)
        about = "lifeboat.copy.verification" if elsewhere else "lifeboat.verification"
        send(f"{about}.{joint.verdict}", shower.service, text, verdict=joint.verdict)


def send_verifier_drill(drill: VerifierDrill) -> None:
    """Send for each service whose copies held a fault that was not noticed, or of which nothing was learnt, what came of it."""
    for each in drill.undamaged:
        missed = [fault for fault in drill.faults if fault.service == each.service and fault.outcome == "unnoticed"]
        open_ones = [fault for fault in drill.faults if fault.service == each.service and fault.outcome == "undecided"]
        told = (
            "; ".join(f"{fault.outcome}: {fault.words}" for fault in (*missed, *open_ones)) or each.why or "no fault was put in"
        )
        if missed:
            send(FAULTS_MISSED[0], each.service, f"{told}; the same faults again: {drill.again}")
        elif open_ones or not drill.count("noticed", service=each.service):
            send(FAULTS_MISSED[1], each.service, f"{told}; the same faults again: {drill.again}")


def send_cold_start(report: Rescue, services: Sequence[str]) -> None:
    """Send for each service that a start from nothing did not bring back; for all of them, where that is why all of it failed."""
    back = {each.service: each for each in report.services}
    for name in services if report.exit_code else ():
        found = back.get(name)
        if found is None or report.error or found.why:
            send(COLD_START_FAILED, name, (found and found.why) or report.error or report.words)
        elif not report.rto_met:
            send(COLD_START_FAILED, name, report.words)


def _text(drills: Sequence[DrillResult]) -> str:
    parts = [
        (each, [each.words, *([each.partial] if each.partial else []), *([each.proof] if each.asked else []), *each.reasons])
        for each in drills
    ]
    return "; ".join(f"{drill.drilled}: {', '.join(said)}" for drill, said in parts)
