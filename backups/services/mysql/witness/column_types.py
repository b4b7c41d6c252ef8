"""Lists the types that a column may have, and how the values of each can be written without loss.

Pure.

One table for three uses: fingerprints (`fingerprint.py`), rows that a dump writes itself (`../dump/exact.py`), and single tables
out of a copy (`../copy/export_tables.py`).
"""

from dataclasses import dataclass
from enum import Enum, auto


class Form(Enum):
    """What has to be done so that a value loses nothing when it is written."""

    NUMBER = auto()
    """Nothing: it is printed with all its digits."""
    DOUBLE = auto()
    """Nothing: the same."""
    FLOAT = auto()
    """It is printed with six digits; as a DOUBLE with all that tell two values apart."""
    TIME = auto()
    """Nothing but quotes, and a session whose time zone is the same when it is read."""
    CODE = auto()
    """It is stored as a number, and its text may be ambiguous: the number is written."""
    PRINTED = auto()
    """A type of MariaDB's own: its text tells any two values apart."""
    TEXT = auto()
    """Its bytes in the column's own character set: no collation may call two values equal."""
    BYTES = auto()
    """Its bytes."""
    VECTOR = auto()
    """Its bytes, which have to be asked for as such."""
    SHAPE = auto()
    """Its bytes, which begin with the reference system."""
    JSON = auto()
    """Its text."""


@dataclass(frozen=True)
class ColumnType:
    """A type. `short`: its values are short enough to be handed about whole, 64 KB at most."""

    form: Form
    short: bool = False


_TYPES = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year"), ColumnType(Form.NUMBER)),
    "double": ColumnType(Form.DOUBLE),
    "float": ColumnType(Form.FLOAT),
    **dict.fromkeys(("date", "time", "datetime", "timestamp"), ColumnType(Form.TIME)),
    **dict.fromkeys(("bit", "enum", "set"), ColumnType(Form.CODE)),
    **dict.fromkeys(("uuid", "inet4", "inet6"), ColumnType(Form.PRINTED)),
    **dict.fromkeys(("char", "varchar", "tinytext"), ColumnType(Form.TEXT, short=True)),
    **dict.fromkeys(("text", "mediumtext", "longtext"), ColumnType(Form.TEXT)),
    **dict.fromkeys(("binary", "varbinary", "tinyblob"), ColumnType(Form.BYTES, short=True)),
    **dict.fromkeys(("blob", "mediumblob", "longblob"), ColumnType(Form.BYTES)),
    "vector": ColumnType(Form.VECTOR),
    **dict.fromkeys(("geometry", "point", "linestring", "polygon", "multipoint"), ColumnType(Form.SHAPE)),
    **dict.fromkeys(("multilinestring", "multipolygon", "geomcollection", "geometrycollection"), ColumnType(Form.SHAPE)),
    "json": ColumnType(Form.JSON),
}


def column_type(name: str) -> ColumnType | None:
    """Find a type by the name that information_schema gives it; None when no way to write it without loss is known."""
    return _TYPES.get(name.lower())
