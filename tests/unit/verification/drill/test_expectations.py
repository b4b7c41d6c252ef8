"""The door to Great Expectations: it judges as our own comparison does, says nothing, and leaves nothing."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from backups import witness
from backups.errors import LifeboatError
from backups.witness import Check, Fact
from verification.drill import expectations
from verification.drill.suites import Expectation, Suite

WITNESS = [Fact("agama.client", "rows", 120), Fact("agama.client", "fingerprint", "ab"), Fact("agama.order", "rows", 7)]


_ASKED_FOR = """
import sys
from backups.witness import Fact
from verification.drill.expectations import judge
assert all(part.passed for part in judge([Fact("s", "m", 1)], [Fact("s", "m", 1)], []))
assert "great_expectations" in sys.modules
assert "scipy.optimize" not in sys.modules, "more was imported than a drill needs"
from scipy import stats
assert (stats.norm.cdf(0.0), "scipy.optimize" in sys.modules) == (0.5, True)
"""


@pytest.mark.long
def test_what_no_drill_asks_for_is_imported_only_when_it_is() -> None:
    """A third of what Great Expectations takes to import, in each process that drills; asked for, it is there."""
    if {"great_expectations", "scipy.stats"} & sys.modules.keys():
        subprocess.run([sys.executable, "-c", _ASKED_FOR], check=True)
    else:
        # The first test of this file, since it would take as long in a process of its own as in this one, which needs it too.
        exec(_ASKED_FOR, {})


def judged(observed: Sequence[Fact], expected: Sequence[Fact] = WITNESS) -> dict[str, tuple[bool, int | None]]:
    checks = witness.compare(expected, observed)
    return {part.name: (part.passed, part.unexpected) for part in expectations.judge(expected, observed, checks)}


def test_equal_facts_pass_every_expectation() -> None:
    assert all(passed for passed, _ in judged(list(reversed(WITNESS))).values())


@pytest.mark.parametrize(
    ("expected", "observed"),
    [(120, 121), (120, "120"), (1, True), (0, None), (1, 1.0), (0.1 + 0.2, 0.3), ("", None), ("absent", "Absent")],
)
def test_values_that_only_look_alike_are_not_equal(expected: witness.Value, observed: witness.Value) -> None:
    found = judged([Fact("s", "m", observed)], [Fact("s", "m", expected)])

    assert found["observed equals expected"] == (False, 1)


def test_a_missing_fact_fails_and_so_does_one_too_many() -> None:
    assert judged(WITNESS[:2])["observed equals expected"] == (False, 1)
    found = judged([*WITNESS, Fact("agama.extra", "rows", 1)])
    assert found["observed equals expected"] == (False, 1)
    assert not found["every witnessed fact is there, and no other"][0]


def test_zero_and_minus_zero_are_one_number_to_both_comparisons() -> None:
    assert all(passed for passed, _ in judged([Fact("s", "m", -0.0)], [Fact("s", "m", 0.0)]).values())


def test_a_judgement_that_disagrees_with_ours_is_a_fault_and_no_verdict() -> None:
    """If our own comparison lost a failed check, Great Expectations would still see it, and the drill proves nothing."""
    lying = [Check(fact.subject, fact.metric, fact.value, fact.value, passed=True) for fact in WITNESS]

    with pytest.raises(LifeboatError, match="finds 1 facts unequal, our own comparison 0"):
        expectations.judge(WITNESS, [*WITNESS[:2], Fact("agama.order", "rows", 6)], lying)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as database, database:
        database.execute("CREATE TABLE client (id INTEGER, email TEXT)")
        database.executemany("INSERT INTO client VALUES (?, ?)", [(1, "a@b"), (2, None), (3, "{10:30} 100% :x")])
    return f"sqlite:///{tmp_path}/shop.sqlite"


def suite(*queries: str) -> Suite:
    return Suite(
        database="shop",
        expectations=tuple(Expectation(name=f"query {number}", unexpected_rows=query) for number, query in enumerate(queries)),
    )


def test_a_suite_counts_unexpected_rows_and_shows_none_of_them(shop: str) -> None:
    checks = expectations.judge_suite(
        "shop.yaml", suite("SELECT * FROM client WHERE email IS NULL", "SELECT * FROM client WHERE id > 3"), shop
    )

    assert checks == [
        Check("suite shop.yaml: query 0", "unexpected rows", 0, 1, passed=False),
        Check("suite shop.yaml: query 1", "unexpected rows", 0, 0, passed=True),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM client WHERE email = '{10:30} 100% :x'",
        "SELECT id FROM client WHERE email LIKE '%0\\% :x' ESCAPE '\\';",
        "SELECT id FROM client WHERE id = 3 -- the odd one",
    ],
)
def test_sql_is_taken_literally(shop: str, query: str) -> None:
    """Braces, colons, percent signs, comments and a closing semicolon mean what they mean in SQL."""
    [check] = expectations.judge_suite("shop.yaml", suite(query), shop)

    assert check.observed == 1


def test_a_query_that_the_database_refuses_is_told_with_suite_and_name(shop: str) -> None:
    with pytest.raises(LifeboatError, match=r"the suite shop\.yaml cannot be run: query 0: .*no such table: nowhere"):
        expectations.judge_suite("shop.yaml", suite("SELECT * FROM nowhere"), shop)


def test_nothing_is_printed_left_behind_or_kept_in_the_environment(
    shop: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No progress bar, no warning on either stream, no file, no password in the environment."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    before = dict(os.environ)

    judged(WITNESS)
    expectations.judge_suite("shop.yaml", suite("SELECT * FROM client", "SELECT 1 FROM client WHERE 0"), shop)

    assert capfd.readouterr() == ("", "")
    assert not list((tmp_path / "empty").iterdir())
    assert dict(os.environ) == before


def test_a_password_in_the_address_of_a_copy_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Also when there is nobody at the address: the fault names neither the user's password nor the address with it."""
    caplog.set_level("DEBUG")
    with pytest.raises(LifeboatError) as caught:
        expectations.judge_suite("shop.yaml", suite("SELECT 1"), "mysql+pymysql://root:hunter2@127.0.0.1:1/shop")

    assert "hunter2" not in f"{caught.value}{caught.value.__cause__!r}{caught.value.__context__!r}{caplog.text}"


def test_drills_may_ask_side_by_side(shop: str) -> None:
    """Three threads at once get three right answers: its registries are global, so they take turns."""

    def ask(number: int) -> tuple[bool, int | None, witness.Value]:
        observed = [*WITNESS[:-1], Fact("agama.order", "rows", 7 + number)]
        [check] = expectations.judge_suite("shop.yaml", suite(f"SELECT * FROM client WHERE id <= {number}"), shop)
        return *judged(observed)["observed equals expected"], check.observed

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(ask, [0, 1, 2, 3])) == [(True, 0, 0), (False, 1, 1), (False, 1, 2), (False, 1, 3)]
