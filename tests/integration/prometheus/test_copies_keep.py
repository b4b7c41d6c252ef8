"""A copy keeps every block that was delivered to it, for as long as it runs: it compacts nothing and drops nothing."""

import time
from pathlib import Path

import pytest
import requests

from backups import witness
from backups.machine.runs import Run
from tests.integration.prometheus.conftest import make_harness
from tests.servers.prometheus import PrometheusFactory

pytestmark = pytest.mark.docker


def test_tombstones_and_a_block_of_the_far_future_are_kept_past_the_first_compaction(
    prometheus_factory: PrometheusFactory, run: Run, state: Path
) -> None:
    """Milliseconds taken for seconds make a block of the year 58,000; a deletion marks a tenth of a block's series."""

    def configure(etc: Path) -> None:
        (etc / "past-oops.txt").write_text(f"# TYPE oops gauge\noops 1 {int(time.time()) * 1000}\n# EOF\n")

    source = prometheus_factory(past=2, configure=configure, storage=["--storage.tsdb.retention.size=50GB"])
    assert len(source.blocks()) == 2
    deleted = requests.post(
        f"{source.url}/api/v1/admin/tsdb/delete_series", params={"match[]": 'room_temperature{machine="3"}'}, timeout=30
    )
    assert deleted.status_code == 204
    harness = make_harness(source, run, state)
    manifest = harness.back_up("full")
    with harness.restored(manifest.id) as copy:
        deadline = time.monotonic() + 300
        # Once a minute it looks whether there is something to compact or to drop.
        with copy.api() as api:
            while api.gauges()["prometheus_tsdb_compactions_triggered_total"] < 1:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        assert [check for check in witness.compare(manifest.witness, copy.observe()) if not check.passed] == []
