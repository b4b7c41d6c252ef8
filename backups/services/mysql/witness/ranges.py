"""Cuts a large table into ranges of its primary key, so that several sessions read it side by side.

Exact whatever the bounds are: every row is in one range, and an XOR knows neither order nor place. So the bounds may come from
estimates, which only have to make the ranges about equally long. What is cut is surely ordered as it is compared: an integer that
the rows of an InnoDB table are stored by. A partition may hold a row that does not belong there (EXCHANGE … WITHOUT VALIDATION),
which a range would pass by: a table that has any is read as a whole.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pymysql.cursors

from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.catalogue import Table

KEY = "PRIMARY"
"""The index to read a range by: in InnoDB it is where the rows are stored."""
LARGE = 4096
"""Pages, 64 MiB as a rule: what a session has read in half a second is not worth cutting."""
_EACH = 4
"""Ranges for each session: they are not equally long, and the last one is read alone."""
_HALVINGS = 128
"""How often a range is halved at most: enough to come upon the rows wherever they are among 2**64 numbers, and to cut them."""
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")


@dataclass(frozen=True)
class Range:
    """The rows whose `column` is at least `start` and below `end`; None: whatever is on that side."""

    column: str
    start: int | None
    end: int | None

    @property
    def condition(self) -> str:
        """The WHERE of it, in SQL."""
        name = quoted(self.column)
        bounds = [(self.start, f"{name} >= {self.start}"), (self.end, f"{name} < {self.end}")]
        return " AND ".join(words for bound, words in bounds if bound is not None) or "TRUE"


def large(tables: Sequence[Table], pages: Mapping[tuple[str, str], int], readers: int) -> list[Table]:
    """Return the tables that are more than one session's share of what there is to read from them on. Pure.

    tables: the largest first. readers: how many sessions there are
    """
    sizes = [pages.get((table.schema, table.name), 0) for table in tables]
    found, left = [], sum(sizes)
    for table, size in zip(tables, sizes, strict=True):
        if readers > 1 and size >= LARGE and size * readers > left:
            found.append(table)
        left -= size
    return found


def cut(session: Session, table: Table, readers: int) -> list[Range]:
    """Return ranges that hold every row of a table once, about equally many each; none where it is to be read as a whole.

    pymysql's errors pass: the table may be another by now.
    """
    column = _column(session, table)
    if column is None:
        return []
    source = f"{quoted(table.schema)}.{quoted(table.name)}"
    low, high = rows(session, f"SELECT MIN({quoted(column)}), MAX({quoted(column)}) FROM {source}")[0]  # noqa: S608 -- quoted
    if not isinstance(low, int) or not isinstance(high, int):
        return []

    def estimate(first: int, last: int) -> int:
        """Ask how many rows there are, in the time that it takes to look up both ends."""
        within = Range(column, None if first == low else first, None if last == high else last + 1)
        with session.cursor(pymysql.cursors.DictCursor) as cursor:
            # Not FORCE: that saves the server the looking up, and it says that there is one row.
            cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL SELECT 1 FROM {source} USE INDEX ({KEY}) WHERE {within.condition}")  # noqa: S608 -- quoted
            count = (cursor.fetchone() or {}).get("rows")
        return count if isinstance(count, int) else 0

    inner = bounds(low, high, estimate, readers * _EACH)
    ends = [None, *inner, None]
    return [Range(column, start, end) for start, end in itertools.pairwise(ends)] if inner else []


def bounds(low: int, high: int, estimate: Callable[[int, int], int], parts: int) -> list[int]:
    """Return where to cut the keys from `low` to `high` into about so many parts: the first key of each but the first. Pure.

    estimate: about how many rows have a key from the one number to the other, both included. The part with the most rows is
    halved, by its keys, until none has more than its share; neighbours that have less are put together.
    """
    total = max(0, estimate(low, high))
    waiting, done = [(-total, low, high)], []
    for _ in range(_HALVINGS):
        if not waiting or -waiting[0][0] * parts <= total:
            break
        negative, first, last = heapq.heappop(waiting)
        if first == last:
            done.append((negative, first, last))
            continue
        middle = (first + last) // 2
        # The sum of its halves may be nearer to the truth than what was said of the whole, which may be last week's.
        total += negative
        for half in ((first, middle), (middle + 1, last)):
            counted = max(0, estimate(*half))
            total += counted
            heapq.heappush(waiting, (-counted, *half))
    found: list[int] = []
    held = 0
    for first, _, counted in sorted((first, last, -negative) for negative, first, last in (*waiting, *done)):
        if held and (held + counted) * parts > total:
            found.append(first)
            held = 0
        held += counted
    return found


def _column(session: Session, table: Table) -> str | None:
    """Return the integer that the table's rows are stored in the order of; None where there is none, or that is not all."""
    if table.mariadb or not table.keyed:
        return None
    # Compared here, and not by the server: its collation may call two names one.
    key = [table.schema, table.name]
    parts = rows(
        session,
        "SELECT table_schema, table_name, engine, partition_name FROM information_schema.tables "
        "JOIN information_schema.partitions USING (table_schema, table_name) WHERE table_schema = %s AND table_name = %s",
        key,
    )
    if [tuple(row[2:]) for row in parts if list(row[:2]) == key] != [("InnoDB", None)]:
        return None
    first = rows(
        session,
        f"SHOW KEYS FROM {quoted(table.schema)}.{quoted(table.name)} WHERE key_name = '{KEY}' AND seq_in_index = 1",
    )
    integers = [column.name for column in table.columns if column.type in _INTEGERS and not column.nullable]
    return next((str(row[4]) for row in first if row[4] in integers), None)
