"""Chooses PromQL questions about the past, and asks them of the source and of its copy, whose answers have to be equal.

The number of questions does not grow with the server: `INSTANTS` instants; at each, the series per metric name
(one fingerprint over all of them, one fact each for `METRICS` names); the raw samples of `SAMPLES` series. Where more than
`MANY_SERIES` series are alive, or the source refuses to count them all at once, `METRICS` names are counted, `SLICE` a query.
"""

import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backups.services.http.answer import understood
from backups.services.prometheus.api import Api, Refused
from backups.services.prometheus.details import Instant, Questions, Sample
from backups.witness import Fact

INSTANTS = 6
METRICS = 100
SAMPLES = 20
SLICE = 20
MANY_SERIES = 500_000
_LOOKBACK = 300
_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NO_ANSWER = "no answer: "


@dataclass(frozen=True)
class Span:
    """A span of time with data, in unix seconds; how many series it has, and how many samples, 0 where nobody counted those."""

    start: int
    end: int
    series: int
    samples: int = 0

    @property
    def seconds(self) -> int:
        """How long it is, its first and its last second included."""
        return self.end - self.start + 1


def plan(api: Api, spans: Sequence[Span], *, until: int, seed: int) -> Questions:
    """Choose what to ask about the data in `spans`, at instants up to `until`; without data, no questions."""
    chance = random.Random(seed)  # noqa: S311 - a choice of questions, no secret
    instants: list[Instant] = []
    counts: dict[int, Mapping[str, int]] = {}
    refused: set[str] = set()
    for at, series in _instants(spans, until, chance):
        instant, counts[at] = _instant(api, at, series, chance, refused)
        instants.append(instant)
    # Some of each instant's: metrics that are only in old blocks would hardly be chosen among today's.
    metrics = {name for counted in counts.values() for name in _some(sorted(counted), METRICS // INSTANTS, chance)}
    return Questions(
        seed=seed,
        instants=tuple(instants),
        metrics=tuple(sorted(metrics)),
        samples=_samples(api, counts, chance),
        refused=tuple(sorted(refused)),
    )


def ask(api: Api, questions: Questions, *, more: str = "") -> Iterator[Fact]:
    """Ask everything; yields the answers as facts. A refusal is a fact too, recognised by `answered`.

    more: what is added to each range, of a server that means less by one than the source (`1ms`)
    """
    for instant in questions.instants:
        yield from _count_facts(api, instant, questions.metrics)
    for sample in questions.samples:
        metric = f"samples of the {sample.seconds} s before {utc(sample.at)}"
        yield Fact(
            f"series {sample.selector}", metric, raw_samples(api, f"{sample.selector}[{sample.seconds}s{more}]", sample.at)
        )


def one_by_one(questions: Questions) -> Iterator[Questions]:
    """Yield the same questions, each alone, the newest instant first."""
    bare = questions.model_copy(update={"instants": (), "samples": (), "metrics": ()})
    for instant in sorted(questions.instants, key=lambda instant: -instant.at):
        yield bare.model_copy(update={"instants": (instant,)})
    for sample in questions.samples:
        yield bare.model_copy(update={"samples": (sample,)})


def answered(fact: Fact) -> bool:
    """Return whether a fact is an answer: two refusals are equal, too, and prove nothing."""
    return not str(fact.value).startswith(_NO_ANSWER)


def settled(before: Iterable[Fact], after: Iterable[Fact]) -> tuple[list[Fact], tuple[tuple[str, str], ...]]:
    """Return the facts that are equal before and after the snapshot, thus in it, and (subject, metric) of those that are not.

    An answer changes when samples come late, or old data expire or are deleted meanwhile.
    """
    later = {(fact.subject, fact.metric): fact.value for fact in after}
    kept, changed = [], []
    for fact in before:
        key = (fact.subject, fact.metric)
        if answered(fact) and later[key] == fact.value:
            kept.append(fact)
        else:
            changed.append(key)
    return kept, tuple(changed)


def _instants(spans: Sequence[Span], until: int, chance: random.Random) -> list[tuple[int, int]]:
    """Return up to INSTANTS instants with their number of series: the newest of all, then some within each span."""
    clipped = sorted(
        (Span(span.start, min(span.end, until), span.series) for span in spans if span.start <= min(span.end, until)),
        key=lambda span: span.start,
    )
    if not clipped:
        return []
    newest = max(clipped, key=lambda span: span.end)
    chosen = [clipped[0], *_some(clipped[1:], INSTANTS - 2, chance)]
    instants = {newest.end: newest.series}
    for number in range(INSTANTS * 4):
        if len(instants) == INSTANTS:
            break
        span = chosen[number % len(chosen)]
        instants.setdefault(chance.randint(span.start, span.end), span.series)
    return sorted(instants.items())


def _instant(api: Api, at: int, series: int, chance: random.Random, refused: set[str]) -> tuple[Instant, Mapping[str, int]]:
    """How to ask at one instant, and the counts that came of it: all metrics at once, else chosen ones in slices."""
    if series <= MANY_SERIES:
        try:
            return Instant(at=at), count_series(api, at, None)
        except Refused:
            pass  # the slices below are the answer to that, and say by their subject what they cover
    counts: dict[str, int] = {}
    names = _some(api.metric_names(at - _LOOKBACK, at), METRICS, chance)
    for start in range(0, len(names), SLICE):
        piece = names[start : start + SLICE]
        try:
            counts |= count_series(api, at, piece)
        except Refused:
            for name in piece:
                try:
                    counts |= count_series(api, at, [name])
                except Refused:
                    refused.add(name)
    return Instant(at=at, names=tuple(name for name in names if name not in refused)), counts


def _samples(api: Api, counts: Mapping[int, Mapping[str, int]], chance: random.Random) -> tuple[Sample, ...]:
    """Choose series over all metrics and instants. Native histograms have no order, so `topk` leaves them out."""
    pairs = [(at, name) for at, counted in counts.items() for name, count in counted.items() if count <= MANY_SERIES]
    chosen: dict[tuple[int, str], Sample] = {}
    for at, name in _shuffled(pairs, chance)[: SAMPLES * 3]:
        if len(chosen) == SAMPLES:
            break
        try:
            found = api.query(f"topk(10, {_selector({'__name__': name})})", at)
        except Refused:
            continue
        if found:
            selector = _selector(chance.choice(sorted((element["metric"] for element in found), key=_canonical)))
            chosen[at, selector] = Sample(at=at, selector=selector)
    return tuple(chosen.values())


def _count_facts(api: Api, instant: Instant, metrics: Iterable[str]) -> Iterator[Fact]:
    when = utc(instant.at)
    scope = "all metrics" if instant.names is None else f"{len(instant.names)} chosen metrics"
    listed = [name for name in metrics if instant.names is None or name in instant.names]
    try:
        counts: dict[str, int] = {}
        for piece in _slices(instant.names):
            counts |= count_series(api, instant.at, piece)
    except Refused as error:
        refusal = _NO_ANSWER + error.message
        yield from (Fact(scope, f"{metric} at {when}", refusal) for metric in ("series", "names", "fingerprint"))
        yield from (Fact(f"metric {name}", f"series at {when}", refusal) for name in listed)
        return
    yield Fact(scope, f"series at {when}", sum(counts.values()))
    yield Fact(scope, f"names at {when}", len(counts))
    yield Fact(scope, f"fingerprint at {when}", _fingerprint(sorted(counts.items())))
    yield from (Fact(f"metric {name}", f"series at {when}", counts.get(name, 0)) for name in listed)


def _slices(names: Sequence[str] | None) -> Iterator[Sequence[str] | None]:
    if names is None:
        yield None
    else:
        yield from (names[start : start + SLICE] for start in range(0, len(names), SLICE))


def count_series(api: Api, at: int, names: Sequence[str] | None) -> dict[str, int]:
    """Return the number of series of each metric at an instant; of `names`, or of all. Raises Refused."""
    found = api.query(f"count by (__name__) ({any_of(names)})", at)
    with understood(f"{api.name}/api/v1/query", "Prometheus"):
        return {str(element["metric"]["__name__"]): int(element["value"][1]) for element in found}


def any_of(names: Sequence[str] | None) -> str:
    """Write a selector of the series of `names`, or of all there are."""
    pattern = ".+" if names is None else "|".join(re.escape(name) for name in names)
    return f"{{__name__=~{_quoted(pattern)}}}"


def raw_samples(api: Api, selector: str, at: int) -> str:
    """Return a hash of every sample that a bare range selector finds, with its time: nothing is computed, so nothing is rounded.

    A refusal is returned in words, recognised by `answered`.
    """
    try:
        found = api.query(selector, at)
    except Refused as error:
        return _NO_ANSWER + error.message
    count = sum(len(element.get("values", ())) + len(element.get("histograms", ())) for element in found)
    elements = ",".join(sorted(_canonical(element) for element in found))
    return f"{count} samples, sha256 {_sha256(f'[{elements}]')}"


def _selector(labels: Mapping[str, str]) -> str:
    """Write the labels of a series as a selector: `{__name__="up",job="node"}`."""
    pairs = (
        f"{name if _PLAIN_LABEL.fullmatch(name) else _quoted(name)}={_quoted(value)}" for name, value in sorted(labels.items())
    )
    return f"{{{','.join(pairs)}}}"


def _quoted(text: str) -> str:
    # A JSON string is a PromQL string.
    return json.dumps(text, ensure_ascii=False)


def _some(items: Sequence[Any], count: int, chance: random.Random) -> list[Any]:
    """Return at most `count` of the items, in their order."""
    if len(items) <= count:
        return list(items)
    return [items[index] for index in sorted(chance.sample(range(len(items)), count))]


def _shuffled(items: Sequence[Any], chance: random.Random) -> list[Any]:
    return chance.sample(items, len(items))


def utc(at: int) -> str:
    """Write an instant, in unix seconds, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _fingerprint(value: Any) -> str:
    return _sha256(_canonical(value))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
