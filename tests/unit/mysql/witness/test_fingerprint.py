"""The SQL of a fingerprint: what it is made of, whatever tables and columns are called."""

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
