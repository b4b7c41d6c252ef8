"""Every type that a fingerprint is known for is one that a table can be written of, and the other way round."""

import pytest

from backups.errors import LifeboatError
from backups.services.mysql.dump import exact
from backups.services.mysql.witness import column_types, fingerprint
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.column_types import Form, column_type
from backups.services.mysql.witness.fingerprint import Column

KINDS = sorted(column_types._TYPES)


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_has_a_fingerprint_and_a_way_to_be_written(kind: str) -> None:
    assert "`c`" in fingerprint.query("a", "t", [Column("c", kind, nullable=False)], keyed=True)
    form = exact._form(Column("c", kind.upper(), nullable=False), "`a`.`t`")
    assert "`c`" in exact._selected(Column("c", kind, nullable=False), form)
    assert exact._literal(b"1", form) in (b"1", b"'1'", b"X'31'", b"CONVERT(X'31' USING utf8mb4)")
    assert exact._literal(None, form) == b"NULL"


def test_an_unknown_type_has_neither() -> None:
    odd = Column("odd", "decfloat", nullable=False)
    assert column_type("decfloat") is None
    with pytest.raises(LifeboatError, match="no way to write it exactly is known"):
        exact._form(odd, "`a`.`t`")


def test_only_a_stored_float_makes_a_table_be_written_exactly() -> None:
    """The dump programs round that type alone."""
    assert [kind for kind in KINDS if column_types._TYPES[kind].form is Form.FLOAT] == ["float"]
    tables = [
        Table("a", f"{kind}-{computed}", (Column("c", kind, nullable=False, computed=computed),), keyed=True)
        for kind in ("FLOAT", "double")
        for computed in (True, False)
    ]
    found = exact.tables(Catalogue(tuple(tables), (), frozenset()))
    assert [table.name for table in found] == ["FLOAT-False"]
