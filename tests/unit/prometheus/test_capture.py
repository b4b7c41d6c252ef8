"""What of a source's answers becomes part of the proof."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backups.places.local.place import LocalPlace
from backups.services.prometheus import capture, horizon

NOW = 1_796_000_000


class Source:
    """A source with an hour of data in memory, which counts what it is asked."""

    name = "http://10.0.0.7:9090"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def clock(self) -> int:
        return NOW

    def gauges(self) -> dict[str, float]:
        return {"prometheus_tsdb_head_min_time": (NOW - 3600) * 1000.0, "prometheus_tsdb_head_max_time": NOW * 1000.0}

    def query(self, expression: str, at: int) -> list[dict[str, Any]]:
        self.asked.append(expression)
        return [{"metric": {"__name__": "up"}, "value": [at, "1"]}]


@pytest.mark.parametrize(
    ("configuration", "asked"), [("{}", True), ("remote_read: [{url: http://10.0.0.9}]", False), ("remote_read: []", True)]
)
def test_what_others_hold_is_no_part_of_the_proof(configuration: str, asked: bool, tmp_path: Path) -> None:
    """It comes with the source's own answers, and no copy could give it: each drill would fail, and each restore."""
    source, past = Source(), horizon.of(configuration)
    job: Any = SimpleNamespace(now=lambda: datetime.fromtimestamp(NOW, UTC), work=tmp_path)
    chosen, facts, limits = capture._ask(source, LocalPlace(tmp_path), past, job)  # type: ignore[arg-type]
    assert (bool(source.asked), bool(chosen.instants), bool(chosen.ranges), bool(facts)) == (asked,) * 4
    assert limits == []
    told = list(capture._not_compared(past, chosen, ()))
    assert [limit.partition(":")[0] for limit in told] == ([] if asked else ["the witness has no PromQL answers"])
    assert asked or "remote_read" in told[0]
