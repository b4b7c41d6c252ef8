"""Runs one drill of a verification on a machine of the fleet, as a flow that the verification starts.

Its result goes into the repository, where the verification collects it. Next file: `verification/fleet/carry.py`.
"""

from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import lifecycle
from tasks import fleet
from verification.fleet.ticket import Ticket


@flow(
    name="drill",
    flow_run_name="{ticket.service}, {ticket.selection} on {ticket.machine}",
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def run_drill(ticket: Ticket, config: Path | None = None) -> State[None]:
    """Run one drill on this machine, and keep its result in the repository. A verification starts it, nobody else need.

    Args:
        ticket: what is drilled, by names and ids
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    # Here, and in no other thread: an interrupt ends it as it does a command, and no pool of threads has to be ended after it.
    refused = fleet.carry_out(ticket, config)
    return Completed(name=fleet.REFUSED, message=refused) if refused else Completed()
