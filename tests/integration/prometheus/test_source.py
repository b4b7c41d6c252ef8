"""What the source may do during a backup, and what it may be: the proof stays exact, and nothing is left there."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from backups import witness
from backups.errors import LifeboatError
from backups.machine import disk
from backups.machine.runs import Run
from backups.places.local.place import LocalPlace
from backups.services.prometheus import questions, ranges
from backups.services.prometheus.api import Api
from backups.services.prometheus.details import PrometheusDetails
from tests.integration.prometheus.conftest import Harness, make_harness
from tests.servers.prometheus import PrometheusFactory, PrometheusServer

pytestmark = pytest.mark.docker


def _failed(harness: Harness, backup: str) -> list[witness.Check]:
    manifest = next(harness.repository.manifest(record) for record in harness.repository.backups() if record.id == backup)
    with harness.restored(backup) as copy:
        return [check for check in witness.compare(manifest.witness, copy.observe()) if not check.passed]


@pytest.fixture(scope="module")
def own_source(prometheus_factory: PrometheusFactory) -> PrometheusServer:
    """A source whose data these tests may change."""
    source = prometheus_factory(past=6)
    source.wait_for_scrapes(8)
    return source


def _delete(source: PrometheusServer, selector: str) -> None:
    url = f"{source.url}/api/v1/admin/tsdb"
    assert requests.post(f"{url}/delete_series", params={"match[]": selector}, timeout=30).status_code == 204


def test_deleted_series_and_rewritten_blocks_come_back_as_they_are(own_source: PrometheusServer, run: Run, state: Path) -> None:
    """A deletion changes files of old blocks in place; cleaning up replaces the blocks: each incremental holds just that."""
    harness = make_harness(own_source, run, state)
    full = harness.back_up("full")
    old = set(own_source.blocks())
    _delete(own_source, 'room_temperature{machine="3"}')
    marked = harness.back_up("incremental")
    changed = {entry.path.split("/", 2)[2] for entry in marked.files if entry.path.split("/")[1] in old}
    assert "tombstones" in changed
    assert changed <= {"tombstones", "meta.json"}
    requests.post(f"{own_source.url}/api/v1/admin/tsdb/clean_tombstones", timeout=30).raise_for_status()
    assert not old & own_source.blocks()
    cleaned = harness.back_up("incremental")
    for manifest in (full, marked, cleaned):
        assert _failed(harness, manifest.id) == []
    assert harness.service.wanted([full, marked, cleaned])[:2] == [[], []]


def test_what_changes_while_the_backup_is_taken_is_left_out_of_the_proof_and_said(
    own_source: PrometheusServer, run: Run, state: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = make_harness(own_source, run, state)
    fetch = LocalPlace.fetch

    def fetch_and_delete(place: LocalPlace, paths: list[str], into: Path) -> None:
        if any(path.startswith("snapshots/") for path in paths):
            _delete(own_source, 'rowers{machine="2"}')
        fetch(place, paths, into)

    monkeypatch.setattr(LocalPlace, "fetch", fetch_and_delete)
    with caplog.at_level(logging.INFO):
        manifest = harness.back_up("full")
    unsettled = PrometheusDetails.of(manifest).questions.unsettled
    assert any(subject == "metric rowers" for subject, _ in unsettled)
    assert not any(subject == "metric room_temperature" for subject, _ in unsettled)
    assert "changed during the backup, not compared, first: " in caplog.text
    assert any("changed during the backup, not compared, first: " in limit for limit in manifest.limits)
    assert _failed(harness, manifest.id) == []


def test_one_sample_of_all_that_is_not_in_the_backup_as_the_source_has_it_fails_the_proof(
    own_source: PrometheusServer, run: Run, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal files prove the copy equal to what was captured; that this is what the source answers, only its answers prove."""
    harness = make_harness(own_source, run, state)
    query = Api.query
    old = min(block.min_time for block in PrometheusDetails.of(harness.back_up("full")).blocks) // 1000
    altered: set[float] = set()

    def and_alter(api: Api, expression: str, at: int) -> list[dict[str, Any]]:
        found = query(api, expression, at)
        for element in found:
            if element["metric"].get("__name__") == "rowers" and element["metric"].get("machine") == "4":
                for pair in element.get("values", ()):
                    if pair[0] < old + 3600 and (not altered or pair[0] in altered):
                        altered.add(pair[0])
                        pair[1] = "-1"
        return found

    with monkeypatch.context() as source:
        # All of it is asked for, however long the source has been scraping.
        source.setattr(ranges, "BUDGET", 10**9)
        source.setattr(Api, "query", and_alter)
        manifest = harness.back_up("full")
    assert len(altered) == 1
    assert "samples of all metrics" in {check.subject for check in _failed(harness, manifest.id)}


def test_a_source_that_answers_only_small_queries_is_asked_in_slices(
    prometheus_factory: PrometheusFactory, run: Run, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Counting all series at once is refused there, so chosen metrics are counted; the copy answers as little."""
    source = prometheus_factory(past=4, flags=["--query.max-samples=200"])
    source.wait_for_scrapes(8)
    harness = make_harness(source, run, state)
    manifest = harness.back_up("full")
    subjects = {fact.subject for fact in manifest.witness}
    assert any(subject.endswith(" chosen metrics") for subject in subjects)
    assert len([subject for subject in subjects if subject.startswith("metric ")]) > 10
    assert PrometheusDetails.of(manifest).flags["query.max-samples"] == "200"
    # In one, where it answers what it is asked; how many they are depends on how long it has been scraping.
    assert len([subject for subject in subjects if subject.startswith("samples of ")]) > 2
    assert _failed(harness, manifest.id) == []


def test_a_source_with_many_series_is_asked_about_chosen_metrics(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MANY_SERIES", 100)
    monkeypatch.setattr(questions, "METRICS", 30)
    manifest = harness.back_up("full")
    scopes = {
        len(instant.names) if instant.names is not None else None for instant in PrometheusDetails.of(manifest).questions.instants
    }
    assert scopes == {30, None}
    assert _failed(harness, manifest.id) == []


def test_an_empty_source_can_be_backed_up_and_comes_back_empty(
    prometheus_factory: PrometheusFactory, run: Run, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = prometheus_factory(configure=lambda directory: (directory / "prometheus.yml").write_text("{}\n"))
    harness = make_harness(source, run, state)
    with caplog.at_level(logging.INFO):
        manifest = harness.back_up("full")
    assert "the witness has no PromQL answers" in caplog.text
    assert any("the witness has no PromQL answers" in limit for limit in manifest.limits)
    assert [fact.value for fact in manifest.witness if fact.metric == "blocks"] == [0]
    assert _failed(harness, manifest.id) == []


def test_data_younger_than_the_longest_scrape_is_backed_up_without_questions(
    prometheus_factory: PrometheusFactory, run: Run, state: Path
) -> None:
    """A scrape under way may end after the snapshot: nothing younger than its timeout is asked about."""

    def slow(directory: Path) -> None:
        configuration = directory / "prometheus.yml"
        slow_job = "  - {job_name: slow, scrape_interval: 1h, scrape_timeout: 1h}\n"
        configuration.write_text(configuration.read_text() + slow_job)

    source = prometheus_factory(configure=slow)
    source.wait_for_scrapes(2)
    harness = make_harness(source, run, state)
    manifest = harness.back_up("full")
    assert PrometheusDetails.of(manifest).questions.instants == ()
    assert [fact.value for fact in manifest.witness if fact.metric == "blocks"] == [1]
    assert _failed(harness, manifest.id) == []


def test_a_configuration_that_promtool_refuses_is_said_at_the_backup_and_is_no_fault_of_the_copy(
    own_source: PrometheusServer, run: Run, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = own_source.configuration / "rules" / "new.yml"
    rules.write_text("groups: [{name: broken, rules: [{record: a, expr: 'sum(('}]}]\n")
    try:
        harness = make_harness(own_source, run, state)
        with caplog.at_level(logging.INFO):
            manifest = harness.back_up("full")
    finally:
        rules.unlink()
    assert "promtool does not accept the configuration" in caplog.text
    assert any("promtool does not accept the configuration" in limit for limit in manifest.limits)
    judged = next(fact for fact in manifest.witness if fact.metric == "promtool check config")
    assert str(judged.value).startswith("refused: ")
    assert "new.yml" in str(judged.value)
    assert _failed(harness, manifest.id) == []


# What must not be left at the source


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError("the copy failed")], ids=["interrupt", "fault"])
def test_no_snapshot_is_left_when_the_copy_of_it_ends_early(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    fetch = LocalPlace.fetch

    def broken(place: LocalPlace, paths: list[str], into: Path) -> None:
        if any(path.startswith("snapshots/") for path in paths):
            assert harness.source.snapshots()
            raise fault
        fetch(place, paths, into)

    monkeypatch.setattr(LocalPlace, "fetch", broken)
    with pytest.raises(type(fault)):
        harness.back_up("full")
    assert harness.source.snapshots() == []
    assert harness.repository.backups() == []


def test_no_snapshot_is_left_when_the_interrupt_comes_while_prometheus_makes_it(harness: Harness) -> None:
    """The name of the snapshot is not known yet when Ctrl-C comes; it is waited for."""
    with _proxy(harness.source.url) as url:
        service = make_harness(harness.source, harness.run, harness.state, url=url)
        with pytest.raises(KeyboardInterrupt):
            service.back_up("full")
    assert harness.source.snapshots() == []


@contextmanager
def _proxy(url: str) -> Iterator[str]:
    """Passes everything on to `url`, and interrupts this process between a snapshot's being made and its name's arrival."""

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {"Content-Type": self.headers.get("Content-Type", "")}
            answer = requests.request(self.command, f"{url}{self.path}", data=body, headers=headers, timeout=60)
            if self.path.endswith("/snapshot"):
                os.kill(os.getpid(), signal.SIGINT)
                threading.Event().wait(0.3)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _pass_on  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_KILLED = """
import os, signal, sys
from pathlib import Path
from backups.machine import runs
from backups.places.local.place import LocalPlace
from backups.services.base import Job
from backups.services.prometheus.service import PrometheusService
from backups.services.prometheus.settings import PrometheusSettings

fetch = LocalPlace.fetch

def die(place, paths, into):
    if any(path.startswith("snapshots/") for path in paths):
        os.kill(os.getpid(), signal.SIGKILL)
    fetch(place, paths, into)

LocalPlace.fetch = die
state = Path(sys.argv[1])
with runs.start(state) as run:
    data, work = run.directory / "data", run.directory / "work"
    data.mkdir(), work.mkdir()
    service = PrometheusService("prometheus", PrometheusSettings.model_validate_json(sys.argv[2]), run.docker)
    service.capture(Job("full", data, work, (), run.docker, state))
"""


def test_the_snapshot_of_a_killed_backup_is_removed_by_the_next_and_others_are_left(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """What we made we know by name; a snapshot of somebody else's may be in use."""
    theirs = requests.post(f"{harness.source.url}/api/v1/admin/tsdb/snapshot", timeout=60).json()["data"]["name"]
    settings = harness.source.settings().model_dump_json()
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(harness.state), settings], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert len(harness.source.snapshots()) == 2
    try:
        with caplog.at_level(logging.INFO):
            harness.back_up("full")
        assert harness.source.snapshots() == [theirs]
        assert "which an earlier run left" in caplog.text
        assert f"holds 1 snapshot of others, so that old blocks are not freed: {theirs}" in caplog.text
    finally:
        harness.source.execute("rm", "-r", f"/prometheus/snapshots/{theirs}")


def test_a_disk_that_is_too_small_is_found_before_the_copy(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_RESERVE", 1 << 60)
    with pytest.raises(LifeboatError, match=r"the copy of the snapshot in docker:.* needs .* TiB in .*; .* are free"):
        make_harness(harness.source, harness.run, harness.state, config_place=None).back_up("full")
    assert harness.source.snapshots() == []
    assert harness.repository.backups() == []
