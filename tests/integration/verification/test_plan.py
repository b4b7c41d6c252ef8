"""Which backups of the toy service are drilled."""

import random
from datetime import timedelta

from tests.contract.toy_site import ToySite
from verification.drill.plan import plan


def test_latest_and_worst_are_one_drill_where_they_are_one_backup_and_two_where_they_are_not(toy: ToySite) -> None:
    site = toy.open()
    [both] = plan(site, ["toy"])
    assert (both.title, both.selection, both.also, len(both.chain)) == ("toy, latest and worst", "worst", ("latest",), 2)

    full = toy.back_up("full")
    new, long = plan(site, ["toy"])

    assert [backup.id for backup in new.chain] == [full]
    assert len(long.chain) == 2
    assert [(each.selection, each.also) for each in (new, long)] == [("latest", ()), ("worst", ())]


def test_a_backup_can_be_named_by_its_id_by_chance_and_by_time(toy: ToySite) -> None:
    site = toy.open()
    first, second = site.repository.backups()

    [by_id] = plan(site, ["toy"], [second.id])
    [by_time] = plan(site, ["toy"], ["latest"], at=second.taken_at - timedelta(microseconds=1))
    [too_early] = plan(site, ["toy"], ["latest"], at=first.taken_at - timedelta(seconds=1))
    drawn = {each.chain[-1].id for each in plan(site, ["toy"], ["random"] * 20, chance=random.Random(1))}
    [unknown] = plan(site, ["toy"], ["toy-never"])

    assert (by_id.selection, [backup.id for backup in by_id.chain]) == ("id", [first.id, second.id])
    assert by_time.chain[-1].id == first.id
    assert too_early.error is not None
    assert drawn == {first.id, second.id}
    assert "has no backup toy-never" in str(unknown.error)
