"""What came of a fault is judged by the drill's verdict, and never counted where it was not there."""

import random
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from tests.unit.verification.samples import check
from verification.damage.attempt import Attempt
from verification.damage.choose import Fault
from verification.damage.kind import Injected, Kind, NotInjected, Stand, Target, named
from verification.evidence.evidence import DrillResult
from verification.evidence.verifier_drills import FaultPart

AT = datetime(2026, 11, 30, tzinfo=UTC)
WRONG, RIGHT = check("agama.client", "rows", 3, 2), check("agama.client", "rows", 3, 3)


def result(verdict: str, *checks: Any, error: str | None = None) -> DrillResult:
    reasons = (error,) if error else ()
    return DrillResult(
        service="agama", type="mysql", selection="latest", verdict=verdict, started_at=AT, checks=checks, error=error, reasons=reasons  # type: ignore[arg-type]
    )  # fmt: skip


def attempted(there: Any = None, *, refused: bool = False, stage: str = "running") -> Attempt:
    def inject(stand: Stand, target: Target, chance: random.Random) -> Injected:
        if refused:
            raise NotInjected("there is no row")
        return Injected("a row deleted from agama.client", ("agama.client",))

    kind = Kind("row deleted", frozenset(), cast("Any", stage), lambda _: [], inject, "running", there)
    return Attempt(Fault(1, "agama", "row deleted", ("agama", "client"), "chance"), kind, Stand("agama"))


def drilled(attempt: Attempt, found: DrillResult) -> FaultPart:
    """Do what a drill does with the tamper, and judge its result."""
    tamper = attempt.tamper()
    assert tamper.fetched is not None
    assert tamper.running is not None
    try:
        tamper.fetched([])
        tamper.running(cast("Any", object()))
    except LifeboatError:
        found = result("could-not-run", error="as it was raised")
    return attempt.judged(found)


@pytest.mark.parametrize(
    ("found", "outcome", "is_named"),
    [
        (result("failed", WRONG), "noticed", True),
        (result("failed", check("agama.order", "rows", 3, 2)), "noticed", False),
        (result("failed", RIGHT, error="agama.client cannot be read"), "noticed", True),
        (result("verified", RIGHT), "unnoticed", False),
        (result("could-not-run", error="agama.client: the network is gone"), "undecided", False),
    ],
)
@pytest.mark.parametrize("stage", ["fetched", "running"])
def test_the_verdict_of_the_drill_decides(found: DrillResult, outcome: str, is_named: bool, stage: str) -> None:
    part = drilled(attempted(stage=stage), found)
    assert (part.outcome, part.named) == (outcome, is_named)
    assert part.words == "a row deleted from agama.client"


def test_what_could_not_be_put_in_is_not_counted_whatever_the_verdict() -> None:
    part = drilled(attempted(refused=True), result("failed", WRONG))
    assert (part.outcome, part.named, part.said) == ("not-injected", False, "there is no row")


def test_what_the_copy_has_undone_or_does_not_show_is_not_counted() -> None:
    def hidden(*_: object) -> bool:
        raise NotInjected("the index is not there")

    gone = drilled(attempted(lambda *_: False, stage="fetched"), result("verified", RIGHT))
    assert (gone.outcome, gone.said) == ("not-injected", "a row deleted from agama.client: gone again when the log was replayed")
    unseen = drilled(attempted(hidden, stage="fetched"), result("verified", RIGHT))
    assert (unseen.outcome, unseen.said) == ("not-injected", "the index is not there")
    still = drilled(attempted(lambda *_: True, stage="fetched"), result("verified", RIGHT))
    assert still.outcome == "unnoticed"


@pytest.mark.parametrize(
    ("error", "is_named"),
    [
        ("log/a.000001@4 has 3 bytes", True),
        ("the file log/a.000001@4: is missing", True),
        ("log/a.000001@42 has 3 bytes", False),
        ("catalog/a.000001@4 has 3 bytes", False),
        (None, False),
    ],
)
def test_a_culprit_is_named_by_its_whole_name(error: str | None, is_named: bool) -> None:
    assert named(result("failed", error=error), ["log/a.000001@4"]) is is_named
