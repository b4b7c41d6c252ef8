"""What a backup does not hold is named by it; what the configuration's links lead to, inside its place, it holds."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from backups import witness
from backups.errors import LifeboatError
from backups.machine.runs import Run
from backups.manifest import Manifest
from backups.services.prometheus.service import PrometheusService
from tests.integration.prometheus.conftest import Harness, make_harness
from tests.servers.prometheus import PrometheusFactory

pytestmark = pytest.mark.docker
CONFIG_MAP = "..2026_11_29"


def failed(harness: Harness, manifest: Manifest) -> list[witness.Check]:
    with harness.restored(manifest.id) as copy:
        return [check for check in witness.compare(manifest.witness, copy.observe()) if not check.passed]


def _as_config_map(etc: Path) -> None:
    """Lay the files out as every Kubernetes ConfigMap volume is."""
    inner = etc / CONFIG_MAP
    inner.mkdir(mode=0o755)
    for name in ("prometheus.yml", "rules"):
        shutil.move(etc / name, inner / name)
    (etc / "..data").symlink_to(CONFIG_MAP)
    for name in ("prometheus.yml", "rules"):
        (etc / name).symlink_to(f"..data/{name}")


def test_a_config_map_is_in_the_backup_as_its_files(prometheus_factory: PrometheusFactory, run: Run, state: Path) -> None:
    source = prometheus_factory(configure=_as_config_map)
    harness = make_harness(source, run, state)
    manifest = harness.back_up("full")
    assert {"config/prometheus.yml", "config/rules/lifeboat.yml"} <= {entry.path for entry in manifest.files}
    assert not [limit for limit in manifest.limits if "PromQL" not in limit], "it is too young for any answer; all else is held"
    with harness.restored(manifest.id) as copy:
        assert [check for check in witness.compare(manifest.witness, copy.observe()) if not check.passed] == []
        delivery = copy.settle()
        assert delivery.configuration is not None
        assert "rule_files" in (delivery.configuration / "prometheus.yml").read_text()
        assert not any(path.is_symlink() for path in delivery.configuration.rglob("*"))


def test_a_main_file_that_is_elsewhere_stops_the_backup(
    prometheus_factory: PrometheusFactory, run: Run, state: Path, tmp_path: Path
) -> None:
    source = prometheus_factory()
    place = tmp_path / "etc"
    place.mkdir()
    (place / "prometheus.yml").symlink_to(source.configuration / "prometheus.yml")
    with pytest.raises(LifeboatError, match=r"prometheus\.yml leads out of local:"):
        make_harness(source, run, state, config_place=f"local:{place}").back_up("full")


def _scattered(etc: Path) -> None:
    """Rules in two directories, a password from elsewhere, and a plain `=`."""
    (etc / "more").mkdir(mode=0o755)
    (etc / "more" / "more.yml").write_text("groups: [{name: more, rules: [{record: one, expr: vector(1)}]}]\n")
    main = etc / "prometheus.yml"
    main.write_text(
        main.read_text().replace("[rules/*.yml]", "[rules/*.yml, more/*.yml]")
        + "  - {job_name: away, static_configs: [{targets: ['localhost:1']}], relabel_configs: [{separator: =, target_label: far}],"
        " basic_auth: {username: u, password_file: /run/secrets/token}, file_sd_configs: [{files: [sd/*.json]}]}\n"
    )


def test_what_the_source_reads_outside_of_its_config_place_is_named(
    prometheus_factory: PrometheusFactory, run: Run, state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rules are compared with those that are loaded; a pattern that matches nothing is no fault for promtool."""
    source = prometheus_factory(configure=_scattered)
    shutil.copytree(source.configuration, tmp_path / "etc", ignore=shutil.ignore_patterns("more"))
    (tmp_path / "etc" / os.fsdecode(b"\xff bad")).write_text("a name that is not UTF-8")
    (tmp_path / "etc" / os.fsdecode(b"\xfe link")).symlink_to("prometheus.yml")
    harness = make_harness(source, run, state, config_place=f"local:{tmp_path / 'etc'}")
    with caplog.at_level(logging.INFO):
        manifest = harness.back_up("full")
    limits = "\n".join(manifest.details["limits"])
    assert "/run/secrets/token (password_file of the configuration)" in limits
    assert "/etc/prometheus/more/more.yml, which the source has loaded" in limits
    assert all(f"the file {name} of local:" in limits for name in (r"\xff bad", r"\xfe link"))
    assert "sd/*.json" not in limits
    assert "rules/lifeboat.yml" not in limits
    for limit in manifest.details["limits"]:
        assert f"limit of this backup: {limit}" in caplog.text
    assert failed(harness, manifest) == []
    with harness.restored(manifest.id) as copy:
        assert any("/run/secrets/token" in note for note in copy.settle().notes)


class _Late(BaseHTTPRequestHandler):
    """Exposes one series, the newest sample first and older ones at each later look, as a host with a late clock does."""

    looks = 0

    def do_GET(self) -> None:
        type(self).looks += 1
        at = int(time.time() * 1000) - (0 if self.looks == 1 else 20 * 60_000)
        body = f"late {self.looks} {at}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def late_target() -> Iterator[int]:
    """The port of a target whose samples come twenty minutes late."""
    _Late.looks = 0
    server = ThreadingHTTPServer(("0.0.0.0", 0), _Late)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_samples_that_came_late_are_named_also_after_their_window_was_turned_off(
    prometheus_factory: PrometheusFactory, run: Run, state: Path, late_target: int, docker_cli: Callable[..., str]
) -> None:
    """Prometheus leaves the newest of them out of its snapshots: `verified` says nothing of them."""
    source = prometheus_factory(flags=["--web.enable-lifecycle"])
    gateway = docker_cli("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}", source.name)
    main = source.configuration / "prometheus.yml"
    text = main.read_text() + f"  - {{job_name: late, static_configs: [{{targets: ['{gateway}:{late_target}']}}]}}\n"
    main.write_text(text + "storage: {tsdb: {out_of_order_time_window: 1h}}\n")
    requests.post(f"{source.url}/-/reload", timeout=30).raise_for_status()
    _wait(lambda: len(source.query("late[1h]")) == 1 and len(source.query("late[1h]")[0]["values"]) > 5)
    harness = make_harness(source, run, state)
    there = len(source.query("late[1h]")[0]["values"])
    findings = {
        finding.subject: finding.message for finding in PrometheusService("p", source.settings(), run.docker).examine(run.docker)
    }
    assert "came late since it started" in findings["late samples"]
    first = harness.back_up("full")
    (limit,) = [limit for limit in first.limits if "late (out-of-order) samples" in limit]
    assert int(limit.partition("it took ")[2].split()[0]) >= there - 1
    with harness.restored(first.id) as copy:
        # What is said is so: the copy has the sample that came in time, at the most.
        with copy.api() as api:
            (series,) = api.query("late[1h]", int(time.time())) or [{"values": []}]
        assert len(series["values"]) < there
        assert any(limit in note for note in copy.settle().notes)
    main.write_text(text)
    requests.post(f"{source.url}/-/reload", timeout=30).raise_for_status()
    second = harness.back_up("incremental")
    assert any("late (out-of-order) samples" in limit for limit in second.limits)
    assert failed(harness, second) == []
