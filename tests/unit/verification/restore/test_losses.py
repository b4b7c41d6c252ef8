"""What a restore says that it did not bring back: since when, and beside what the source was looked at."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.services.base import Point
from verification.evidence.evidence import BackupPart, MomentPart
from verification.restore import arguments
from verification.restore.order import Order, Restoration
from verification.restore.plan import Plan
from verification.restore.words import losses

TAKEN = datetime(2026, 11, 22, tzinfo=UTC)
NOW = TAKEN + timedelta(hours=15)
GTID = "3e11fa47-71ca-11e1-9e33-c80aa9429562:23"


def plan(at: datetime | Point | None, **changes: Any) -> Plan:
    point = at if isinstance(at, Point) else Point(time=at) if at else None
    since = at if isinstance(at, datetime) else TAKEN
    values: dict[str, Any] = {
        "order": Order("agama", "local:/a", at=at),
        "choice": SimpleNamespace(point=point, backup=SimpleNamespace(id="agama-1")),
        "lost_seconds": (NOW - since).total_seconds(),
        "lost": ("agama.client: 3 rows more than the backup",),
    }
    return Plan(**{**dict.fromkeys(Plan.__dataclass_fields__), **values, **changes})


def moment(until: datetime | None) -> MomentPart:
    return MomentPart(asked="a moment", later="agama-20261123T000000Z", later_at=NOW, until=until)


@pytest.mark.parametrize(
    ("at", "until", "hours"),
    [
        (None, None, 15),
        (TAKEN + timedelta(hours=14), TAKEN + timedelta(hours=3), 1),
        (Point(position=GTID, before=True), TAKEN + timedelta(hours=14), 1),
        (Point(position=GTID), TAKEN + timedelta(hours=13), 2),
        (Point(position=GTID), None, 15),
        (Point(position=GTID), NOW + timedelta(hours=1), 0),
    ],
)
def test_what_is_lost_is_counted_from_the_moment_not_from_the_backup_before_it(
    at: datetime | Point | None, until: datetime | None, hours: float
) -> None:
    reached = None if at is None else moment(until)
    assert plan(at).lost_since(reached, NOW) == hours * 3600


def test_a_dry_run_does_not_count_as_lost_what_may_come_back() -> None:
    said = arguments._loss(plan(Point(position=GTID, before=True)))
    assert said == (
        "what came after it, of the 15 h 00 min since agama-1; "
        "what the source holds now, beside agama-1: agama.client: 3 rows more than the backup"
    )
    assert arguments._loss(plan(TAKEN + timedelta(hours=14), lost=())) == "the 1 h 00 min since"
    assert arguments._loss(plan(None)) == "the 15 h 00 min since; agama.client: 3 rows more than the backup"


@pytest.mark.parametrize("before", [False, True])
def test_a_dry_run_says_that_it_does_not_look_into_the_log(before: bool) -> None:
    """Whether a place in a file is between two transactions, no manifest tells; whether a GTID is in the log, it does."""

    def said(point: Point | None) -> str | None:
        return arguments._unchecked(cast("Any", SimpleNamespace(point=point, later=SimpleNamespace(id="agama-2"))))

    assert said(Point(position="binlog.000007:4711", before=before)) == (
        "whether a transaction begins at binlog.000007:4711 in the log of agama-2; where none does, the restore is refused"
    )
    assert said(Point(position=GTID, before=before)) is None
    assert said(Point(position=GTID.replace(":", ":some_tag:"))) is None
    assert said(Point(time=NOW)) is None
    assert said(None) is None


@pytest.mark.parametrize("between", [True, False])
def test_what_the_source_holds_now_is_called_lost_beside_the_backup_alone(*, between: bool) -> None:
    part = BackupPart(id="agama-20261122T000000Z", kind="full", chain=("agama-20261122T000000Z",), taken_at=TAKEN, bytes=1)
    told = Restoration(
        service="agama", type="mysql", verdict="unproven", started_at=NOW, finished_at=NOW, backup=part, to="local:/a",
        lost_seconds=60, lost=("agama.client: 3 rows fewer than the backup",), moment=moment(NOW) if between else None,
        runbook=Path("book.md"),
    )  # fmt: skip
    title = "the source now, beside agama-20261122T000000Z" if between else "lost"
    assert losses(told) == [
        "lost: the 1 min 00 s until the restore began",
        f"{title}: agama.client: 3 rows fewer than the backup",
    ]
