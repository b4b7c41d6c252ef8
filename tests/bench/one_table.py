"""One large table, measured by two sessions and by one: what the witness of a single big table gains by ranges of its key."""

import statistics
import time

from backups.services.mysql.source.connection import rows
from backups.services.mysql.witness import catalogue, data, sessions
from backups.services.mysql.witness.catalogue import Catalogue
from tests.bench import sides
from tests.bench.server import Server
from tests.bench.table import Row, at_most


def row(server: Server, rounds: int) -> Row:
    """The table that takes longest: most rows, JSON among them. Raises RuntimeError when the two sides do not state the same."""
    stated = []

    def measured(count: int) -> float:
        with sessions.sessions(server.connect, count) as readers:
            for reader in readers:
                rows(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            found = catalogue.read(readers[0])
            # The largest by bytes is one of blobs, which is read in a third of a second: too little to compare.
            (longest,) = (table for table in found.tables if table.name == "event")
            alone = Catalogue((longest,), (), frozenset(), pages=found.pages)
            started = time.monotonic()
            stated.append(data.data_of(readers, alone, server.connect))
            return time.monotonic() - started

    measured(1)
    two, one = (statistics.median(each) for each in sides.alternated(rounds, lambda _: measured(2), lambda _: measured(1)))
    if any(facts != stated[0] for facts in stated):
        raise RuntimeError(f"two sessions state of one table what one does not: {stated}")
    name, count = stated[0][0].subject, next(fact.value for fact in stated[0] if fact.metric == "rows")
    what = "witness of one table by two sessions, against one"
    return at_most(what, two / one, 0.6, "x", detail=f" ({two:.1f} s : {one:.1f} s, {name} of {count:,} rows)")
