"""MariaDB's end of time moved in 11.5: rows without an end are read as they were before."""

from dataclasses import replace

from backups.services.mysql.copy.upgrade import before_2106
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.fingerprint import Column, query


def test_the_end_of_time_is_read_as_it_was() -> None:
    """Of tables with system versioning alone: without, MariaDB 11.5 and later would be said to have changed their every row."""
    plain = Table("agama", "t", (Column("id", "int", nullable=False),), keyed=True, mariadb=True)
    period = (Column("from`x", "timestamp", nullable=False), Column("till`x", "timestamp", nullable=False))
    kept = replace(plain, columns=(*plain.columns, *period), versioned=True, history=("from`x", "till`x"))
    found = before_2106(Catalogue((plain, kept), (), frozenset()))
    assert found.tables[0] == plain
    assert [column.read_as is None for column in found.tables[1].columns] == [True, True, False]
    asked = query("agama", "t", found.tables[1].columns, keyed=True, mariadb=True, history=True)
    assert "IF(`till``x` = '2106-02-07 06:28:15.999999', '2038-01-19 03:14:07.999999', `till``x`)" in asked
