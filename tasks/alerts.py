"""Creates and updates the automations of a Prefect server that notify of failures, of missing backups and missing proofs.

`wanted` is a pure function of services and windows; `establish` makes the server hold exactly those, however often it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.events import EventTrigger, Posture
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore

from backups import durations
from backups.errors import LifeboatError
from tasks import events, prefect_api

PREFIX = "lifeboat: "
TAG = "lifeboat"
"""Marks an automation as Lifeboat's; the deployments of prefect.yaml have it, too."""
_SERVICE = "prefect.resource.id"
_SERVICES = events.resource("*")
_VERDICTS = {"lifeboat.verification.verified", "lifeboat.verification.failed"}
_REPOSITORY = "`lifeboat status` shows what the repository holds."


@dataclass(frozen=True)
class Windows:
    """How long may pass without a backup, without a verdict, and between two notifications of the same problem."""

    backup: timedelta
    verification: timedelta
    again: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Established:
    """The names of the automations that were created, updated, left as they were, and removed.

    `paused`: those that were paused in Prefect; they stay so.
    """

    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    paused: tuple[str, ...]


def wanted(services: Sequence[str], windows: Windows, blocks: Sequence[UUID]) -> list[AutomationCore]:
    """Return the automations for the services; `blocks` are the notification blocks that each of them uses."""
    here = [events.resource(service) for service in services]
    return [
        *(_never("backup", {events.BACKUP_COMPLETED}, service, windows.backup, blocks) for service in services),
        _stopped("backup", {events.BACKUP_COMPLETED}, here, windows.backup, blocks),
        *(_never("verification", _VERDICTS, service, windows.verification, blocks) for service in services),
        _stopped("verification", _VERDICTS, here, windows.verification, blocks),
        _happened("a backup failed", {events.BACKUP_FAILED}, blocks),
        _happened("a copy is behind", {events.COPY_FAILED}, blocks, quiet=windows.again, about=events.repository("*")),
        _happened("a backup looks suspicious", {events.BACKUP_SUSPICIOUS}, blocks),
        _happened("a verification failed", {*events.NOT_VERIFIED, *events.NOT_VERIFIED_THERE}, blocks),
        _happened("the verifier missed a fault", set(events.FAULTS_MISSED), blocks),
        _happened("the RTO was missed", {events.RTO_MISSED}, blocks),
        _happened("a restore is advised", {events.RESTORE_ADVISED}, blocks, quiet=windows.again),
        _happened("the watch cannot look", {events.WATCH_BLIND}, blocks, quiet=windows.again),
        _run_state("a run broke off", {"prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}, TAG, blocks),
        _run_state("the retention failed", {"prefect.flow-run.Failed"}, "retention", blocks),
    ]


def establish(automations: Sequence[AutomationCore]) -> Established:
    """Make the server hold these automations and no others of Lifeboat's.

    Raises LifeboatError, before anything is changed, when one of the names belongs to an automation that is not Lifeboat's;
    Transient when the server does not answer.
    """
    with prefect_api.connected() as client:
        held = prefect_api.automations(client)
        names = {automation.name for automation in automations}
        _require_lifeboats([automation for automation in held if automation.name in names])
        # Two with one name: this ran twice at the same time.
        existing = {automation.name: automation for automation in held if _is_lifeboats(automation)}
        removed = [each for each in held if _is_lifeboats(each) and (each.name not in names or each is not existing[each.name])]
        new = [automation for automation in automations if automation.name not in existing]
        stale = [each for each in automations if each.name in existing and not _same(each, existing[each.name])]
        for automation in new:
            client.create_automation(automation)
        for automation in stale:
            client.update_automation(existing[automation.name].id, automation)
        for each in removed:
            client.delete_automation(each.id)
    changed = {automation.name for automation in [*new, *stale]}
    kept = [automation.name for automation in automations if automation.name not in changed]
    return Established(
        created=tuple(automation.name for automation in new),
        updated=tuple(automation.name for automation in stale),
        unchanged=tuple(kept),
        removed=tuple(automation.name for automation in removed),
        paused=tuple(name for name in kept if not existing[name].enabled),
    )


def _is_lifeboats(automation: Automation) -> bool:
    return automation.name.startswith(PREFIX) and TAG in automation.tags


def _require_lifeboats(held: Sequence[Automation]) -> None:
    others = sorted(automation.name for automation in held if not _is_lifeboats(automation))
    if others:
        raise LifeboatError(
            f"{len(others)} of the names are taken by automations that `lifeboat alerts` did not create, nothing was changed: "
            f"{', '.join(others)}",
            hint=f"rename or delete them in Prefect; with the tag {TAG} there, they are replaced",
        )


def _same(automation: AutomationCore, held: Automation) -> bool:
    """Return whether the server's automation needs no update; an update starts its window again."""
    return all(getattr(automation, part) == getattr(held, part) for part in ("trigger", "actions", "tags", "description"))


def _never(what: str, expected: set[str], service: str, window: timedelta, blocks: Sequence[UUID]) -> AutomationCore:
    """Return an automation that checks each window from its creation on: it notices what never began, and repeats."""
    trigger = EventTrigger(
        expect=expected,
        match={_SERVICE: events.resource(service)},
        posture=Posture.Proactive,
        threshold=1,
        within=window,
    )
    body = f"There was no {what} of {service} in the last {durations.describe(window)}. {_REPOSITORY}"
    return _automation(f"no {what} of {service}", trigger, blocks, body)


def _stopped(what: str, expected: set[str], here: list[str], window: timedelta, blocks: Sequence[UUID]) -> AutomationCore:
    """Return an automation whose window starts with each event of a service, and which fires once when the next is late."""
    trigger = EventTrigger(
        after=expected,
        expect=expected,
        match={_SERVICE: here},
        for_each={_SERVICE},
        posture=Posture.Proactive,
        threshold=1,
        within=window,
    )
    body = f"The last {what} of {{{{ event.resource.name }}}} is {durations.describe(window)} ago. {_REPOSITORY}"
    return _automation(f"the last {what} of a service is too old", trigger, blocks, body)


def _happened(
    what: str,
    expected: set[str],
    blocks: Sequence[UUID],
    *,
    quiet: timedelta = timedelta(0),
    about: str = _SERVICES,
) -> AutomationCore:
    """Return an automation that fires at once for each service (`about`), and then not again for as long as `quiet`."""
    trigger = EventTrigger(
        expect=expected,
        match={_SERVICE: about},
        for_each={_SERVICE},
        posture=Posture.Reactive,
        threshold=1,
        within=quiet,
    )
    return _automation(what, trigger, blocks, "{{ event.resource.name }}: {{ event.payload.text }}")


def _run_state(what: str, states: set[str], tag: str, blocks: Sequence[UUID]) -> AutomationCore:
    """Return an automation for runs that send no event of Lifeboat's, as killed ones; `tag`: of the deployment."""
    trigger = EventTrigger(
        expect=states,
        match={_SERVICE: "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tag}"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    state = "{{ event.resource['prefect.state-name'] }}: {{ event.resource['prefect.state-message'] }}"
    body = f"The run {{{{ event.resource.name }}}} ended: {state}"
    return _automation(what, trigger, blocks, body)


def _automation(what: str, trigger: EventTrigger, blocks: Sequence[UUID], body: str) -> AutomationCore:
    # Validated from its dump: values left to a default, at any depth, are otherwise not sent by an update.
    values: dict[str, Any] = {
        "name": f"{PREFIX}{what}",
        "description": "Created and updated by `lifeboat alerts`.",
        "tags": [TAG],
        "enabled": True,
        "trigger": trigger,
        "actions": [SendNotification(block_document_id=block, subject=f"Lifeboat: {what}", body=body) for block in blocks],
    }
    return AutomationCore.model_validate(AutomationCore(**values).model_dump(exclude={"owner_resource"}))
