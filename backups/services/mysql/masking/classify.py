"""Names what looks personal and is in no rule: columns by their names, types and values, and SQL by its texts.

Pure. Next files: `vocabulary.py` (names), `content.py` (values).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from backups.services.masked import Kind, Ruled, Unruled
from backups.services.mysql.masking import content, vocabulary
from backups.services.mysql.masking.columns import Column, Family
from backups.services.mysql.masking.rules import unfit

_TEXTS = ("tinytext", "text", "mediumtext", "longtext")
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
    """Yield the columns without a rule that look personal, or whose values nobody can judge. values: some of each column."""
    for column in columns:
        if column in chosen or column.generated:
            continue
        if found := _meaning(column, values.get(column, ())):
            why, kind = found
            yield Unruled(column.subject, why, suggestion(column, kind))


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
    if column.type in _TEXTS or column.family is Family.JSON:
        return f"a {column.type} may hold anything", "text"
    if column.family is Family.BYTES and column.room > _SHORT_BYTES:
        return f"a {column.type} may hold anything", "null"
    if column.family is Family.POINT or column.type in ("geometry", "linestring", "polygon", "multipoint"):
        return "a place on Earth may be somebody's", "hash"
    return None
