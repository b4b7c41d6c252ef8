"""Bad input gets a message with what, where and a hint, and damage is found and named."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from backups import witness
from backups.errors import ConfigError, Damaged, LifeboatError, Transient
from backups.machine.docker import RUN_LABEL, Docker
from backups.machine.runs import Run
from backups.manifest import Manifest
from backups.services.base import Fetched, Finding
from backups.services.prometheus.copy import PrometheusCopy
from backups.services.prometheus.service import PrometheusService
from tests.integration.prometheus.conftest import Harness, make_harness
from tests.servers.prometheus import IMAGE, PASSWORD, USER, PrometheusFactory, PrometheusServer

pytestmark = pytest.mark.docker
Chain = tuple[Harness, list[Manifest]]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def guarded_source(prometheus_factory: PrometheusFactory) -> PrometheusServer:
    """A source that asks for a password, and whose admin API is off."""
    return prometheus_factory(admin=False, authentication=True)


@pytest.fixture(scope="module")
def image_of_version_2() -> Iterator[str]:
    """An image whose Prometheus says that it is 2.53.0. Debian has no such version to build."""
    name = "lifeboat-test/prometheus:2.53"
    script = "#!/bin/sh\\necho prometheus, version 2.53.0 >&2\\n"
    content = (
        f"FROM {IMAGE}\nUSER 0\nRUN rm /bin/prometheus && printf '{script}' > /bin/prometheus && chmod 755 /bin/prometheus\n"
    )
    subprocess.run(
        ["docker", "build", "-q", "-t", name, "-"], input=content, text=True, check=True, capture_output=True,
        env={"DOCKER_BUILDKIT": "0", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
    )  # fmt: skip
    yield name
    subprocess.run(["docker", "rmi", "-f", name], check=True, capture_output=True)


# Backing up


def test_a_source_that_is_down_may_come_back(harness: Harness) -> None:
    with pytest.raises(Transient, match=f"Prometheus at {NOWHERE} does not answer: Connection refused") as caught:
        make_harness(harness.source, harness.run, harness.state, url=NOWHERE).back_up("full")
    assert "is it running" in str(caught.value.hint)


def test_a_wrong_password_is_reported_without_showing_it(guarded_source: PrometheusServer, run: Run, state: Path) -> None:
    harness = make_harness(guarded_source, run, state, password="sculling")
    with pytest.raises(ConfigError, match="refuses the login: 401") as caught:
        harness.back_up("full")
    assert "sculling" not in str(caught.value)


def test_an_admin_api_that_is_off_is_reported_with_its_flag(guarded_source: PrometheusServer, run: Run, state: Path) -> None:
    with pytest.raises(ConfigError, match=r"the admin API of Prometheus at .* is off") as caught:
        make_harness(guarded_source, run, state).back_up("full")
    assert caught.value.hint == "start Prometheus with --web.enable-admin-api"


def test_a_url_that_is_not_prometheus_is_reported(harness: Harness) -> None:
    with pytest.raises(LifeboatError, match="answers 404") as caught:
        make_harness(harness.source, harness.run, harness.state, url=f"{harness.source.url}/graph").back_up("full")
    assert "root of Prometheus" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("inside", "said"),
    [("empty", "has no directory wal/"), ("gone", "is not a directory")],
)
def test_a_place_that_is_no_data_directory_is_refused_before_the_snapshot(
    harness: Harness, tmp_path: Path, inside: str, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LifeboatError, match=said):
        make_harness(harness.source, harness.run, harness.state, place=f"local:{tmp_path / inside}").back_up("full")
    assert harness.source.snapshots() == []


def test_the_data_directory_of_another_server_is_refused_before_the_snapshot(
    harness: Harness, guarded_source: PrometheusServer
) -> None:
    with pytest.raises(ConfigError, match=r"it holds 0 blocks, the server has loaded \d+") as caught:
        make_harness(harness.source, harness.run, harness.state, place=guarded_source.place).back_up("full")
    assert "the server calls it /prometheus" in str(caught.value.hint)
    assert harness.source.snapshots() == []
    assert guarded_source.snapshots() == []


def test_a_snapshot_that_is_not_at_the_place_is_reported_with_the_command_that_removes_it(
    harness: Harness, tmp_path: Path
) -> None:
    """A copy of the data directory looks right until the snapshot does not appear in it."""
    subprocess.run(["docker", "cp", "-q", f"{harness.source.name}:/prometheus", str(tmp_path / "old")], check=True)
    with pytest.raises(LifeboatError, match=r"took the snapshot \S+, which is not in snapshots/ of local:") as caught:
        make_harness(harness.source, harness.run, harness.state, place=f"local:{tmp_path / 'old'}").back_up("full")
    (left,) = harness.source.snapshots()
    assert f"rm -r /prometheus/snapshots/{left}" in str(caught.value.hint)
    harness.source.execute("rm", "-r", f"/prometheus/snapshots/{left}")


def test_an_image_of_another_major_version_is_refused_at_the_backup(harness: Harness, image_of_version_2: str) -> None:
    with pytest.raises(ConfigError, match=r"the source is Prometheus 3\.5\.3\S*, the image \S+ holds 2\.53\.0") as caught:
        make_harness(harness.source, harness.run, harness.state, image=image_of_version_2).back_up("full")
    assert "Prometheus 3.x" in str(caught.value.hint)
    assert harness.source.snapshots() == []


def test_an_image_that_is_not_prometheus_is_refused_at_the_backup(harness: Harness) -> None:
    with pytest.raises(
        LifeboatError, match=r"the image lifeboat/base:sid does not hold Prometheus: it has no program /bin/prometheus"
    ) as caught:
        make_harness(harness.source, harness.run, harness.state, image="lifeboat/base:sid").back_up("full")
    assert not isinstance(caught.value, Transient)
    assert list(harness.run.docker.labelled(f"{RUN_LABEL}={harness.run.id}")) == []


def test_a_backup_without_its_configuration_is_refused(harness: Harness, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"prometheus\.yml, the configuration that the source runs with"):
        make_harness(harness.source, harness.run, harness.state, config_place=f"local:{tmp_path}").back_up("full")
    assert harness.source.snapshots() == []


# Bringing back


def _flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def _oldest(copy: PrometheusCopy) -> Path:
    return copy.data_directory / copy._details.blocks[0].ulid


def _newest(copy: PrometheusCopy) -> Path:
    return copy.data_directory / copy._details.blocks[-1].ulid


@pytest.mark.parametrize(
    ("damage", "metric"),
    [
        (lambda block: _flip(block / "chunks" / "000001", 200), "sha256 of chunks/000001"),
        (lambda block: (block / "meta.json").write_text((block / "meta.json").read_text().replace("17,", "18,")), "series"),
    ],
    ids=["chunk", "meta.json"],
)
def test_a_changed_byte_in_an_old_block_is_found_and_the_block_named(
    prometheus_chain: Chain, damage: Callable[[Path], None], metric: str
) -> None:
    """Prometheus starts on it, and would have shown nothing until somebody looked at that day."""
    harness, backups = prometheus_chain
    with harness.fetched(backups[-1].id) as copy:
        copy.assemble()
        block = _oldest(copy)
        damage(block)
        copy.start()
        copy.first_answer()
        checks = witness.compare(backups[-1].witness, copy.observe())
    failed = [(check.subject, check.metric) for check in checks if not check.passed]
    assert (f"block {block.name}", metric) in failed
    assert {subject for subject, _ in failed if subject.startswith("block ")} == {f"block {block.name}"}


@pytest.mark.parametrize("name", ["index", "tombstones"])
def test_a_file_with_a_checksum_of_its_own_keeps_prometheus_from_starting_and_is_named(
    prometheus_chain: Chain, name: str
) -> None:
    harness, backups = prometheus_chain
    with harness.fetched(backups[-1].id) as copy:
        copy.assemble()
        file = _oldest(copy) / name
        _flip(file, file.stat().st_size - 2)
        with pytest.raises(Damaged, match=f"does not start on the restored blocks; block {file.parent.name}: {name} has sha256"):
            copy.start()


def test_a_damaged_chunk_of_the_newest_hours_fails_the_first_answer(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain
    with harness.fetched(backups[-1].id) as copy:
        copy.assemble()
        chunk = _newest(copy) / "chunks" / "000001"
        chunk.write_bytes(chunk.read_bytes()[:8] + bytes(chunk.stat().st_size - 8))
        copy.start()
        with pytest.raises(
            Damaged, match=f"first answer of the copy is wrong: .*; block {chunk.parent.parent.name}: chunks/000001"
        ):
            copy.first_answer()


def test_a_block_that_is_removed_from_the_copy_is_found_by_every_kind_of_fact(prometheus_chain: Chain) -> None:
    """An old block goes: Prometheus starts, and answers about today; the proof says which block is missing."""
    harness, backups = prometheus_chain
    with harness.fetched(backups[-1].id) as copy:
        copy.assemble()
        questions = copy._details.questions.instants
        ulid = next(
            block.ulid
            for block in copy._details.blocks[:-1]
            if any(block.min_time <= instant.at * 1000 < block.max_time for instant in questions)
        )
        subprocess.run(["rm", "-r", str(copy.data_directory / ulid)], check=True)
        copy.start()
        copy.first_answer()
        checks = witness.compare(backups[-1].witness, copy.observe())
    failed = [check for check in checks if not check.passed]
    assert {check.subject for check in failed if check.subject.startswith("block ")} == {f"block {ulid}"}
    assert ("data directory", "blocks") in {(check.subject, check.metric) for check in failed}
    assert any(check.subject == "all metrics" for check in failed)
    assert any(check.subject == "metric room_temperature" and check.expected == 12 for check in failed)


def test_a_block_that_is_missing_from_the_chain_is_named(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain

    with harness.fetched(backups[-1].id) as copy:
        block = copy._details.blocks[0]
        (copy._chain[backups[0].id].data / "blocks" / block.ulid / "index").unlink()
        with pytest.raises(Damaged, match=f"block {block.ulid}: index .* is missing from backup {backups[0].id}"):
            copy.assemble()


def test_a_configuration_file_that_changed_is_found(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain

    def change(chain: Sequence[Fetched]) -> None:
        rules = chain[-1].data / "config" / "rules" / "lifeboat.yml"
        rules.write_text(rules.read_text().replace("sum by", "min by"))

    with harness.fetched(backups[-1].id, change) as copy:
        copy.assemble()
        copy.start()
        failed = [check for check in witness.compare(backups[-1].witness, copy.observe()) if not check.passed]
    assert [(check.subject, check.metric) for check in failed] == [("configuration rules/lifeboat.yml", "sha256")]


def test_a_copy_on_another_major_version_proves_nothing(prometheus_chain: Chain) -> None:
    """Answers of 2.x and 3.x differ without any damage: that is a drill that could not run, not a failed one."""
    harness, backups = prometheus_chain
    with harness.fetched(backups[0].id) as copy:
        source = copy._last.manifest.source.model_copy(update={"version": "2.53.0"})
        copy._last = Fetched(copy._last.manifest.model_copy(update={"source": source}), copy._last.data)
        copy.assemble()
        with pytest.raises(ConfigError, match=r"the source is Prometheus 2\.53\.0"):
            copy.start()


def test_a_copy_that_ends_for_another_reason_than_its_blocks_is_not_called_damaged(prometheus_chain: Chain) -> None:
    harness, backups = prometheus_chain
    with harness.fetched(backups[0].id) as copy:
        copy._details.flags["query.lookback-delta"] = "soon"
        copy.assemble()
        with pytest.raises(LifeboatError, match=r"ended while it started; the end of its log: .*soon") as caught:
            copy.start()
    assert not isinstance(caught.value, Damaged)


# lifeboat doctor


def _examined(service: PrometheusService) -> dict[str, Finding]:
    return {finding.subject: finding for finding in service.examine(Docker())}


def _service(source: PrometheusServer, **changes: object) -> PrometheusService:
    return PrometheusService("prometheus", source.settings(**changes), Docker())


def test_doctor_finds_a_good_source_well_and_changes_nothing(prometheus_source: PrometheusServer) -> None:
    findings = _examined(_service(prometheus_source))
    assert {subject: finding.ok for subject, finding in findings.items()} == {
        "url": True, "admin API": True, "image": True, "place": True, "removing snapshots": True, "config_place": True,
    }  # fmt: skip
    assert "Prometheus 3.5" in findings["url"].message
    assert prometheus_source.snapshots() == []


@pytest.mark.parametrize(
    ("changes", "subject", "message", "remedy"),
    [
        ({"url": NOWHERE}, "url", "does not answer", "is it running"),
        ({"place": "local:/nowhere"}, "place", "is not a directory", "path right"),
        ({"place": "local:/etc"}, "place", "is not the data directory of", "the server calls it /prometheus"),
        ({"place": "docker:nobody:/prometheus"}, "place", "there is no container nobody", "docker ps"),
        ({"image": "lifeboat/nothing:0"}, "image", "cannot be pulled", "docker pull"),
        ({"config_place": "local:/usr/lib"}, "config_place", "prometheus.yml", "the source calls /etc/prometheus"),
        ({"user": "lifeboat"}, "url", "has no password", "password_file"),
    ],
    ids=["down", "no place", "other place", "no container", "no image", "no configuration", "no password"],
)
def test_doctor_names_what_is_to_be_mended(
    prometheus_source: PrometheusServer, changes: dict[str, str], subject: str, message: str, remedy: str
) -> None:
    finding = _examined(_service(prometheus_source, **changes))[subject]
    assert not finding.ok
    assert message in finding.message
    assert remedy in str(finding.remedy)


def test_doctor_names_a_wrong_password_and_an_admin_api_that_is_off(guarded_source: PrometheusServer) -> None:
    refused = _examined(_service(guarded_source, password="sculling"))["url"]
    assert (refused.ok, "401" in refused.message) == (False, True)
    findings = _examined(_service(guarded_source, user=USER, password=PASSWORD))
    assert findings["url"].ok
    assert not findings["admin API"].ok
    assert findings["admin API"].remedy == "start Prometheus with --web.enable-admin-api"


def test_doctor_names_an_image_of_another_major_version(prometheus_source: PrometheusServer, image_of_version_2: str) -> None:
    finding = _examined(_service(prometheus_source, image=image_of_version_2))["image"]
    assert not finding.ok
    assert "2.53.0" in finding.message


def test_doctor_names_snapshots_that_fill_the_disk(prometheus_factory: PrometheusFactory) -> None:
    def late(directory: Path) -> None:
        configuration = directory / "prometheus.yml"
        configuration.write_text(configuration.read_text() + "storage: {tsdb: {out_of_order_time_window: 30m}}\n")

    source = prometheus_factory(configure=late)
    source.execute("sh", "-c", "mkdir -p /prometheus/snapshots/x/y && touch /prometheus/snapshots/x/y/z")
    findings = _examined(_service(source))
    assert not findings["snapshots"].ok
    assert "1 snapshot left in" in findings["snapshots"].message
    assert "30 min" in findings["late samples"].message
