"""The command line of a restored Prometheus: its source's, with a retention that deletes nothing of what was restored."""

from datetime import UTC, datetime, timedelta

import pytest

from backups.errors import LifeboatError
from backups.services.prometheus import first_start
from backups.services.prometheus.details import Block, BlockFile, PrometheusDetails, Questions

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
UNLIMITED = "--storage.tsdb.retention.size=1EB"


def details(days: float, start: dict[str, str], size: int = 1000) -> PrometheusDetails:
    """A backup whose oldest block ended some days ago."""
    blocks = [
        Block.model_construct(
            ulid=str(number),
            min_time=end - 7200_000,
            max_time=end,
            files=(BlockFile.model_construct(path="index", size=size, sha256=""),),
        )
        for number, end in enumerate(int((NOW - timedelta(days=age)).timestamp() * 1000) for age in (days, 0.1))
    ]
    return PrometheusDetails(snapshot="s", blocks=tuple(blocks), questions=Questions(seed=1), flags={}, start=start)


@pytest.mark.parametrize(
    ("days", "start", "limits"),
    [
        (60, {"storage.tsdb.retention.time": "1y"}, ["--storage.tsdb.retention.time=1y"]),
        (60, {"storage.tsdb.retention.time": "15d"}, [UNLIMITED]),
        (14, {"storage.tsdb.retention.time": "15d"}, ["--storage.tsdb.retention.time=15d"]),
        (15.1, {"storage.tsdb.retention.time": "15d"}, [UNLIMITED]),
        # Without any limit given, Prometheus would take fifteen days.
        (60, {}, [UNLIMITED]),
        (60, {"storage.tsdb.retention.time": "0s", "storage.tsdb.retention.size": "0B"}, [UNLIMITED]),
        (60, {"storage.tsdb.retention.time": "0s", "storage.tsdb.retention.size": "50GB"}, ["--storage.tsdb.retention.size=50GB"]),
        (60, {"storage.tsdb.retention.size": "1KB"}, [UNLIMITED]),
        (5, {"storage.tsdb.retention.time": "15d", "storage.tsdb.retention.size": "1KB"}, [UNLIMITED]),
        (5, {"storage.tsdb.retention.time": "15d", "storage.tsdb.retention.size": "2KiB"},
         ["--storage.tsdb.retention.time=15d", "--storage.tsdb.retention.size=2KiB"]),
    ],
)  # fmt: skip
def test_the_sources_retention_is_kept_unless_it_would_delete_something(
    days: float, start: dict[str, str], limits: list[str]
) -> None:
    backup = details(days, start)
    line = first_start.options(backup, None, NOW)
    assert [flag for flag in line if "retention" in flag] == limits
    assert bool(list(first_start.notes(backup, NOW))) == (limits == [UNLIMITED] and first_start.deleted(backup, NOW) is not None)


@pytest.mark.parametrize(
    ("configuration", "why"),
    [
        ("storage: {tsdb: {retention: {time: 15d}}}", "the source keeps 15d (--storage.tsdb.retention.time)"),
        ("storage: {tsdb: {retention: {time: 90d, size: 1KB}}}", "the source keeps 1KB (--storage.tsdb.retention.size)"),
        ("storage: {tsdb: {retention: {time: 90d}}}", None),
        ("storage: {tsdb: {retention: {time: soon}}}", "'soon' is not a duration"),
        ("storage: {tsdb: {retention: }}", None),
        ("storage: {tsdb: {out_of_order_time_window: 1h}}", None),
        ("storage: [tsdb]", None),
        ("global: {scrape_interval: 15d}", None),
        ("{", None),
    ],
)
def test_the_limits_of_a_configuration_count_before_the_flags(configuration: str, why: str | None) -> None:
    """A new container that was started with it would lose old blocks, whatever its flags say."""
    found = first_start.deleted_by(configuration, details(60, {"storage.tsdb.retention.time": "1y"}), NOW)
    assert found == why if why is None else str(found).startswith(why)


def test_flags_that_matter_are_recorded_and_given_back() -> None:
    flags = {
        "web.enable-admin-api": "true", "web.enable-lifecycle": "false", "enable-feature": "", "query.timeout": "2m",
        "web.listen-address": "10.0.0.7:9090", "storage.tsdb.path": "/srv", "storage.tsdb.retention.time": "15d",
    }  # fmt: skip
    start = first_start.recorded(flags)
    line = first_start.options(details(1, start), "/etc/prometheus/prometheus.yml", NOW)
    assert line == [
        "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus", "--web.enable-admin-api",
        "--query.timeout=2m", "--storage.tsdb.retention.time=15d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"), [("50GB", 50 * 2**30), ("1EB", 2**60), ("512B", 512), ("1.5MB", 1.5 * 2**20), ("7", 7)]
)
def test_sizes_are_read_as_prometheus_writes_them(text: str, number: float) -> None:
    assert first_start._bytes(text) == number


@pytest.mark.parametrize("text", ["GB", "many", "5XB", ""])
def test_what_is_no_size_is_reported(text: str) -> None:
    with pytest.raises(LifeboatError, match="is not a size"):
        first_start._bytes(text)
