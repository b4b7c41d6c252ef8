"""Asks for whole ranges of raw samples, up to a budget a backup: the source's and its copy's have to be equal, one by one.

Another seed each time chooses other ranges, so that over the weeks much of a source's history is compared. A source that holds
less than the budget is asked for everything.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backups.services.prometheus import questions
from backups.services.prometheus.api import Api, Refused
from backups.services.prometheus.details import Range
from backups.services.prometheus.questions import Span
from backups.witness import Fact

BUDGET = 1_000_000
"""Samples that are asked for in one backup; reading that many takes some 3 s of processor time here, each of the two times."""
PIECE = 100_000
"""Samples of one question, as far as it can be told before: some 2.5 MB of an answer."""
_QUESTIONS = 400
_SHORTEST, _LONGEST = 60, 86_400
_SUBJECT = "samples of "
_ANSWER = re.compile(r"(\d+) samples, ")


@dataclass(frozen=True)
class _Tile:
    """The `seconds` before `at`: the samples to be expected there, in all, and of one series."""

    at: int
    seconds: int
    expected: float
    of_a_series: float


def choose(api: Api, spans: Sequence[Span], *, until: int, seed: int) -> tuple[tuple[Range, ...], list[Fact]]:
    """Choose ranges up to `until` (unix seconds), and ask for them; returns those that were answered, with the answers.

    The newest range is tried first. Raises LifeboatError when the source does not answer at all.
    """
    chance = random.Random(seed)  # noqa: S311 - a choice of questions, no secret
    asked: list[Range] = []
    facts: list[Fact] = []
    tried = samples = 0
    for tile in _in_random_order(_tiles(spans, until), chance):
        for wanted, fact in _asked(api, tile, chance):
            tried += 1
            if questions.answered(fact):
                asked.append(wanted)
                facts.append(fact)
                samples += count(fact)
            if samples >= BUDGET or tried >= _QUESTIONS:
                return tuple(asked), facts
    return tuple(asked), facts


def ask(api: Api, ranges: Iterable[Range], *, more: str = "") -> Iterator[Fact]:
    """Ask for each range; yields the answers as facts. A refusal is a fact too, recognised by `questions.answered`.

    more: as in `questions.ask`
    """
    return (_answer(api, wanted, more) for wanted in ranges)


def count(fact: Fact) -> int:
    """How many samples the answer to a range holds; 0 for any other fact."""
    found = _ANSWER.match(str(fact.value)) if fact.subject.startswith(_SUBJECT) else None
    return int(found[1]) if found else 0


def coverage(facts: Iterable[Fact]) -> Fact:
    """How many of the samples in the blocks were compared one by one, from a backup's facts, or its copy's.

    Blocks also count the marks at which series end, which are no samples: of everything that is nearly all.
    """
    compared = held = 0
    for fact in facts:
        compared += count(fact)
        held += int(str(fact.value)) if fact.subject.startswith("block ") and fact.metric == "samples" else 0
    return Fact("samples", "compared one by one", f"{compared:,} of {held:,}{_share(compared, held)}")


def _share(part: int, whole: int) -> str:
    """A share in percent, rounded down to two digits that tell: ` (99 %)`, ` (0.034 %)`; nothing where there is no whole."""
    if not whole:
        return ""
    percent = min(100 * part / whole, 100.0)
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 4
    return f" ({int(percent * 10**digits) / 10**digits:g} %)"


def _tiles(spans: Sequence[Span], until: int) -> list[_Tile]:
    """Cut the times of `spans` up to `until` into tiles of about PIECE samples, the newest first.

    Where spans overlap, the earlier one counts: no time is asked about twice.
    """
    known = [span.samples / (span.series * span.seconds) for span in spans if span.samples and span.series]
    # Nobody counts the samples in memory: they come as often as in the blocks, or, without blocks, each second.
    usual = max(known, default=1.0)
    tiles: list[_Tile] = []
    start = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        start, end = max(span.start, start), min(span.end, until)
        series = max(span.series, 1)
        a_second = span.samples / span.seconds if span.samples else series * usual
        length = int(min(max(PIECE / a_second, _SHORTEST), _LONGEST))
        # A range is open at its beginning: (at - seconds, at].
        for at in range(end, start - 1, -length):
            seconds = min(length, at - start + 1)
            tiles.append(_Tile(at, seconds, a_second * seconds, a_second * seconds / series))
        start = max(start, end + 1)
    return sorted(tiles, key=lambda tile: -tile.at)


def _in_random_order(tiles: Sequence[_Tile], chance: random.Random) -> list[_Tile]:
    return [*tiles[:1], *chance.sample(tiles[1:], max(len(tiles) - 1, 0))]


def _asked(api: Api, tile: _Tile, chance: random.Random) -> Iterator[tuple[Range, Fact]]:
    """Ask for all of a tile; where it is too much for one question, for some of its metrics."""
    if tile.expected > 2 * PIECE:
        yield from _halving(api, tile, _some_metrics(api, tile, chance))
        return
    whole = Range(at=tile.at, seconds=tile.seconds)
    fact = _answer(api, whole)
    yield whole, fact
    if not questions.answered(fact):
        yield from _halving(api, tile, api.metric_names(tile.at - tile.seconds, tile.at))


def _halving(api: Api, tile: _Tile, names: Sequence[str]) -> Iterator[tuple[Range, Fact]]:
    """Ask for some metrics of a tile, and for each half of them where that is refused: what cannot be read is left out alone."""
    if not names:
        return
    wanted = Range(at=tile.at, seconds=tile.seconds, names=tuple(names))
    fact = _answer(api, wanted)
    yield wanted, fact
    if not questions.answered(fact) and len(names) > 1:
        middle = len(names) // 2
        yield from _halving(api, tile, names[:middle])
        yield from _halving(api, tile, names[middle:])


def _some_metrics(api: Api, tile: _Tile, chance: random.Random) -> list[str]:
    """Choose metrics of a tile that have up to PIECE samples together; one that is larger alone is never chosen."""
    names = api.metric_names(tile.at - tile.seconds, tile.at)
    chance.shuffle(names)
    chosen: list[str] = []
    expected = 0.0
    for start in range(0, len(names), questions.SLICE):
        try:
            counts = questions.count_series(api, tile.at, names[start : start + questions.SLICE])
        except Refused:
            continue
        for name, series in counts.items():
            more = series * tile.of_a_series
            if expected + more <= PIECE:
                chosen.append(name)
                expected += more
        if expected > PIECE / 2:
            break
    return sorted(chosen)


def _answer(api: Api, wanted: Range, more: str = "") -> Fact:
    scope = "all metrics" if wanted.names is None else _listed(wanted.names)
    metric = f"the {wanted.seconds} s before {questions.utc(wanted.at)}"
    selector = questions.any_of(wanted.names)
    return Fact(f"{_SUBJECT}{scope}", metric, questions.raw_samples(api, f"{selector}[{wanted.seconds}s{more}]", wanted.at))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
