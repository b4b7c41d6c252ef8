"""A later backup whose proof has failed: a moment that its log leads to is refused, and not for being late."""

from datetime import timedelta
from typing import Any, cast

import pytest

from backups.errors import Damaged
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from backups.services.base import Point
from tests.unit.verification.evidence.test_store import BACKUP, Held
from tests.unit.verification.restore.test_moment import record
from tests.unit.verification.samples import MONDAY, evidence, lost_row, result
from verification.evidence import store
from verification.evidence.evidence import DrillResult
from verification.restore.order import Order
from verification.restore.plan import ANYWAY, require_unrefuted

LATER = record(2, "a", 1).model_copy(update={"id": BACKUP})
LATE = result(verdict="failed", rto_met=False, reasons=("the restore took 3 h, the objective is 2 h",))
DAMAGED = result(verdict="failed", checks=(), reasons=("a byte flipped",), error="a byte flipped")


def required(order: Order, *weeks: DrillResult) -> None:
    """Each week's verification, one drill each, oldest first."""
    found = {f"s{number}": evidence(drill, finished_at=MONDAY + timedelta(weeks=number)) for number, drill in enumerate(weeks)}
    snapshots = [Snapshot(name, each.finished_at, tuple(store.tags(each))) for name, each in found.items()]
    require_unrefuted(
        cast("Repository", Held(**cast("Any", found))), snapshots, LATER, order, MONDAY + timedelta(weeks=len(weeks)), ANYWAY
    )


AT = Order("agama", "local:/data", at=MONDAY)
GTID = Order("agama", "local:/data", at=Point(position="3e11fa47-71ca-11e1-9e33-c80aa9429562:23"))


@pytest.mark.parametrize(
    ("order", "drill", "moment", "why"),
    [
        (AT, lost_row(), "2026-11-23 06:00:00 UTC", "2 of 8 checks failed, first agama.client rows: expected 120, observed 119"),
        (GTID, DAMAGED, "3e11fa47-71ca-11e1-9e33-c80aa9429562:23", "a byte flipped"),
        (AT, lost_row(rto_met=False), "2026-11-23 06:00:00 UTC", "2 of 8 checks failed"),
    ],
)
def test_it_is_refused_with_what_the_drill_found(order: Order, drill: DrillResult, moment: str, why: str) -> None:
    with pytest.raises(Damaged) as refused:
        required(order, result(), drill)
    assert refused.value.message.startswith(
        f"{moment} would be reached by the log of {BACKUP}, whose drill of 2026-11-30 06:00 UTC"
    )
    assert f" failed: {why}" in refused.value.message
    assert refused.value.message.endswith("; nothing was changed")
    assert f"lifeboat verify agama --backup {BACKUP}; or go on all the same: --anyway" in str(refused.value.hint)


@pytest.mark.parametrize("weeks", [(), (result(),), (LATE,), (lost_row(), result()), (DAMAGED, LATE)])
def test_what_came_back_equal_or_was_never_drilled_is_not_refused(weeks: tuple[DrillResult, ...]) -> None:
    """Late is not damaged, and the newest drill counts."""
    required(AT, *weeks)
