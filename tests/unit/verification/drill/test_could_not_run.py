"""What a drill proves of a backup when something else stood in its way: nothing."""

from typing import Any, cast

import pytest

from backups.errors import Damaged, LifeboatError, Transient
from backups.witness import Check
from tests.unit.verification.samples import check
from verification.drill.clock import Stopwatch
from verification.drill.drill import _faults_kept
from verification.drill.outcome import Progress, verdict
from verification.drill.sandbox import DockerSandbox

EQUAL, OTHER = check("a", "rows", 1, 1), check("a", "rows", 1, 2)
ENDED = Damaged("the server ended on the restored data: Cannot resize redo log file (Failed to set size)")
NO_WORD = None


class Box(DockerSandbox):
    """A sandbox that knows what ended its copy, or does not."""

    def __init__(self, why: str | None) -> None:
        self.why = why

    def cut_short(self) -> str | None:
        return self.why


class Repository:
    def snapshots(self) -> list[Any]:
        return []


@pytest.mark.parametrize(
    ("fault", "why", "checks", "expected"),
    [
        (ENDED, NO_WORD, [], "failed"),
        (ENDED, "the disk of /state had only 4.0 KiB free meanwhile", [], "could-not-run"),
        (ENDED, "the disk is full, as container x says", [], "could-not-run"),
        (ENDED, "container x ran out of the memory that it is allowed", [], "could-not-run"),
        (ENDED, "container x was killed (exit code 143)", [], "could-not-run"),
        (ENDED, "container x was removed by somebody else", [], "could-not-run"),
        (ENDED, "container x can no longer be asked, since Docker does not answer: refused", [], "could-not-run"),
        (Damaged("the copy of Grafana: database or disk is full"), NO_WORD, [], "could-not-run"),
        (Damaged("the copy of Prometheus ended: write wal: no space left on device"), NO_WORD, [], "could-not-run"),
        (LifeboatError("the image x is not on this machine and cannot be pulled"), NO_WORD, [], "could-not-run"),
        (LifeboatError("Docker does not answer on this machine"), NO_WORD, [], "could-not-run"),
        (Transient("the repository is away"), NO_WORD, [], "could-not-run"),
        (OSError(28, "No space left on device"), NO_WORD, [], "could-not-run"),
        (MemoryError(), NO_WORD, [], "could-not-run"),
        (LifeboatError("no room"), NO_WORD, [EQUAL], "could-not-run"),
        # What was compared and differs, differs.
        (ENDED, "the disk of /state had only 4.0 KiB free meanwhile", [EQUAL, OTHER], "failed"),
        (None, NO_WORD, [EQUAL], "verified"),
    ],
)
def test_only_a_comparison_or_a_refusal_with_everything_at_hand_is_a_failure(
    fault: Exception | None, why: str | None, checks: list[Check], expected: str
) -> None:
    progress = Progress(Stopwatch(lambda: 0.0), checks=checks)
    with _faults_kept(progress, Box(why), [], cast("Any", Repository())):
        if fault:
            raise fault
    assert verdict(progress) == expected
    if why:
        assert why in str(progress.fault)
        assert str(ENDED.message) in str(progress.fault)


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_a_signal_ends_the_drill_and_makes_no_result(signal: type[BaseException]) -> None:
    progress = Progress(Stopwatch(lambda: 0.0))
    with pytest.raises(signal), _faults_kept(progress, Box(None), [], cast("Any", Repository())):
        raise signal
