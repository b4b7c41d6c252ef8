"""What a drill says of checks that failed."""

from tests.unit.verification.samples import check
from verification.drill.outcome import failed_checks


def test_the_first_failed_check_is_named_with_both_values() -> None:
    checks = [check("a", "rows", 1, 1), check("agama.client", "rows", 120, 119), check("b", "rows", 1, None)]
    assert failed_checks(checks) == "2 of 3 checks failed, first agama.client rows: expected 120, observed 119"
    assert failed_checks([check("b", "rows", 1, None)]) == "1 of 1 checks failed, first b rows: expected 1, observed nothing"
    assert failed_checks([check("a", "rows", 1, 1)]) is None


def test_a_long_value_is_cut_and_on_one_line() -> None:
    message = failed_checks([check("dashboard x", "definition", '{\n  "panels": 1\n}', "y" * 500)])
    assert message == f'1 of 1 checks failed, first dashboard x definition: expected {{ "panels": 1 }}, observed {"y" * 80}…'
