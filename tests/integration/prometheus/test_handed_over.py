"""A Prometheus that is handed over to live on: the captured blocks and nothing else; and what the source has gained since."""

import re

import pytest

from backups.errors import Damaged, LifeboatError
from backups.manifest import Manifest
from backups.services.continuous import continuous, continuous_copy
from backups.services.prometheus.details import PrometheusDetails
from tests.integration.prometheus.conftest import Harness

pytestmark = pytest.mark.docker
Chain = tuple[Harness, list[Manifest]]


def test_what_is_handed_over_is_the_captured_blocks_alone(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain
    with harness.restored(backups[-1].id) as copy:
        assert {entry.name for entry in copy.data_directory.iterdir()} > {"wal", "chunks_head"}
        delivery = copy.settle()
        details = PrometheusDetails.of(backups[-1])
        files = {path.relative_to(delivery.data).as_posix() for path in delivery.data.rglob("*") if path.is_file()}
        assert files == {f"{block.ulid}/{file.path}" for block in details.blocks for file in block.files}
        assert delivery.configuration is not None
        assert (delivery.configuration / "prometheus.yml").is_file()
        assert (delivery.inside, delivery.ownership.names, delivery.ownership.user) == (
            "/prometheus",
            "prometheus:prometheus",
            65534,
        )
        assert any("--storage.tsdb.retention.time" in note for note in delivery.notes)


def test_blocks_that_changed_in_the_sandbox_are_not_handed_over(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain
    with harness.restored(backups[-1].id) as copy:
        chunk = next(copy.data_directory.rglob("chunks/000001"))
        chunk.write_bytes(b"\0" * chunk.stat().st_size)
        with pytest.raises(Damaged, match=r"not equal to those captured; block \w+: chunks/000001 has sha256"):
            copy.settle()


def test_there_is_no_way_on_from_a_snapshot(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain
    assert continuous(harness.service) is None
    refused = pytest.raises(LifeboatError, match="the backup has no log: no moment between two backups")
    with harness.fetched(backups[0].id) as copy, refused:
        continuous_copy(copy)


def test_what_the_source_has_gained_since_is_reported_in_samples(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain
    harness.source.wait_for_scrapes(3)
    (line,) = harness.service.loss(backups[0].witness)
    told = re.fullmatch(r"(\d+) samples scraped since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, where the backup ends", line)
    assert told is not None, line
    assert int(told[1]) > 0
    assert list(harness.service.loss(())) == []
