"""The operator's own expectations, judged on restored copies of the toy service."""

import pytest

from tests.contract.toy_site import SUITE, ToySite
from tests.integration.verification.harness import latest


def test_the_operators_suites_are_judged_on_the_restored_copy(toy: ToySite) -> None:
    """They pass on a good copy; a client who lost the e-mail fails the proof even though his file is whole."""
    (toy.folder / "shop.yaml").write_text(SUITE)
    toy.configure(service=", suites: [shop.yaml]")
    good = latest(toy)
    (toy.folder / "shop.yaml").write_text(SUITE.replace("email IS NULL", "email = 'a@b'"))
    bad = latest(toy)

    assert good.verdict == "verified"
    assert good.checks[-1].subject == "suite shop.yaml: no client without an e-mail"
    assert bad.verdict == "failed"
    assert [(check.metric, check.expected, check.observed) for check in bad.failures] == [("unexpected rows", 0, 1)]
    assert {(part.suite, part.passed) for part in bad.expectations} == {("evidence", True), ("shop.yaml", False)}


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (SUITE.replace("client WHERE", "nobody WHERE"), "no such table: nobody"),
        (SUITE.replace("database: shop", "database: missing/shop"), "does not answer"),
        (SUITE.replace("unexpected_rows", "rows"), "expectations.0.unexpected_rows"),
    ],
)
def test_a_suite_that_cannot_be_run_is_no_proof(toy: ToySite, suite: str, words: str) -> None:
    (toy.folder / "shop.yaml").write_text(suite)
    toy.configure(service=", suites: [shop.yaml]")
    result = latest(toy)

    assert result.verdict == "could-not-run"
    assert words in (result.error or "")
    assert result.hint
