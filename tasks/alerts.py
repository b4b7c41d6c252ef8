"""The automations that notify: what must not happen, what must not fail to happen, and their upkeep on a Prefect server.

`wanted` is a pure function of services and windows; `establish` makes the server hold exactly that, however often it runs.
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
"""Marks an automation as Lifeboat's; the deployments of prefect.yaml carry it, too."""
_SERVICE = "prefect.resource.id"
_VERDICTS = {"lifeboat.verification.verified", "lifeboat.verification.failed"}
_REPOSITORY = "`lifeboat status` tells what the repository holds."


@dataclass(frozen=True)
class Windows:
    """How long may pass without a backup, without a verdict, and between two notices of the same trouble."""

    backup: timedelta
    verification: timedelta
    again: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Established:
    """The names of the automations that were made, brought up to date, found as they should be, and removed as wanted no more.

    `paused`: those that somebody paused in Prefect; they stay so.
    """

    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    paused: tuple[str, ...]


def wanted(services: Sequence[str], windows: Windows, blocks: Sequence[UUID]) -> list[AutomationCore]:
    """The automations for the services; `blocks` are the notification blocks that each of them sends through."""
    here = [events.resource(service) for service in services]
    return [
        *(_never("backup", {events.BACKUP_COMPLETED}, service, windows.backup, blocks) for service in services),
        _stopped("backup", {events.BACKUP_COMPLETED}, here, windows.backup, blocks),
        *(_never("verification", _VERDICTS, service, windows.verification, blocks) for service in services),
        _stopped("verification", _VERDICTS, here, windows.verification, blocks),
        _happened("a backup failed", {events.BACKUP_FAILED}, blocks),
        _happened("a verification failed", set(events.NOT_VERIFIED), blocks),
        _happened("the RTO was missed", {events.RTO_MISSED}, blocks),
        _happened("a restore is advised", {events.RESTORE_ADVISED}, blocks, quiet=windows.again),
        _happened("the watch cannot look", {events.WATCH_BLIND}, blocks, quiet=windows.again),
        _run_state("a run broke off", {"prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}, TAG, blocks),
        _run_state("the retention failed", {"prefect.flow-run.Failed"}, "retention", blocks),
    ]


def establish(automations: Sequence[AutomationCore]) -> Established:
    """Make the server hold these automations and no other of Lifeboat's.

    Raises LifeboatError, before anything is changed, when one of the names belongs to an automation that is not Lifeboat's;
    Transient when the server is away.
    """
    with prefect_api.connected() as client:
        held = prefect_api.automations(client)
        names = {automation.name for automation in automations}
        _require_ours([automation for automation in held if automation.name in names])
        # Two of one name: somebody ran this twice at the same moment.
        ours = {automation.name: automation for automation in held if _is_ours(automation)}
        gone = [each for each in held if _is_ours(each) and (each.name not in names or each is not ours[each.name])]
        new = [automation for automation in automations if automation.name not in ours]
        stale = [each for each in automations if each.name in ours and not _same(each, ours[each.name])]
        for automation in new:
            client.create_automation(automation)
        for automation in stale:
            client.update_automation(ours[automation.name].id, automation)
        for each in gone:
            client.delete_automation(each.id)
    changed = {automation.name for automation in [*new, *stale]}
    kept = [automation.name for automation in automations if automation.name not in changed]
    return Established(
        created=tuple(automation.name for automation in new),
        updated=tuple(automation.name for automation in stale),
        unchanged=tuple(kept),
        removed=tuple(automation.name for automation in gone),
        paused=tuple(name for name in kept if not ours[name].enabled),
    )


def _is_ours(automation: Automation) -> bool:
    return automation.name.startswith(PREFIX) and TAG in automation.tags


def _require_ours(held: Sequence[Automation]) -> None:
    strangers = sorted(automation.name for automation in held if not _is_ours(automation))
    if strangers:
        raise LifeboatError(
            f"{len(strangers)} of the names are taken by automations that `lifeboat alerts` did not make, nothing was changed: "
            f"{', '.join(strangers)}",
            hint=f"rename or delete them in Prefect; with the tag {TAG}, they are taken over",
        )


def _same(automation: AutomationCore, held: Automation) -> bool:
    """Whether the server's is as it should be; one that changes begins its window anew."""
    return all(getattr(automation, part) == getattr(held, part) for part in ("trigger", "actions", "tags", "description"))


def _never(what: str, expected: set[str], service: str, window: timedelta, blocks: Sequence[UUID]) -> AutomationCore:
    """Ticks from its creation on: it notices what never began, and repeats; but its windows are not those of the last event."""
    trigger = EventTrigger(
        expect=expected,
        match={_SERVICE: events.resource(service)},
        posture=Posture.Proactive,
        threshold=1,
        within=window,
    )
    words = f"There was no {what} of {service} in the last {durations.describe(window)}. {_REPOSITORY}"
    return _automation(f"no {what} of {service}", trigger, blocks, words)


def _stopped(what: str, expected: set[str], here: list[str], window: timedelta, blocks: Sequence[UUID]) -> AutomationCore:
    """Starts anew with each event of a service, and fires once when the window after it has passed; needs a first event."""
    trigger = EventTrigger(
        after=expected,
        expect=expected,
        match={_SERVICE: here},
        for_each={_SERVICE},
        posture=Posture.Proactive,
        threshold=1,
        within=window,
    )
    words = f"The last {what} of {{{{ event.resource.name }}}} is {durations.describe(window)} ago. {_REPOSITORY}"
    return _automation(f"the last {what} of a service is too old", trigger, blocks, words)


def _happened(what: str, expected: set[str], blocks: Sequence[UUID], *, quiet: timedelta = timedelta(0)) -> AutomationCore:
    """Fires at once for each service, and then not again for as long as `quiet`."""
    trigger = EventTrigger(
        expect=expected,
        match={_SERVICE: events.resource("*")},
        for_each={_SERVICE},
        posture=Posture.Reactive,
        threshold=1,
        within=quiet,
    )
    return _automation(what, trigger, blocks, "{{ event.resource.name }}: {{ event.payload.text }}")


def _run_state(what: str, states: set[str], tag: str, blocks: Sequence[UUID]) -> AutomationCore:
    """Of runs that send no event of ours, killed ones for example, Prefect itself tells; `tag`: of the deployment."""
    trigger = EventTrigger(
        expect=states,
        match={_SERVICE: "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tag}"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    state = "{{ event.resource['prefect.state-name'] }}: {{ event.resource['prefect.state-message'] }}"
    words = f"The run {{{{ event.resource.name }}}} ended: {state}"
    return _automation(what, trigger, blocks, words)


def _automation(what: str, trigger: EventTrigger, blocks: Sequence[UUID], body: str) -> AutomationCore:
    # Validated from its dump: what was left to a default, at any depth, is otherwise not sent when it is brought up to date.
    values: dict[str, Any] = {
        "name": f"{PREFIX}{what}",
        "description": "Made, and kept up to date, by `lifeboat alerts`.",
        "tags": [TAG],
        "enabled": True,
        "trigger": trigger,
        "actions": [SendNotification(block_document_id=block, subject=f"Lifeboat: {what}", body=body) for block in blocks],
    }
    return AutomationCore.model_validate(AutomationCore(**values).model_dump(exclude={"owner_resource"}))
