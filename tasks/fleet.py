"""Carries the tickets of a fleet by Prefect: flow runs of the deployment `drill`, in the work queue of their machine.

What Prefect has is used as it is: a worker's heartbeats say that its machine is there, a run's heartbeats that its drill goes on,
and a worker's own limit keeps a machine from more than it has room for.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Literal, cast
from uuid import UUID

import httpx
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    FlowRunFilterWorkQueueName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.runtime import flow_run
from prefect.states import Cancelling, Crashed
from pydantic import ValidationError

from backups.errors import ConfigError, Transient
from backups.foreign import shown
from backups.machine.parallel import guarded
from backups.site import Site
from tasks import prefect_api
from verification.fleet import carry
from verification.fleet.post import Seen, Sent, Worker
from verification.fleet.ticket import Ticket
from verification.fleet.work import POOL

DEPLOYMENT = "drill/drill"
"""Of prefect.yaml; for another pool than its own it is deployed once more, beside it."""
REFUSED = "Refused"
"""The name of the state of a run whose machine does not run the drill."""
_FURTHER = "further"
"""The parameter of the flow that holds the tickets behind the first one."""
_RECALLED = "lifeboat.recalled."
"""What the label of a run begins with that a ticket was taken back from; the ticket's mark follows."""
_UNKNOWN = re.compile(r"\.(\w+): Extra inputs are not permitted")
_OTHER_PARAMETERS = "Function expects parameters"
"""What Prefect says of keys of a ticket, and of parameters, that a machine's own flow does not know."""
_HEARTBEAT = "prefect.flow-run.heartbeat"
_LISTEN = 10.0
"""Seconds between two looks for the heartbeats of runs, which come every 30."""
_PAGE = 200
_STATES: Mapping[StateType, Literal["waiting", "done", "failed", "died", "stopped"]] = {
    StateType.SCHEDULED: "waiting",
    StateType.PENDING: "waiting",
    StateType.COMPLETED: "done",
    StateType.FAILED: "failed",
    StateType.CRASHED: "died",
    StateType.CANCELLED: "stopped",
}
"""Every other one is of a run that goes on."""
_AT_WORK = FlowRunFilterState(
    type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED])
)
_EVERY = 30
"""Seconds between two heartbeats of a worker that does not say."""


@dataclass
class Prefect:
    """A `Post` of the configured server. pools: those of the fleet."""

    client: SyncPrefectClient
    verification: str
    pools: Mapping[str, str]
    """By machine."""
    _deployments: dict[str, UUID] = field(default_factory=dict)
    _beats: dict[str, tuple[float, object]] = field(default_factory=dict)

    @property
    def _tag(self) -> str:
        return f"verification:{self.verification}"

    def workers(self) -> Mapping[str, Worker]:
        """See Post. A machine's worker has its name."""
        found: dict[str, Worker] = {}
        for pool in sorted(set(self.pools.values())):
            with _told():
                workers = prefect_api.workers(self.client, pool)
            found |= {
                each.name: Worker(
                    each.last_heartbeat_time,
                    timedelta(seconds=each.heartbeat_interval_seconds or _EVERY),
                    online=each.status == WorkerStatus.ONLINE,
                )
                for each in workers
                if self.pools.get(each.name) == pool
            }
        return found

    def send(self, tickets: Sequence[Ticket]) -> str:
        """See Post. The run is shown below the verification's."""
        machine = tickets[0].machine
        # What is as ever is left out: a machine of an older version refuses keys that it does not know.
        first, *further = [each.model_dump(mode="json", exclude_defaults=True) for each in tickets]
        with _told():
            # It waits, where no event loop runs.
            run = cast(
                "FlowRun",
                run_deployment(
                    self._deployment(self.pools[machine]),
                    # One alone is sent so that a worker of an older version takes it, too.
                    parameters={"ticket": first, **({_FURTHER: further} if further else {})},
                    flow_run_name=f"{'; '.join(each.title for each in tickets)} on {machine}",
                    timeout=0,
                    tags=[self._tag],
                    idempotency_key=tickets[0].mark,
                    work_queue_name=machine,
                ),
            )
        return str(run.id)

    def look(self, runs: Collection[str]) -> Mapping[str, Seen]:
        """See Post."""
        wanted = [UUID(run) for run in runs]
        return (
            {str(run.id): self._seen(run) for run in self._found(FlowRunFilter(id=FlowRunFilterId(any_=wanted)))} if runs else {}
        )

    def cancel(self, run: str, why: str, *, dead: bool = False) -> None:
        """See Post. Of a dead one Prefect is told, so that it does not go on counting it."""
        state: State[Any] = Crashed(message=why) if dead else Cancelling(message=why)
        with _told():
            try:
                self.client.set_flow_run_state(UUID(run), state, force=dead)
            except ObjectNotFound:
                return

    def recall(self, run: str, marks: Collection[str]) -> None:
        """See Post. The run's labels say so, which it reads before it begins each of its drills."""
        with _told():
            try:
                self.client.update_flow_run_labels(UUID(run), {_RECALLED + mark: True for mark in marks})
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.NOT_FOUND:
                    raise

    def sent(self) -> Mapping[str, Sent]:
        """See Post. What no ticket can be read of, was not sent by this version."""
        found: dict[str, Sent] = {}
        for run in self._found(FlowRunFilter(tags=FlowRunFilterTags(all_=[self._tag]))):
            try:
                given = [run.parameters.get("ticket"), *(run.parameters.get(_FURTHER) or [])]
                recalled = {name.removeprefix(_RECALLED) for name in run.labels if name.startswith(_RECALLED)}
                found[str(run.id)] = Sent([Ticket.model_validate(each) for each in given], recalled)
            except ValidationError:
                continue
        return found

    def _found(self, wanted: FlowRunFilter) -> Iterator[FlowRun]:
        offset = 0
        while True:
            with _told():
                page = self.client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=offset)
            yield from page
            offset += len(page)
            if len(page) < _PAGE:
                return

    def _seen(self, run: FlowRun) -> Seen:
        state = run.state
        if state is None:
            return Seen("waiting")
        if state.type == StateType.COMPLETED and state.name == REFUSED:
            return Seen("refused", state.message or "")
        if state.type == StateType.SCHEDULED:
            return Seen("waiting", beat=self._heard_of(run.work_queue_name or "", self._at_work), taken=False)
        if state.type == StateType.FAILED and (why := _of_another_version(state.message or "")):
            # Nothing of it was begun. Of a run of several it is not known which one the machine cannot read.
            return Seen("failed" if run.parameters.get(_FURTHER) else "refused", why)
        if state.type in _STATES:
            # Pending: a worker has taken it, and starts its process.
            beat = state.timestamp if state.type == StateType.PENDING else None
            return Seen(_STATES[state.type], state.message or "", beat)
        goes_on: Literal["stopping", "running"] = "stopping" if state.type == StateType.CANCELLING else "running"
        return Seen(goes_on, beat=self._heard_of(str(run.id), self._newest_beat))

    def _heard_of(self, name: str, ask: Callable[[str], object]) -> object:
        """When a run, or a queue, was last heard, None where its worker has it send no heartbeats; it is asked now and then."""
        at, beat = self._beats.get(name, (-_LISTEN, None))
        if monotonic() - at >= _LISTEN:
            beat = ask(name) or beat
            self._beats[name] = monotonic(), beat
        return beat

    def _at_work(self, queue: str) -> object:
        """Return when a machine was last seen at drills from its work queue, of whichever verification; "not yet" for never."""
        wanted = FlowRunFilter(work_queue_name=FlowRunFilterWorkQueueName(any_=[queue]), state=_AT_WORK)
        with _told():
            busy = self.client.read_flow_runs(flow_run_filter=wanted, limit=1)
        return monotonic() if busy else self._beats.get(queue, (0.0, None))[1] or "not yet"

    def _newest_beat(self, run: str) -> object:
        wanted: dict[str, Any] = {"event": {"name": [_HEARTBEAT]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
        with _told():
            answer = self.client.request("POST", "/events/filter", json={"filter": wanted, "limit": 1})
            events = answer.json().get("events") or []
        return events[0].get("occurred") if events else None

    def _deployment(self, pool: str) -> UUID:
        """Return the deployment of drills in a pool; raises ConfigError where prefect.yaml was not deployed, or long ago."""
        if pool not in self._deployments:
            try:
                model = self.client.read_deployment_by_name(DEPLOYMENT)
            except ObjectNotFound as error:
                raise ConfigError(
                    f"the Prefect server has no deployment {DEPLOYMENT}",
                    hint="deploy prefect.yaml: make server, or prefect --no-prompt deploy --all",
                ) from error
            schema = model.parameter_openapi_schema or {}
            ticket = schema.get("definitions", {}).get(Ticket.__name__, {}).get("properties", Ticket.model_fields)
            known = {*schema.get("properties", ()), *ticket}
            if model.enforce_parameter_schema and not known.issuperset({_FURTHER, *Ticket.model_fields}):
                # It would refuse each run of several, or of a ticket that has more in it, for ever.
                raise ConfigError(
                    f"the deployment {DEPLOYMENT} of the Prefect server is of an earlier version",
                    hint="deploy prefect.yaml: make server, or prefect --no-prompt deploy --all",
                )
            self._deployments[pool] = model.id if model.work_pool_name == pool else self._copied(model, pool)
        return self._deployments[pool]

    def _copied(self, model: DeploymentResponse, pool: str) -> UUID:
        return self.client.create_deployment(
            flow_id=model.flow_id,
            name=f"{model.name}-{pool}",
            version=model.version,
            work_pool_name=pool,
            tags=list(model.tags),
            path=model.path,
            entrypoint=model.entrypoint,
            pull_steps=model.pull_steps,
            parameter_openapi_schema=model.parameter_openapi_schema,
            enforce_parameter_schema=model.enforce_parameter_schema,
            description=model.description,
        )


@contextmanager
def posted(site: Site, verification: str) -> Iterator[Prefect]:
    """Yield what carries the tickets of a verification, by the configured server."""
    pools = {name: each.pool or POOL for name, each in site.settings.fleet.machines.items()}
    with prefect_api.connected() as client:
        yield Prefect(client, verification, pools)


def _of_another_version(words: str) -> str | None:
    """Say so where a run has failed since its machine's Lifeboat does not know what was sent to it; else None."""
    if unknown := sorted(set(_UNKNOWN.findall(words))):
        what = ", ".join(unknown)
    elif _OTHER_PARAMETERS in words:
        what = "several drills in one run"
    else:
        return None
    return f"its Lifeboat is of another version than the coordinator's, and does not know {shown(what)}: upgrade it"


@contextmanager
def _told() -> Iterator[None]:
    """Within the block what the server does not answer is a LifeboatError, after which it can be asked again."""
    try:
        with prefect_api.translated():
            yield
    except (httpx.HTTPError, PrefectException, ValueError) as error:
        raise Transient(f"the Prefect server was asked in vain: {error}", hint="is it running, and of this version?") from error


def carry_out(tickets: Sequence[Ticket], config: Path | None) -> str | None:
    """Run the drills of these tickets here, a task run each, and keep their results; returns why this machine runs one not."""
    with prefect_api.connected() as client:
        run = UUID(str(flow_run.id))
        return guarded(
            lambda: carry.carry_out(
                Site.open(config).for_a_night(),
                tickets,
                here=carry.name(),
                wanted=lambda ticket: _wanted(client, run, ticket),
                each=lambda ticket, drill: _shown(ticket.title, drill),
            )
        )


@task(task_run_name="drill {title}", cache_policy=NO_CACHE, persist_result=False)
def _shown(title: str, drill: Callable[[], str | None]) -> str | None:  # noqa: ARG001 - the title names the run in the UI
    return guarded(drill)


def _wanted(client: SyncPrefectClient, run: UUID, ticket: Ticket) -> bool:
    """Whether this run goes on, and the ticket was not taken back from it. Raises LifeboatError where the server does not say."""
    with _told():
        found = client.read_flow_run(run)
    # One that is being cancelled its worker ends, and tells so: were it to end by itself, it would be thought done.
    over = found.state is not None and found.state.is_final()
    return not over and _RECALLED + ticket.mark not in found.labels
