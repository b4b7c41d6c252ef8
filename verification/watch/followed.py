"""Says how far the log of a service is kept between two backups: by the pieces in the repository, and the follower's own note."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backups import chains as chaining
from backups.chains import Chain
from backups.errors import ChainBroken
from backups.follow import standing
from backups.follow.piece import Piece, leading


@dataclass(frozen=True)
class Kept:
    """How far a log is kept. until: what was committed by then (UTC) is in the repository; fault: why it does not go on."""

    until: datetime | None = None
    fault: str | None = None


def kept(state: Path, chains: Mapping[str, Sequence[Chain]], pieces: Iterable[Piece], now: datetime) -> dict[str, Kept]:
    """Return how far the logs that are followed are kept, by service; of one that nobody follows there is nothing."""
    every = list(pieces)
    found = {}
    for service, members in chains.items():
        try:
            chain = chaining.extendable(members, now)
        except ChainBroken:
            chain = None
        noted = standing.read(standing.directory(state, service))
        if chain is None:
            continue
        way = leading([piece for piece in every if piece.service == service], chain.last.id)
        times = [way[-1].until] if way else []
        # The follower may have ended, and its pieces may be gone since.
        there = way[-1].last if way else 0
        if noted and noted.after == chain.last.id and noted.saved_until and there >= noted.step:
            times.append(noted.saved_until)
        times = [time for time in times if not chaining.in_future(time, now)]
        fault = noted.fault if noted and noted.after == chain.last.id else None
        if times or fault:
            found[service] = Kept(max(times, default=None), fault)
    return found
