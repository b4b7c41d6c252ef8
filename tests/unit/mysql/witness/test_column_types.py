"""Every type that a fingerprint is known for is one that a table can be written of, and the other way round."""

from dataclasses import replace

import pytest

from backups.errors import LifeboatError
from backups.services.mysql.dump import exact
from backups.services.mysql.witness import column_types, fingerprint
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.column_types import Form, column_type
from backups.services.mysql.witness.fingerprint import Column

KINDS = sorted(column_types._TYPES)


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_has_a_fingerprint_and_a_way_to_be_written(kind: str) -> None:
    assert "`c`" in fingerprint.query("a", "t", [Column("c", kind, nullable=False)], keyed=True)
    for mariadb in (False, True):
        read = exact._read(Column("c", kind.upper(), nullable=False), "`a`.`t`", mariadb=mariadb, zone=None)
        assert all("`c`" in part for part in read.asked)
        row = (None, b"1", None, None, None)
        assert exact._row([read], row) in (b"(1)", b"('1')", b"(X'31')", b"(CONVERT(X'31' USING utf8mb4))")
        assert exact._row([read], (None, None, None, None, None)) == b"(NULL)"


def test_an_unknown_type_has_neither() -> None:
    odd = Column("odd", "decfloat", nullable=False)
    assert column_type("decfloat") is None
    with pytest.raises(LifeboatError, match="no way to write it exactly is known"):
        exact._read(odd, "`a`.`t`", mariadb=False, zone=None)


def test_what_makes_a_table_be_written_exactly() -> None:
    """A stored FLOAT, MySQL's JSON, history, and a key that the server made and hides: the dump programs write less than there is."""
    assert [kind for kind in KINDS if column_types._TYPES[kind].form is Form.FLOAT] == ["float"]
    tables = [
        Table("a", f"{kind}-{computed}", (Column("c", kind, nullable=False, computed=computed),), keyed=True)
        for kind in ("FLOAT", "double", "JSON")
        for computed in (True, False)
    ]
    assert [table.name for table in tables if exact.needs(table)] == ["FLOAT-False", "JSON-False"]
    assert [table.name for table in tables if exact.needs(replace(table, mariadb=True))] == ["FLOAT-False"]
    plain = Table("a", "t", (Column("my_row_id", "bigint", nullable=False),), keyed=True)
    assert (exact.needs(plain), exact.needs(plain, hidden=True), exact.needs(replace(plain, versioned=True))) == (
        False,
        True,
        True,
    )
