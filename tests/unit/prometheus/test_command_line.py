"""What a manifest says of a copy's command line and mounts is a closed list: whatever else stands there is Damaged, and named."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backups.errors import Damaged
from backups.manifest import Manifest, Source
from backups.services.base import Fetched
from backups.services.prometheus import command_line, first_start
from backups.services.prometheus.copy import PrometheusCopy
from backups.services.prometheus.details import PrometheusDetails

OWN: dict[str, Any] = {
    "snapshot": "s",
    "blocks": [],
    "questions": {"seed": 1},
    "flags": {"query.lookback-delta": "5m", "query.max-samples": "50000000", "query.timeout": "2m0s"},
    "start": {"web.enable-lifecycle": "false", "enable-feature": "exemplar-storage,native-histograms",
              "storage.tsdb.retention.time": "1y6d", "storage.tsdb.retention.size": "512.5GiB"},
    "configuration": {"main": "sub/prometheus.yml", "directory": "/etc/prometheus", "checked": True},
}  # fmt: skip


def details(**changes: object) -> PrometheusDetails:
    return PrometheusDetails.model_validate({**OWN, **changes})


def mounted(directory: str, main: str = "prometheus.yml") -> PrometheusDetails:
    return details(configuration={"main": main, "directory": directory, "checked": True})


def test_what_lifeboat_writes_is_accepted() -> None:
    command_line.require(details(), "prometheus-1")
    command_line.require(details(configuration=None), "prometheus-1")
    recorded = first_start.recorded({**dict.fromkeys(command_line.DELIVERED, ""), "storage.tsdb.retention.time": "0s"})
    command_line.require(details(start=recorded), "prometheus-1")


@pytest.mark.parametrize(
    ("given", "kept", "answering"),
    [
        ("native_histograms", None, ""),
        ("exemplar-storage,", "exemplar-storage", ""),
        ("a, promql-delayed-name-removal,PromQL-x,promql-experimental-functions,utf8-names",
         "a,promql-experimental-functions,utf8-names", "promql-experimental-functions,utf8-names"),
        ("", None, ""),
    ],
)  # fmt: skip
def test_a_feature_that_prometheus_does_not_know_stops_no_backup(given: str, kept: str | None, answering: str) -> None:
    """It only warns of a mistyped one. Copies have those that decide what a query is answered, as their source has them."""
    found = details(start=first_start.recorded({"enable-feature": given}))
    assert found.start.get("enable-feature") == kept
    assert list(command_line.faults(found)) == []
    assert command_line.answering(found) == answering


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("web.config.file", "/etc/x"), ("storage.tsdb.path", "/"), ("config.file", "/x"), ("web.listen-address", "0.0.0.0:1"),
        ("query.timeout", "2m --web.enable-admin-api"), ("query.max-samples", "-1"), ("query.lookback-delta", ""),
        ("no-query.timeout", "1"), ("help", "true"), ("query.time", "2m"), ("enable-feature", "--x"),
        ("storage.tsdb.retention.time", "1d\n"), ("web.enable-lifecycle", "yes"),
    ],
)  # fmt: skip
def test_a_flag_that_is_not_listed_is_damaged(name: str, value: str) -> None:
    for where in ("flags", "start"):
        with pytest.raises(Damaged, match=f"{where}: '{name}'"):
            command_line.require(details(**{where: {name: value}}), "prometheus-1")


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_passes_is_one_listed_flag_with_one_word(name: str, value: str) -> None:
    for where, listed in (("flags", command_line.COPIED), ("start", command_line.DELIVERED)):
        if not list(command_line.faults(details(**{where: {name: value}}))):
            assert name in listed
            assert value.isascii()
            assert not set(value) & set(" /=\n'\"$`;")


@pytest.mark.parametrize(
    "directory",
    ["/", "", "etc/prometheus", "/etc", "/bin", "/lib", "/lib/x86_64-linux-gnu", "/usr", "/usr/lib/prometheus", "/usr/local/bin",
     "/usr/local/lib/x", "/proc/self", "/dev", "/etc/../bin", "/etc/./x", "/etc//x", "/etc/pro\nmetheus", "/sys/fs", "/run/docker.sock"],
)  # fmt: skip
def test_a_configuration_is_not_mounted_over_the_programs_of_an_image(directory: str) -> None:
    with pytest.raises(ValidationError, match=r"configuration\.directory"):
        mounted(directory)


@pytest.mark.parametrize(
    "directory", ["/etc/prometheus", "/config", "/prometheus/etc", "/usr/local/etc/prometheus", "/opt/p", "/srv/größe", "/data"]
)
def test_a_configuration_is_mounted_where_sources_have_it(directory: str) -> None:
    command_line.require(mounted(directory), "prometheus-1")


@pytest.mark.parametrize("main", ["../prometheus.yml", "/etc/passwd", "a/../b", "", "./a"])
def test_the_main_file_is_below_that_directory(main: str) -> None:
    with pytest.raises(ValidationError, match=r"configuration\.main"):
        mounted("/etc/prometheus", main)


def test_a_copy_of_a_forged_backup_is_not_even_begun() -> None:
    """Nor is its promtool: the mount would be over the image's programs."""
    forged = {**OWN, "configuration": {"main": "prometheus.yml", "directory": "/bin", "checked": True}}
    with pytest.raises(Damaged, match=r"prometheus-20261130T000000Z is not a Prometheus backup's: configuration\.directory"):
        PrometheusCopy([Fetched(manifest(forged), Path("/nowhere"))], cast("Any", None))


def test_a_copy_has_the_features_that_its_sources_answers_depend_on() -> None:
    """Without `promql-experimental-functions` it would refuse what a dashboard asks, and the source answers."""
    start = first_start.recorded({"enable-feature": "exemplar-storage,promql-experimental-functions"})
    sandbox = cast("Any", SimpleNamespace(directory=Path("/nowhere")))
    copy = PrometheusCopy([Fetched(manifest({**OWN, "start": start}), Path("/nowhere"))], sandbox)
    assert [flag for flag in copy._flags() if "feature" in flag] == ["--enable-feature=promql-experimental-functions"]


def manifest(details: dict[str, Any]) -> Manifest:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    return Manifest(
        lifeboat="0", id="prometheus-20261130T000000Z", service="prometheus", type="prometheus", kind="full", chain="prometheus-20261130T000000Z", sequence=0,
        parent=None, started_at=at, taken_at=at, finished_at=at, source=Source(version="3.5.0", image="p:1"), files=(),
        details=details, witness=(),
    )  # fmt: skip
