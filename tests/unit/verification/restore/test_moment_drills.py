"""What `verify --at` drills: what `restore --at` would bring back, or with --backup only older backups."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.repository.listing import Listing
from backups.services.base import Point
from backups.site import Site
from tests.unit.verification.restore.test_moment import MONDAY, WEEKS, Logged, day
from verification.drill.plan import Planned
from verification.restore.moment_drills import drills


def site(held: Any = WEEKS, *, continuous: bool = True, fault: LifeboatError | None = None) -> Site:
    def backups() -> Any:
        if fault:
            raise fault
        return held

    service = Logged(continuous=continuous)
    return cast(
        "Site",
        SimpleNamespace(
            # A manifest is only handed back to the service: a record stands for it.
            repository=SimpleNamespace(
                snapshots=lambda *_: [],
                listing=lambda snapshots=(): Listing(backups()),
                manifest=lambda record: record,
            ),
            settings=SimpleNamespace(
                services={"agama": SimpleNamespace(type="mysql", data_in=None)}, every_repository={"first": None}
            ),
            repository_name="first",
            further_name=None,
            service=lambda name, docker: service,
        ),
    )


def chosen(planned: Planned) -> tuple[list[str], Point | None, str | None]:
    return [each.id for each in planned.chain], planned.point, planned.later.id if planned.later else None


def test_a_moment_is_drilled_by_the_log_that_leads_there() -> None:
    (planned,) = drills(site(), ["agama"], (), day(1.5))
    assert chosen(planned) == (["b0", "b1"], Point(time=day(1.5)), "b2")
    assert (planned.selection, planned.asked, planned.newest) == ("moment", "2026-11-03 12:00:00 UTC", day(8))
    (planned,) = drills(site(), ["agama"], (), Point(position="2"))
    assert chosen(planned) == (["b0", "b1"], Point(position="2"), "b2")
    assert planned.asked == "2"


def test_the_moment_of_a_backup_and_one_of_a_service_without_a_log_need_none() -> None:
    (exact,) = drills(site(), ["agama"], (), day(1))
    assert chosen(exact) == (["b0", "b1"], None, None)
    (before,) = drills(site(continuous=False), ["agama"], (), day(1) + timedelta(microseconds=5))
    assert chosen(before) == (["b0", "b1"], None, None)
    assert before.asked == "2026-11-03 00:00:00.000005 UTC"


def test_with_a_selection_the_time_only_leaves_younger_backups_out() -> None:
    (planned,) = drills(site(), ["agama"], ["latest"], day(1.5))
    assert chosen(planned) == (["b0", "b1"], None, None)
    assert (planned.selection, planned.asked) == ("latest", None)
    assert [each.selection for each in drills(site(), ["agama"], (), None)] == ["latest", "worst"]
    # The second chain alone: what is the latest of it, is the worst.
    (both,) = drills(site(WEEKS[3:]), ["agama"], (), None)
    assert (both.title, chosen(both)[0]) == ("agama, latest and worst", ["b7", "b8"])
    (moment,) = drills(site(WEEKS[3:]), ["agama"], (), day(8))
    assert (moment.title, chosen(moment)[0]) == ("agama, moment", ["b7", "b8"])
    with pytest.raises(LifeboatError, match="--backup and 2 are two ways to say what is drilled"):
        drills(site(), ["agama"], ["latest"], Point(position="2"))


@pytest.mark.parametrize(
    ("at", "fault"), [(MONDAY - timedelta(days=1), "cannot be brought back to"), (Point(position="99"), "no two backups of")]
)
def test_a_moment_that_no_backup_reaches_is_a_drill_that_could_not_run(at: Any, fault: str) -> None:
    (planned,) = drills(site(), ["agama"], (), at)
    assert planned.error is not None
    assert fault in planned.error.message
    (unread,) = drills(site(fault=LifeboatError("the repository does not answer")), ["agama"], (), at)
    assert unread.error is not None
    assert (unread.error.message, unread.selection) == ("the repository does not answer", "moment")
