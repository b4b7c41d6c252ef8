"""Which chains failed their drill: the newest proofs of their backups say so."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.test_chains import MONDAY, record
from verification.evidence.evidence import Verdict
from verification.evidence.failures import failed_chains
from verification.evidence.store import Proof

CHAIN = [record("a", number, number) for number in range(4)]
OTHERS = [record("b", 0, 7), record("c", 0, 9, service="other")]
Proofs = dict[str, tuple[Verdict, float]]


def failed(proofs: Proofs) -> dict[str, float]:
    """Chain -> the day of its failure."""
    read = {backup: Proof(verdict, None, MONDAY + timedelta(days=day)) for backup, (verdict, day) in proofs.items()}
    return {chain: (at - MONDAY) / timedelta(days=1) for chain, at in failed_chains([*CHAIN, *OTHERS], read).items()}


@pytest.mark.parametrize(
    ("proofs", "found"),
    [
        ({}, {}),
        ({"a3": ("verified", 4)}, {}),
        ({"a3": ("failed", 4)}, {"a": 4}),
        ({"a0": ("verified", 1), "a3": ("failed", 4)}, {"a": 4}),
        ({"a0": ("verified", 5), "a3": ("failed", 4)}, {"a": 4}),
        ({"a1": ("failed", 4), "a3": ("verified", 5)}, {}),
        ({"a1": ("failed", 5), "a3": ("verified", 4)}, {"a": 5}),
        ({"a1": ("failed", 4), "a3": ("verified", 4)}, {}),
        ({"a0": ("failed", 2), "a2": ("failed", 3)}, {"a": 3}),
        ({"b0": ("failed", 8), "c0": ("verified", 9)}, {"b": 8}),
        ({"gone": ("failed", 8)}, {}),
    ],
)
def test_a_failure_counts_until_that_backup_or_a_later_one_of_the_chain_is_verified(
    proofs: Proofs, found: dict[str, float]
) -> None:
    """A later one needs all that an earlier one needs; an earlier one says nothing of what came after it."""
    assert failed(proofs) == found


verdicts = some.tuples(some.sampled_from(["verified", "failed"]), some.integers(0, 9))


@given(some.dictionaries(some.sampled_from([backup.id for backup in CHAIN]), verdicts))
def test_what_was_said_last_of_the_chains_end_decides(proofs: Proofs) -> None:
    """Drilled once more now, the end of the chain settles it, whatever was found before."""
    assert failed(proofs | {"a3": ("failed", 10)}) == {"a": 10}
    assert failed(proofs | {"a3": ("verified", 10)}) == {}
