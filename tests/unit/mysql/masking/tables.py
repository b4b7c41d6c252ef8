"""Columns as tests need them."""

from typing import Any

from backups.services.mysql.masking.columns import Column, ForeignKey


def column(name: str, kind: str = "varchar", *, table: str = "client", **more: Any) -> Column:
    """A column of `shop`; a text has room for 200 characters."""
    text = kind.endswith(("char", "text"))
    more = {"room": 200 if text else 64, "charset": "utf8mb4" if text else None, **more}
    return Column("shop", table, name, kind, **more)


def foreign_key(own: Column, other: Column) -> ForeignKey:
    """A foreign key from one column to another."""
    return ForeignKey("fk", own.of, (own.name,), other.of, (other.name,))
