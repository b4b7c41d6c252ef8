"""Decides for each table whether its fingerprint stays, is carried through the log, or has to be scanned, and why.

Pure. In doubt a table is scanned: that costs time, never a wrong value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from backups.services.mysql.carry import foreign_keys
from backups.services.mysql.carry import stretch as stretch_of
from backups.services.mysql.carry.stretch import Name, Stretch
from backups.services.mysql.witness.catalogue import Table

LARGEST = 16 << 20
"""Bytes of an event: a row that is larger is not handed to the throw-away server."""
SHARE = 0.25
"""Of a table's bytes in the log: beyond that, carrying takes longer than scanning."""


@dataclass(frozen=True)
class Known:
    """What the last witness said of a table. since: the backup for which it was scanned. definition: its hash.

    sums: whether that witness's fingerprints of tables without a key are sums, which can be carried; else they are digests
    """

    rows: int
    fingerprint: str
    definition: str
    since: str
    sums: bool = False


@dataclass(frozen=True)
class Decision:
    """What to do with a table; `reason` only where it is scanned."""

    how: Literal["kept", "carried", "scanned"]
    reason: str = ""


def decide(
    table: Table,
    definition: str | None,
    known: Known | None,
    stretch: Stretch,
    followed: Mapping[Name, Name],
    *,
    most: float = float("inf"),
) -> Decision:
    """Decide what to do with one table.

    definition: of the table now. known: at the beginning of the stretch. followed: the tables that cascades may have changed, see
    `foreign_keys.reached`. most: bytes of log beyond which it is quicker to scan the table
    """
    name = (table.schema, table.name)
    reason = _unsure(name, definition, known, stretch, followed)
    if reason:
        return Decision("scanned", reason)
    found = stretch.of(name)
    # A table that was only locked, or mapped beside others, has no rows in the log.
    if not any(changed.size or changed.odd for _, changed in found):
        return Decision("kept")
    reason = _not_carryable(table, stretch, most, sums=known is not None and known.sums)
    return Decision("scanned", reason) if reason else Decision("carried")


def followed(stretch: Stretch, cascades: Mapping[Name, set[Name]]) -> dict[Name, Name]:
    """Return the tables that cascades may have changed which no log tells of, each with the table that it followed."""
    parents = {name for name, changed in stretch.tables.items() if changed.updated or changed.deleted or changed.odd}
    parents |= {name for name in cascades if stretch.defines(name)}
    parents |= {child for children in cascades.values() for child in children if stretch.defines(child)}
    return foreign_keys.reached(cascades, parents)


def _unsure(
    name: Name, definition: str | None, known: Known | None, stretch: Stretch, followed: Mapping[Name, Name]
) -> str | None:
    """Say why the log does not tell all that became of the table, or since when; None when it does."""
    folded = stretch_of.folded(name)
    if stretch.whole:
        return stretch.whole
    if known is None:
        return "no witness knows it yet"
    if definition != known.definition:
        return "its definition has changed"
    if stretch.defines(name):
        return "a statement in the log defines it anew, or names it"
    if folded in followed:
        parent = ".".join(followed[folded])
        return f"a foreign key changes it with {parent}, and the server does not log that"
    return None


def _not_carryable(table: Table, stretch: Stretch, most: float, *, sums: bool) -> str | None:
    """Say why the rows that the log holds of the table cannot be carried; None when they can."""
    found = stretch.of((table.schema, table.name))
    (name, changed) = found[0]
    reasons = {
        "the log names it in another case": len(found) > 1 or name != (table.schema, table.name),
        f"the log holds {', '.join(sorted(changed.odd))}": bool(changed.odd),
        "it keeps the history of its rows": table.versioned,
        "the server is MariaDB": table.mariadb,
        "it has no key, and its chain is from before sums of its rows were kept": not table.keyed and not sums,
        f"the log has {len(changed.table.types)} columns of it, it has {len(table.columns)}": (
            len(changed.table.types) != len(table.columns)
        ),
        "one of its columns cannot be made anew": not all(column.declared for column in table.columns),
        f"the log holds a row of {changed.largest} bytes of it": changed.largest > LARGEST,
        "the log holds so much of it that a scan is quicker": changed.size > most,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
