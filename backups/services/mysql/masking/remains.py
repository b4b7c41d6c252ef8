"""Searches the finished files of a masked server for originals, before anything is handed over.

What is found where a rule keeps it, a person has decided on; anything else refuses the whole.
Next files: `samples.py` (which originals), `search.py` (how).
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

from backups import plural
from backups.services.masked import Masks, NotClean, Ruled, Searched
from backups.services.mysql.masking import pools, samples
from backups.services.mysql.masking.columns import Column, Family
from backups.services.mysql.masking.digest import fold
from backups.services.mysql.masking.samples import SHORTEST
from backups.services.mysql.masking.search import Patterns
from backups.services.mysql.source.connection import Session

_MOST, _MOST_OF_EACH, _LEAST_OF_EACH = 10_000, 2000, 20
"""Values that are searched for: of all columns, of each."""
_NUMBERS = "numbers, dates, positions and bytes in masked columns: they have no text to be searched for"


@dataclass
class Remains:
    """What is searched for: originals, each with the column that it is from; and where it may be."""

    values: dict[str, Column]
    kept: Sequence[Column]
    others: Sequence[Column]
    read: Sequence[str]
    unsearched: list[str] = field(default_factory=list)
    left_out: int = 0

    @classmethod
    def of(
        cls,
        session: Session,
        columns: Sequence[Column],
        chosen: Mapping[Column, Ruled],
        masks: Masks,
        definitions: Mapping[str, str],
        seed: int,
    ) -> Self:
        """Choose originals of the masked columns. definitions: the SQL of all objects."""
        masked = [column for column, ruled in chosen.items() if ruled.kind != "keep"]
        found = cls(
            {},
            [column for column, ruled in chosen.items() if ruled.kind == "keep"],
            [column for column in columns if column not in chosen and not column.generated],
            [definitions[name] for name in masks.definitions if name in definitions],
        )
        known = pools.pools(masks.locale)
        wanted = max(_LEAST_OF_EACH, min(_MOST_OF_EACH, _MOST // max(1, len(masked))))
        for column, originals in samples.originals(session, masked, wanted, seed).items():
            for value in originals:
                if ordinary(value, known):
                    found.left_out += 1
                else:
                    found.values.setdefault(value.strip(), column)
        if any(column.family not in (Family.TEXT, Family.JSON) for column in masked):
            found.unsearched.append(_NUMBERS)
        return found

    @cached_property
    def patterns(self) -> Patterns:
        """How each value may be written."""
        return Patterns(self.values)

    def leave_out(self, data: Path) -> None:
        """Leave out what is in the files of an empty server already."""
        for value in self.patterns.search(data).where:
            del self.values[value]
            self.left_out += 1

    def search(self, session: Session, data: Path, compressed: Sequence[str]) -> Searched:
        """Search the files; raises NotClean for an original that is where nobody has decided to keep it.

        session: of the original, which says where else a value is. compressed: tables whose files cannot be read
        """
        found = self.patterns.search(data)
        found.where = {value: files for value, files in found.where.items() if value in self.values}
        read = {value for value in found.where if any(value in text for text in self.read)}
        kept = read | self.patterns.within(samples.content(session, self.kept), found.where.keys() - read)
        unexplained = [(value, files) for value, files in sorted(found.where.items()) if value not in kept]
        if unexplained:
            raise self._not_clean(session, unexplained)
        if compressed:
            self.unsearched.append(f"the files of compressed tables: {', '.join(compressed[:5])}")
        return Searched(len(self.values), found.files, found.bytes, self.left_out, len(found.where), tuple(self.unsearched))

    def _not_clean(self, session: Session, unexplained: Sequence[tuple[str, set[str]]]) -> NotClean:
        value, files = unexplained[0]
        origin = self.values[value].subject
        where = samples.contain(session, self.others, value)
        number = plural.count(len(unexplained), "value")
        if where is not None:
            return NotClean(
                f"{number} of masked columns are in the finished files, first one of {origin}: {where.subject}, "
                "which no rule names, holds it too; nothing was handed over",
                hint=f"give {where.subject} a rule; keep, where that is no secret there",
            )
        return NotClean(
            f"{number} of masked columns are in the finished files, first one of {origin}, in {', '.join(sorted(files)[:3])}; "
            "nothing was handed over",
            hint="is it in the SQL of a table, view or program (a default, a comment)? read that, and name it in definitions:",
        )


def ordinary(value: str, known: pools.Pools) -> bool:
    """Return whether a value may be in the files by chance, or as somebody's replacement. Pure."""
    text = fold(value).strip()
    words = text.replace("-", " ").split()
    return (
        len(text) < SHORTEST
        or len(set(text)) <= 2
        # As numbers, "abcdef" is how a server lists its pages.
        or len({ord(after) - ord(before) for before, after in itertools.pairwise(text)}) == 1
        or text in known.filler
        or all(word in known.words for word in words)
    )
