"""Who trusts a suspicious backup: kept in tags that every machine reads, and what is no such record counts for nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.past import Sign
from backups.repository import trust
from backups.repository.listing import Listing, Snapshot
from flows.commands.trust import choose
from tests.unit.test_suspicion import record

NOW = datetime(2026, 11, 30, 12, 0, 0, 250_000, tzinfo=UTC)
IDS = ("agama-20261123T000004Z", "agama-20261124T000004Z")


class Kept:
    """A repository that keeps the tags of what is saved."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def save(self, directory: Path, *, host: str, tags: Sequence[str], at: datetime) -> str:
        assert (directory / trust.FILE).is_file()
        assert not [tag for tag in tags if "," in tag]
        self.snapshots.append(Snapshot(f"{len(self.snapshots):064x}", at, tuple(tags)))
        return self.snapshots[-1].id


def keep(kept: Kept, directory: Path, *backups: str, now: datetime = NOW, reason: str = "import, of photographs\n(2025)") -> list[trust.Trust]:  # fmt: skip
    repository: Any = kept
    return trust.keep(repository, backups, directory, by="root, on backup-1", reason=reason, host="backup-1", now=now)


def test_a_record_is_read_back_and_of_several_the_first_counts(tmp_path: Path) -> None:
    kept = Kept()
    first = keep(kept, tmp_path, *IDS)
    keep(kept, tmp_path, IDS[0], now=NOW + timedelta(days=1), reason="again")
    found = trust.read(reversed(kept.snapshots))
    assert found == {each.backup: each for each in first}
    assert str(found[IDS[0]]) == "trusted by root; on backup-1 on 2026-11-30 12:00 UTC: import; of photographs (2025)"
    assert list(trust.odd(kept.snapshots)) == []


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 301])
def test_a_reason_is_a_line(tmp_path: Path, reason: str) -> None:
    with pytest.raises(LifeboatError, match="a reason has between 1 and 300 characters"):
        keep(Kept(), tmp_path, IDS[0], reason=reason)


@pytest.mark.parametrize(
    "tags",
    [
        (),
        (f"trusted={IDS[0]}",),
        ("trusted=latest", "at=2026-11-30T12:00:00+00:00", "by=root", "reason=x"),
        (f"trusted={IDS[0]}", "trusted=../..", "at=2026-11-30T12:00:00+00:00", "by=root", "reason=x"),
        (f"trusted={IDS[0]}", "at=2026-11-30", "by=root", "reason=x"),
        ("at=2026-11-30T12:00:00+00:00", "by=root", "reason=x"),
    ],
)
def test_what_is_no_such_record_counts_for_nothing_and_is_named(tags: tuple[str, ...]) -> None:
    forged = Snapshot("f" * 64, NOW, (trust.TAG, *tags))
    assert trust.read([forged]) == {}
    assert "snapshot ffffffff is left out: it says that somebody trusts a backup" in str(*trust.odd([forged]))
    assert trust.read([Snapshot("f" * 64, NOW, tags)]) == {}, "without the tag it says nothing at all"


SIGNS = (Sign(kind="rows", found=0, usual=500),)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(["agama"], [1, 2]), ([2], [2]), (["agama", 2], [1, 2]), ([1, 2], [1, 2])],
)
def test_backups_are_chosen_by_their_ids_or_by_their_service(wanted: list[Any], found: list[int]) -> None:
    held = [record(0, "full", 1), *(record(day, "full", 1, signs=SIGNS) for day in (1, 2, 3))]
    trusts = {held[3].id: trust.Trust(backup=held[3].id, at=NOW, by="root", reason="meant")}
    ids = [held[each].id if isinstance(each, int) else each for each in wanted]
    assert choose(Listing(held), trusts, ids, ["agama", "grafana"]) == [held[each] for each in found]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("grafana", "no backup of grafana looks suspicious that nobody trusts"),
        (0, "does not look suspicious: there is nothing to trust"),
        (1, "is trusted by root on 2026-11-30 12:00 UTC: meant already"),
        ("agama-20200101T000000Z", "there is no backup agama-20200101T000000Z in the repository"),
    ],
)
def test_what_cannot_be_trusted_is_told(wanted: Any, words: str) -> None:
    held = [record(0, "full", 1), record(1, "full", 1, signs=SIGNS)]
    trusts = {held[1].id: trust.Trust(backup=held[1].id, at=NOW, by="root", reason="meant")}
    with pytest.raises(LifeboatError) as told:
        choose(Listing(held), trusts, [held[wanted].id if isinstance(wanted, int) else wanted], ["agama", "grafana"])
    assert words in told.value.message
