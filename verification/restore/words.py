"""Says what came of a restore, for the terminal, the runbook and notifications alike.

Pure.
"""

from backups import durations
from verification.restore.order import Restoration


def statement(result: Restoration) -> str:
    """Say in a sentence what was compared with what, and what was not: it stands beside the verdict."""
    before = f", the newest backup before {result.asked}; of the time between the two nothing came back" if result.asked else ""
    proof = f"{result.proof}{before}"
    if not (result.tables and result.delivered):
        return proof
    return f"of the copy: {proof}; the files of SQL were written from it, and the files themselves were compared with nothing"


def hint_elsewhere(service: str, hint: str | None) -> str | None:
    """Write the hint of a restore that another command has begun: its options are those of a restore."""
    return f"with lifeboat restore {service}: {hint}" if hint else None


def losses(result: Restoration) -> list[str]:
    """Say what did not come back, a line each. What the source holds now was compared with the backup, with no later moment."""
    title = f"the source now, beside {result.backup.id}" if result.moment else "lost"
    return [
        f"lost: the {durations.describe(result.lost_seconds)} until the restore began",
        *(f"{title}: {line}" for line in result.lost),
    ]


def whereabouts(result: Restoration) -> list[str]:
    """Say where the data are, and what was done to the target, a line each."""
    if result.delivered:
        where = f"is in {result.delivered}"
    elif not result.touched:
        where = "the target was not touched"
    else:
        where = f"was not delivered whole, and {result.to} is not as it was: the steps in the runbook say how far it came"
    return [
        where,
        *([result.started] if result.started else []),
        *(["its service was stopped by restore.stop, and not started again"] if result.stopped and not result.delivered else []),
        *([f"what was there before is in {result.aside}"] if result.aside else []),
        *([f"its configuration is in {result.configuration}"] if result.configuration else []),
    ]
