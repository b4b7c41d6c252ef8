"""Which kind of backup is due."""

from datetime import datetime, timedelta, timezone

import pytest

from backups.backup import _decide, _identifier
from backups.chains import Chain
from backups.manifest import Kind
from tests.unit.test_chains import MONDAY, record

CHAIN = Chain("a", (record("a", 0, 0), record("a", 1, 1)))


@pytest.mark.parametrize(
    ("kind", "chain", "days", "decided", "reason"),
    [
        (None, None, 0, "full", None),
        ("incremental", None, 0, "full", "there is no chain to extend"),
        (None, CHAIN, 2, "incremental", None),
        (None, CHAIN, 6.74, "incremental", None),
        (None, CHAIN, 6.75, "full", "the chain's full is 6 d 18 h old"),
        (None, CHAIN, 30, "full", "the chain's full is 30 d 0 h old"),
        ("incremental", CHAIN, 30, "incremental", None),
    ],
)
def test_the_age_of_the_full_decides_unless_the_operator_does(
    kind: Kind | None, chain: Chain | None, days: float, decided: Kind, reason: str | None
) -> None:
    assert _decide(kind, chain, MONDAY + timedelta(days=days), {"b": MONDAY}) == (decided, reason)


@pytest.mark.parametrize("kind", [None, "incremental"])
@pytest.mark.parametrize("days", [2, 30])
def test_a_chain_that_failed_its_drill_is_not_built_on_whoever_asks(kind: Kind | None, days: float) -> None:
    failed = {"a": datetime(2026, 11, 23, 7, 0, 59, tzinfo=timezone(timedelta(hours=1)))}
    expected = ("full", "the chain of a failed its drill on 2026-11-23 06:00 UTC")
    assert _decide(kind, CHAIN, MONDAY + timedelta(days=days), failed) == expected


def test_an_identifier_names_service_and_second_and_is_not_given_twice() -> None:
    assert _identifier("agama", MONDAY, set()) == "agama-20261116T000000Z"
    assert _identifier("agama", MONDAY, {"agama-20261116T000000Z"}) == "agama-20261116T000000Z-2"
    assert _identifier("agama", MONDAY, {"agama-20261116T000000Z", "agama-20261116T000000Z-2"}) == "agama-20261116T000000Z-3"
