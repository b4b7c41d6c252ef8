"""What comes of checks and faults: the verdict, and what is said of checks that failed."""

import pytest

from backups.errors import Damaged, LifeboatError
from backups.witness import Check
from tests.unit.verification.samples import check
from verification.drill.clock import Stopwatch
from verification.drill.outcome import Progress, failed_checks, verdict


def test_the_first_failed_check_is_named_with_both_values() -> None:
    checks = [check("a", "rows", 1, 1), check("agama.client", "rows", 120, 119), check("b", "rows", 1, None)]
    assert failed_checks(checks) == "2 of 3 checks failed, first agama.client rows: expected 120, observed 119"
    assert failed_checks([check("b", "rows", 1, None)]) == "1 of 1 checks failed, first b rows: expected 1, observed nothing"
    assert failed_checks([check("a", "rows", 1, 1)]) is None


def test_a_long_value_is_cut_and_on_one_line() -> None:
    message = failed_checks([check("dashboard x", "definition", '{\n  "panels": 1\n}', "y" * 500)])
    assert message == f'1 of 1 checks failed, first dashboard x definition: expected {{ "panels": 1 }}, observed {"y" * 80}…'


EQUAL, OTHER = check("a", "rows", 1, 1), check("a", "rows", 1, 2)


@pytest.mark.parametrize(
    ("checks", "fault", "late", "expected"),
    [
        ([EQUAL], None, False, "verified"),
        ([EQUAL, OTHER], None, False, "failed"),
        ([EQUAL, OTHER], LifeboatError("no room"), False, "failed"),
        ([EQUAL], None, True, "failed"),
        ([], Damaged("a byte flipped"), False, "failed"),
        ([], LifeboatError("no room"), False, "could-not-run"),
        ([EQUAL], LifeboatError("no room"), False, "could-not-run"),
        ([], None, False, "could-not-run"),
    ],
)
def test_only_what_was_compared_equal_and_in_time_is_verified(
    checks: list[Check], fault: LifeboatError | None, late: bool, expected: str
) -> None:
    """Of a drill and of a real restore alike."""
    progress = Progress(Stopwatch(lambda: 0.0), checks=checks, fault=fault)
    assert verdict(progress, late=late) == expected
