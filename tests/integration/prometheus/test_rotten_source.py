"""History that the source cannot read any more is named by every backup that holds it; equal is not the same as readable."""

from pathlib import Path

import pytest

from backups import witness
from backups.machine.runs import Run
from backups.services.prometheus import chunks
from tests.integration.prometheus.conftest import make_harness
from tests.servers.prometheus import PrometheusFactory

pytestmark = pytest.mark.docker


def test_a_rotten_block_of_many_is_named_by_each_backup_of_its_chain(
    prometheus_factory: PrometheusFactory, run: Run, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = prometheus_factory(past=12)
    oldest = min(source.blocks())
    flip = "printf \\\\$(printf %o $(( $(od -An -tu1 -j60 -N1 000001) ^ 255 )))"
    script = f"cd /prometheus/{oldest}/chunks && {flip} | dd of=000001 bs=1 seek=60 conv=notrunc 2>/dev/null"
    source.execute("sh", "-c", script)
    harness = make_harness(source, run, state)
    full = harness.back_up("full")
    (limit,) = [limit for limit in full.limits if "damaged at the source" in limit]
    assert f"block {oldest} is damaged at the source, chunks/000001: 1 of its" in limit
    looked_at: list[Path] = []
    look = chunks.look
    monkeypatch.setattr(chunks, "look", lambda path: looked_at.append(path) or look(path))
    # An incremental copies nothing of it, another full finds it known: it is named all the same.
    assert limit in harness.back_up("incremental").limits
    assert limit in harness.back_up("full").limits
    assert not any(oldest in str(path) for path in looked_at)
    with harness.restored(full.id) as copy:
        # The copy is as the source is, damage and all: that is why the word `verified` alone would be too much.
        assert [check for check in witness.compare(full.witness, copy.observe()) if not check.passed] == []
        assert any(limit in note for note in copy.settle().notes)
