"""Names what looks personal and is in no rule: columns by their names, types and values, and SQL by its texts.

Pure. Next files: `vocabulary.py` (names), `content.py` (values).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from backups.services.masked import Kind, Ruled, Unruled
from backups.services.mysql.masking import content, vocabulary
from backups.services.mysql.masking.columns import Column, Family
from backups.services.mysql.masking.rules import any_column, unfit

_JUDGED = frozenset(
    (
        *("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit"),
        *("year", "date", "datetime", "timestamp", "time", "enum", "set", "uuid", "char", "varchar"),
    )
)
"""Types of which a name and values tell enough. Any other, one that a newer server has included, may hold anything."""
_INTERNET = ("inet4", "inet6")
_PLACES = ("point", "geometry", "linestring", "polygon")
_PARTS_OF_PLACES = ("multi", "geometrycollection", "geomcollection")
_SHORT_BYTES = 64
_INSTEAD: Mapping[Family, Sequence[Kind]] = {
    Family.TEXT: ("text", "null"),
    Family.JSON: ("text", "null"),
    Family.INTEGER: ("hash", "null"),
    Family.DATE: ("null", "hash"),
    Family.BYTES: ("null", "hash"),
    Family.POINT: ("null", "hash"),
    Family.OTHER: ("null",),
}
"""What suits where the kind that was thought of cannot be."""
_LITERAL = re.compile(r"'((?:[^'\\]|''|\\.)*)'|\"((?:[^\"\\]|\"\"|\\.)*)\"|/\*(.*?)\*/|(?:-- |\#)([^\n]*)", re.DOTALL)


def unruled(
    columns: Sequence[Column], chosen: Mapping[Column, Ruled], values: Mapping[Column, Collection[str]]
) -> Iterator[Unruled]:
    """Yield the columns without a rule that look personal, or whose values nobody can judge. values: some of each column.

    A rule that keeps whatever a table has is no decision on a column that looks personal: that may be new.
    """
    for column in columns:
        if column.generated:
            continue
        if column not in chosen:
            if found := _meaning(column, values.get(column, ())) or _of_type(column):
                yield Unruled(column.subject, found[0], suggestion(column, found[1]))
        elif not decided(chosen[column]) and (found := _meaning(column, values.get(column, ()))):
            why = f"{found[0]}, and {chosen[column].rule}: keep does not name it"
            yield Unruled(column.subject, why, suggestion(column, found[1]))


def decided(ruled: Ruled) -> bool:
    """Return whether a rule is a decision on the very column: all are, but those that keep columns whatever their names."""
    return ruled.kind != "keep" or not any_column(ruled.rule)


def suggestion(column: Column, kind: Kind) -> Kind:
    """Return the kind itself, or one like it that the column can have; `keep` where there is none."""
    for each in (kind, *_INSTEAD[column.family]):
        if unfit(column, each) is None:
            return each
    return "keep"


def unread(definitions: Mapping[str, str], read: Collection[str]) -> Iterator[Unruled]:
    """Yield the objects whose SQL holds something personal in a text or a comment. read: those that a person has looked at."""
    for subject, sql in definitions.items():
        if subject in read:
            continue
        texts = ["".join(part) for part in _LITERAL.findall(sql)]
        if found := next((what for text in texts if (what := content.found_in(text))), None):
            yield Unruled(subject, f"its SQL holds {found}")


def _meaning(column: Column, values: Collection[str]) -> tuple[str, Kind] | None:
    by_name = vocabulary.meaning(column.name)
    # A number called `user` or `author` refers to one: what it refers to is looked at by itself.
    if by_name and (column.family is not Family.INTEGER or by_name[0] not in vocabulary.REFERRED):
        return f"by its name it is {by_name[0]}", by_name[1]
    if by_value := content.meaning(values):
        return by_value
    return None


def _of_type(column: Column) -> tuple[str, Kind] | None:
    if column.type in _JUDGED or (column.family is Family.BYTES and column.room <= _SHORT_BYTES):
        return None
    if column.type in _PLACES or column.type.startswith(_PARTS_OF_PLACES):
        return "a place on Earth may be somebody's", "hash"
    if column.type in _INTERNET:
        return "its type says that it is an address of the internet", "hash"
    return f"a {column.type} may hold anything", "null" if column.family is Family.BYTES else "text"
