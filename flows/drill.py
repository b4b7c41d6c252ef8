"""Runs drills of a verification on a machine of the fleet, as a flow that the verification starts: one, or several short ones.

Their results go into the repository, where the verification collects them. Next file: `verification/fleet/carry.py`.
"""

from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import lifecycle
from tasks import fleet
from verification.fleet.ticket import Ticket


# What has sent it has given it a name, too.
@flow(
    name="drill",
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def run_drill(ticket: Ticket, further: list[Ticket] | None = None, config: Path | None = None) -> State[None]:
    """Run drills on this machine, one after another, and keep their results in the repository. A verification starts it.

    Args:
        ticket: what is drilled, by names and ids
        further: what is drilled after it, in this order
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    # Here, and in no other thread: an interrupt ends it as it does a command, and no pool of threads has to be ended after it.
    refused = fleet.carry_out([ticket, *(further or [])], config)
    return Completed(name=fleet.REFUSED, message=refused) if refused else Completed()
