"""A full and two incrementals of a living Prometheus come back equal, and touch nothing."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests

from backups import witness
from backups.manifest import Manifest
from backups.services.base import Fetched
from backups.services.prometheus.details import PrometheusDetails
from tests.integration.prometheus.conftest import Harness

pytestmark = pytest.mark.docker
Chain = tuple[Harness, list[Manifest]]


def _hashes(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file() and len(path.relative_to(directory).parts[0]) == 26
    }


@pytest.mark.parametrize(
    ("number", "umask"), [(0, 0o000), (1, 0o077), (2, 0o022)], ids=["full", "first incremental", "second incremental"]
)
def test_each_backup_of_the_chain_comes_back_equal_to_its_witness(prometheus_chain: Chain, number: int, umask: int) -> None:
    """Whatever the umask is: the server's user reads what it needs by its mode or its owner."""
    harness, backups = prometheus_chain
    before = os.umask(umask)
    try:
        with harness.restored(backups[number].id) as copy:
            checks = witness.compare(backups[number].witness, copy.observe())
    finally:
        os.umask(before)
    assert [check for check in checks if not check.passed] == []
    subjects = {check.subject.split()[0] for check in checks}
    assert {"block", "data", "metric", "series", "all", "configuration"} <= subjects


def test_the_witness_holds_exact_samples_and_counts_that_are_more_than_nothing(prometheus_chain: Chain) -> None:
    _, backups = prometheus_chain
    facts = {(fact.subject, fact.metric): fact.value for fact in backups[-1].witness}
    samples = [value for (subject, _), value in facts.items() if subject.startswith("series ")]
    assert len(samples) == 20
    assert all(not str(value).startswith("0 samples") for value in samples)
    totals = [value for (subject, metric), value in facts.items() if subject == "all metrics" and metric.startswith("series")]
    assert len(totals) == 6
    assert max(int(total or 0) for total in totals) > 200
    assert any(subject == "metric room_temperature" and value == 12 for (subject, _), value in facts.items())
    assert PrometheusDetails.of(backups[-1]).questions.unsettled == ()


def test_an_incremental_copies_only_what_the_chain_does_not_hold(prometheus_chain: Chain) -> None:
    _, (full, *incrementals) = prometheus_chain
    full_blocks = {entry.path.split("/")[1] for entry in full.files if entry.path.startswith("blocks/")}
    assert len(full_blocks) >= 4
    held = {block.ulid for block in PrometheusDetails.of(full).blocks}
    for incremental in incrementals:
        blocks = PrometheusDetails.of(incremental).blocks
        copied = {entry.path.split("/")[1] for entry in incremental.files if entry.path.startswith("blocks/")}
        fresh = {block.ulid for block in blocks} - held
        assert copied == fresh
        assert len(copied) == 1
        assert {file.backup for block in blocks for file in block.files if block.ulid in full_blocks} <= {full.id}
        held |= fresh


def test_only_what_the_last_backup_needs_is_fetched(prometheus_chain: Chain) -> None:
    """The newest hours of earlier backups are of no use to a later one."""
    harness, backups = prometheus_chain
    needed = {file.path for manifest in backups for file in manifest.files if file.path.startswith("config/")}
    for paths, manifest in zip(harness.service.wanted(backups), backups, strict=True):
        details = PrometheusDetails.of(backups[-1])
        holds = {
            f"blocks/{block.ulid}/{file.path}"
            for block in details.blocks
            for file in block.files
            if (file.backup or backups[-1].id) == manifest.id
        }
        expected = holds | needed if manifest is backups[-1] else holds
        assert set(paths if paths is not None else [entry.path for entry in manifest.files]) == expected
    assert harness.service.wanted(backups)[1] == []
    assert harness.service.wanted(backups[:1]) == [None]


def test_the_copy_leaves_its_blocks_as_they_are(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain
    with harness.fetched(backups[-1].id) as copy:
        copy.assemble()
        before = _hashes(copy.data_directory)
        copy.start()
        copy.first_answer()
        list(copy.observe())
        assert before == _hashes(copy.data_directory)
    assert len(before) >= 4 * 5


def test_the_copy_scrapes_nothing_and_alerts_nobody(prometheus_chain: Chain) -> None:
    """The source has a target, a rule and an alert; its copy has none of them, and nothing is written to it."""
    harness, backups = prometheus_chain
    source, account = harness.source.url, harness.source.authentication
    assert requests.get(f"{source}/api/v1/rules", auth=account, timeout=60).json()["data"]["groups"]
    with harness.restored(backups[-1].id) as copy, copy.api() as api:
        assert requests.get(f"{api.url}/api/v1/targets", timeout=60).json()["data"]["activeTargets"] == []
        assert requests.get(f"{api.url}/api/v1/rules", timeout=60).json()["data"]["groups"] == []
        managers = requests.get(f"{api.url}/api/v1/alertmanagers", timeout=60).json()["data"]
        assert managers == {"activeAlertmanagers": [], "droppedAlertmanagers": []}
        assert api.gauges()["prometheus_tsdb_head_series"] == 0


def test_no_snapshot_is_left_at_the_source(prometheus_chain: Chain) -> None:
    harness, _ = prometheus_chain
    assert harness.source.snapshots() == []
    assert not list((harness.state / "cache" / "prometheus").glob("*.snapshot"))


def test_prometheus_has_no_database_for_sql(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain

    def nothing(_: Sequence[Fetched]) -> None:
        return

    with harness.fetched(backups[0].id, nothing) as copy:
        assert copy.database_url("any") is None
