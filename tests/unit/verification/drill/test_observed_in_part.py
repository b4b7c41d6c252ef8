"""A copy that ends while it is compared: what it has said until then names what is damaged."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from backups.errors import Damaged, LifeboatError
from backups.manifest import Manifest
from backups.witness import Fact
from verification.drill.clock import Stopwatch
from verification.drill.drill import _check
from verification.drill.outcome import Progress, verdict

WITNESS = (Fact("table star", "rows", 2), Fact("table user", "rows", 1), Fact("org 1", "dashboards", 3))


class Copy:
    def __init__(self, *said: Fact, ends: Exception) -> None:
        self.said = said
        self.ends = ends

    def observe(self) -> Iterator[Fact]:
        yield from self.said
        raise self.ends


def checked(copy: Copy) -> Progress:
    progress = Progress(Stopwatch(lambda: 0.0))
    manifest = Manifest.model_construct(id="grafana-20261130T000000Z", service="grafana", witness=WITNESS)
    with pytest.raises(LifeboatError, match="it ended"):
        _check(cast("Any", copy), manifest, {}, progress)
    return progress


def test_what_it_said_is_compared_and_what_it_did_not_is_not_called_missing() -> None:
    progress = checked(Copy(Fact("table star", "rows", 1), Fact("table user", "rows", 1), ends=Damaged("it ended")))
    assert [(check.subject, check.passed) for check in progress.checks] == [("table star", False), ("table user", True)]
    assert verdict(progress) == "failed"


def test_a_machine_at_fault_compares_nothing() -> None:
    assert checked(Copy(Fact("table star", "rows", 1), ends=LifeboatError("it ended"))).checks == []
