"""Names flow runs in the UI, and defines the error of a flow in which some of the work failed."""

from collections.abc import Sequence
from typing import Any

from backups.errors import LifeboatError


class SomeFailed(LifeboatError):
    """Some services failed; `outcomes` holds, for each service, its result or its error."""

    def __init__(self, message: str, outcomes: Sequence[tuple[str, Any]]) -> None:
        super().__init__(message)
        self.outcomes = outcomes


def run_name(verb: str) -> str:
    """Return a name for the flow run that is starting: its verb, its services, and its kind where it has one."""
    from prefect.runtime import flow_run

    parameters = flow_run.parameters or {}
    services = ", ".join(parameters.get("services") or []) or "every service"
    kind = f" ({parameters['kind']})" if parameters.get("kind") else ""
    return f"{verb} {services}{kind}"
