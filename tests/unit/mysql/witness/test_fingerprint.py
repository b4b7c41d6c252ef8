"""The SQL of a fingerprint: what it is made of, whatever tables and columns are called."""

import functools
import hashlib
import operator
import random
from collections.abc import Iterable

import pytest

from backups.errors import LifeboatError
from backups.services.mysql.witness import fingerprint
from backups.services.mysql.witness.fingerprint import Column


def test_quotes_every_identifier() -> None:
    """Names may hold backticks, spaces and anything else."""
    sql = fingerprint.query("a`b", "c d", [Column("e`; DROP", "int", nullable=False)], keyed=True)
    assert "FROM `a``b`.`c d`" in sql
    assert "`e``; DROP`" in sql


def test_skips_what_is_computed_and_counts_what_is_stored() -> None:
    columns = [Column("stored", "int", nullable=False), Column("virtual", "int", nullable=False, computed=True)]
    sql = fingerprint.query("a", "t", columns, keyed=True)
    assert "`virtual`" not in sql
    assert "CONCAT_WS(',', 1, `stored`)" in sql


def test_gives_null_a_mark_that_no_value_has() -> None:
    columns = [Column("number", "int", nullable=True), Column("text", "varchar", nullable=True)]
    sql = fingerprint.query("a", "t", columns, keyed=True)
    assert "IFNULL(`number`, 'N')" in sql
    assert "IFNULL(LENGTH(`text`), 'N'), IFNULL(CAST(`text` AS BINARY), '')" in sql


@pytest.mark.parametrize("kind", ["text", "longblob", "json", "vector", "geometry", "multipolygon"])
def test_hashes_large_values_by_themselves(kind: str) -> None:
    assert "SHA2(`large`, 256)" in fingerprint.query("a", "t", [Column("large", kind, nullable=False)], keyed=True)


def test_sums_the_hashes_of_a_table_without_a_key() -> None:
    """In an XOR two equal rows would cancel."""
    sql = fingerprint.query("a", "t", [Column("number", "int", nullable=False)], keyed=False)
    assert "BIT_XOR" not in sql
    assert sql.count("SUM(") == 4


def test_refuses_a_type_that_it_does_not_know() -> None:
    """A type of a future server must not be printed with loss, in silence."""
    with pytest.raises(LifeboatError, match=r"a\.t: column odd is of type decfloat"):
        fingerprint.query("a", "t", [Column("odd", "decfloat", nullable=False)], keyed=True)


def test_reads_both_forms_of_an_answer() -> None:
    assert fingerprint.value((3, "AB" * 32)) == (3, "ab" * 32)
    count, first = fingerprint.value((2, 1, 2, 3, 4))
    assert count == 2
    assert len(first) == 64
    assert first != fingerprint.value((2, 12, 3, 4, 0))[1]
    assert fingerprint.value((0, None, None, None, None))[0] == 0


def test_sums_are_kept_modulo_two_to_the_64th() -> None:
    kept = fingerprint.value((20, 2**64 + 5, 2**64 - 1, 0, 3), sums=True)
    assert kept == (20, f"{5:016x}" + "f" * 16 + "0" * 16 + f"{3:016x}")
    assert fingerprint.value((0, None, None, None, None), sums=True) == (0, "0" * 64)
    assert fingerprint.value((3, "AB" * 32), sums=True) == (3, "ab" * 32), "of a table with a key they are none"


def test_a_second_fingerprint_is_asked_for_beside_the_first() -> None:
    columns = [Column("number", "int", nullable=False)]
    for keyed, parts in ((True, 1), (False, 4)):
        sql = fingerprint.query("a", "t", columns, keyed=keyed, secret=True, earlier="secret")
        assert sql.count("BIT_XOR(") + sql.count("SUM(") == 2 * parts
        assert sql.count("@lifeboat_row_secret") == sql.count("@lifeboat_earlier_row_secret") == 1


def test_what_is_carried_is_what_is_read_in_whatever_history() -> None:
    """Rows are numbers here, many of them equal; of a table with a key none are. Sums overflow now and then."""
    r = random.Random(5)

    def read(rows: Iterable[int], *, keyed: bool) -> str:
        hashes = [hashlib.sha256(str(row).encode()).hexdigest() for row in rows]
        if keyed:
            return fingerprint.value((1, f"{functools.reduce(operator.xor, (int(each, 16) for each in hashes), 0):064x}"))[1]
        parts = [sum(int(each[at - 1 : at + 14], 16) for each in hashes) for at in (1, 16, 31, 46)]
        return fingerprint.value((len(hashes), *parts), sums=True)[1]

    for keyed in (True, False):
        for _ in range(200):
            there = [r.randrange(10**9) if keyed else r.randrange(6) for _ in range(r.randrange(60))]
            known, gone, came = read(there, keyed=keyed), [], []
            for _ in range(r.randrange(40)):
                if there and r.random() < 0.6:
                    gone.append(there.pop(r.randrange(len(there))))
                if r.random() < 0.6:
                    came.append(r.randrange(10**9) if keyed else r.randrange(6))
                    there.append(came[-1])
            images = [read(gone + came, keyed=True)] if keyed else [read(gone, keyed=False), read(came, keyed=False)]
            now = read(there, keyed=keyed)
            assert fingerprint.carried(known, *images) == now
            if not keyed and len(there) != len(set(there)):
                # One more or less of two equal rows is another value.
                assert read([*there, there[0]], keyed=False) != now


@pytest.mark.parametrize("zeros", ["0", "0" * 16, "0" * 64])
def test_the_fingerprint_of_no_rows_may_be_of_any_length(zeros: str) -> None:
    """A server prints as many zeros as it likes, and a manifest may hold any number of them."""
    came = "1" * 64
    assert fingerprint.carried(zeros, came) == came
    assert fingerprint.carried(zeros, zeros, came) == came
