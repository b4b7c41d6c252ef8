"""What `lifeboat diff` prints: a line for each thing, and what was not compared."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backups.chains import Chain
from backups.difference import Difference, Differing, Subject
from backups.errors import LifeboatError
from backups.manifest import Manifest
from flows.commands import diff
from tests.unit.verification.restore.test_moment import MONDAY, WEEKS, record

KEY = "measured with another row key"
FOUND = Difference(
    (
        Subject("account bob@%", "gone", (Differing("definition", "a" * 64, None, stated_by_both=False),)),
        Subject(
            "shop.client",
            "changed",
            (Differing("rows", 1200, 1198, stated_by_both=True), Differing("fingerprint", "a" * 64, "b" * 64, True, KEY)),
            ("definition",),
        ),
        Subject("shop.new", "new", (Differing("rows", None, 7, stated_by_both=False),)),
        Subject("shop.old", "not comparable", (Differing("fingerprint", "a" * 64, "b" * 64, True, KEY),), ("rows", "definition")),
        Subject("all metrics", "not stated", (Differing("series", 1, None, False, "b does not state it"),)),
        Subject("shop.text", "changed", (Differing("title", "x\x1b[2J" + "y" * 90, "z", stated_by_both=True),)),
    ),
    70,
    36,
)


def manifest(name: str, *, limits: int = 0) -> Manifest:
    details = {"limits": [f"limit {number}" for number in range(limits)]}
    values: dict[str, Any] = {"id": name, "type": "mysql", "taken_at": datetime(2026, 11, 22, tzinfo=UTC), "details": details}
    return Manifest.model_construct(**values)


def test_each_thing_has_its_line_and_nothing_is_called_equal_that_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    diff.show(manifest("a"), manifest("b", limits=2), FOUND)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "what 2026-11-22 00:00:00 2026-11-22 00:00:00",
        "account bob@% gone",
        "shop.client rows 1,200 1,198 (-2)",
        f"fingerprint not comparable {KEY}; equal: definition",
        "shop.new new - 7 rows",
        f"shop.old fingerprint not comparable {KEY}; equal: rows, definition",
        "shop.text title x\\x1b[2J" + "y" * 35 + "… z",
        "different: 2 changed, 1 new, 1 gone, 1 not comparable, of 36 things; 70 facts equal",
        "not compared: 1 fact, since b does not state it",
        "b has 2 limits, which no fact is about: lifeboat show b",
    ]


def test_equal_is_said_of_what_both_state(capsys: pytest.CaptureFixture[str]) -> None:
    diff.show(manifest("a"), manifest("b"), Difference((), 80, 36))
    assert capsys.readouterr().out.splitlines() == ["equal: 80 facts about 36 things, all that both backups state"]
    diff.show(manifest("a"), manifest("b"), Difference((), 0, 0))
    assert capsys.readouterr().out.startswith("not comparable: nothing is stated by both, of 0 things")


def test_a_backup_is_chosen_by_its_id_also_where_its_chain_has_a_hole() -> None:
    holed = [Chain("a", (WEEKS[0], WEEKS[2]))]
    assert diff._record("agama", holed, "b2", MONDAY).id == "b2"
    with pytest.raises(LifeboatError, match="agama has no backup b1") as refused:
        diff._record("agama", holed, "b1", MONDAY)
    assert refused.value.hint == "see: lifeboat list agama"
    with pytest.raises(LifeboatError, match="agama has no backup in the repository"):
        diff._record("agama", [], "latest", MONDAY)


def test_the_latest_is_none_of_the_future() -> None:
    chain = [Chain("a", (record(0, "a", 0), record(99, "a", 1)))]
    assert diff._record("agama", chain, "latest", MONDAY).id == "b0"
    assert diff._record("agama", chain, "b99", MONDAY).id == "b99"
