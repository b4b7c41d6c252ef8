"""What a Prometheus answers when something is wrong with it, or between it and us: what follows from it, and what does not."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from backups.errors import ConfigError, LifeboatError
from backups.places.local.place import LocalPlace
from backups.services.prometheus import health
from backups.services.prometheus.api import Api, Refused
from backups.services.prometheus.capture import require_storage
from backups.services.prometheus.settings import PrometheusSettings
from backups.services.prometheus.snapshot import clear, snapshot
from tests.servers.http import Answers, certificate, serving


def settings(url: str, **more: Any) -> PrometheusSettings:
    return PrometheusSettings.model_validate(
        {"type": "prometheus", "image": "prom/prometheus:v3.5.0", "url": url, "place": "local:/x", **more}
    )


def data(content: Any) -> tuple[int, Any]:
    return 200, {"status": "success", "data": content}


# Down, or only starting


def test_a_server_that_reads_its_log_is_starting_and_not_down() -> None:
    """Minutes of a big server after each restart: a restore would move its newest hours aside."""
    answers: Answers = {
        "/-/ready": (503, "Service Unavailable"),
        "/-/healthy": (200, "Prometheus Server is Healthy."),
        "/api/v1/status/walreplay": data({"min": 0, "max": 40, "current": 7}),
    }
    with serving(answers) as url, pytest.raises(LifeboatError, match="is starting: it reads its log, segment 7 of 40"):
        list(health.look(settings(url)))


def test_before_it_told_its_progress_it_is_starting_all_the_same() -> None:
    with (
        serving({"/-/ready": (503, "Service Unavailable"), "/-/healthy": (200, "Prometheus is Healthy.")}) as url,
        pytest.raises(LifeboatError, match=r"is starting: it reads its log\nhint"),
    ):
        list(health.look(settings(url)))


# Certificates


def test_a_certificate_of_the_tls_ca_is_accepted_whatever_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = certificate(tmp_path / "server.pem", days=30)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate(tmp_path / "other.pem", days=30)))
    with serving({"/-/ready": (200, "Prometheus Server is Ready.")}, own) as url:
        assert list(health.look(settings(url, tls_ca=str(own)))) == []
        assert list(health.look(settings(url, ca_file=str(own)))) == [], "as it was called before"


def test_a_tls_ca_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tls_ca .*gone\.pem is not there"):
        Api.of(settings("https://127.0.0.1:1", tls_ca=str(tmp_path / "gone.pem")))
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ConfigError, match=r"tls_ca .*empty\.pem cannot be read"):
        Api.of(settings("https://127.0.0.1:1", tls_ca=str(tmp_path / "empty.pem")))


@pytest.mark.parametrize(
    ("url", "keys", "fault"),
    [
        ("http://p:9090", {"tls": "required"}, "needs an https url"),
        ("https://p:9090", {"tls": "disabled"}, "exclude each other"),
        ("https://p:9090", {"tls_ca": "/a", "ca_file": "/b"}, "ca_file is the old name of tls_ca"),
    ],
)
def test_keys_that_exclude_each_other_are_refused(url: str, keys: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        settings(url, **keys)


# Agents


@pytest.mark.parametrize("flags", [{"agent": "true"}, {"enable-feature": "exemplar-storage,agent"}])
def test_an_agent_is_refused(flags: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="runs as an agent"):
        require_storage(Api("http://p:9090"), flags)


def test_a_server_is_no_agent() -> None:
    require_storage(Api("http://p:9090"), {"agent": "false", "enable-feature": "agentless", "storage.agent.path": "data-agent/"})


# Snapshots that fail


NOW = int(dt.datetime(2026, 11, 29, 0, 0, 5, tzinfo=dt.UTC).timestamp())
MADE, EARLIER = "20261129T000006Z-0123456789abcdef", "20261128T000006Z-0123456789abcdef"
CLOCK = data({"resultType": "scalar", "result": [NOW, str(NOW)]})
FAILED = (500, {"status": "error", "errorType": "internal", "error": "create snapshot: tombstones: no such file or directory"})


def _snapshots(tmp_path: Path, answer: tuple[int, Any], *made: str) -> tuple[LocalPlace, Path, LifeboatError]:
    """Ask for a snapshot that makes these directories and is answered so; returns the place, the record, and the error."""
    place, record = LocalPlace(tmp_path / "data"), tmp_path / "state" / "p.snapshot"
    _make(place, EARLIER)

    def make(path: str) -> None:
        if path.endswith("snapshot"):
            for name in made:
                _make(place, name)

    answers: Answers = {"/api/v1/query": CLOCK, "/api/v1/admin/tsdb/snapshot": answer}
    with serving(answers, before=make) as url, pytest.raises(LifeboatError) as caught, snapshot(Api(url), place, record):
        pass
    return place, record, caught.value


def _make(place: LocalPlace, name: str) -> None:
    block = place.root / "snapshots" / name / "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    block.mkdir(parents=True)
    (block / "meta.json").write_text("{}")


def _left(place: LocalPlace) -> list[str]:
    return sorted(path.name for path in (place.root / "snapshots").iterdir())


def test_what_a_failed_snapshot_left_is_removed_at_once(tmp_path: Path) -> None:
    """Its hard links would keep all those blocks from being freed."""
    place, _, error = _snapshots(tmp_path, FAILED, MADE)
    assert isinstance(error, Refused)
    assert "lifeboat doctor names the blocks" in str(error.hint)
    assert _left(place) == [EARLIER]


def test_blocks_that_belong_to_another_user_are_told(tmp_path: Path) -> None:
    """A server reads what root has copied there, but the kernel lets it link its own files alone."""
    words = "create snapshot: hardlink a chunk: link /a /b: operation not permitted"
    _, _, error = _snapshots(tmp_path, (500, {"status": "error", "errorType": "internal", "error": words}), MADE)
    assert "belong to the user that Prometheus runs as" in str(error.hint)


def test_a_snapshot_whose_answer_was_lost_is_removed_before_the_next_backup(tmp_path: Path) -> None:
    """A proxy gives up while Prometheus goes on: removing it now could be too early."""
    place, record, error = _snapshots(tmp_path, (504, "<html>Gateway Time-out</html>"), MADE)
    assert f"snapshots/{MADE} came meanwhile" in error.message
    assert "a proxy before it gave up" in str(error.hint)
    assert _left(place) == [EARLIER, MADE]
    said: list[str] = []
    clear(place, record, said.append)
    assert _left(place) == [EARLIER]
    assert said[0] == f"removing snapshot {MADE}, which an earlier run left in {place}"


def test_of_several_that_came_meanwhile_none_is_removed(tmp_path: Path) -> None:
    """One of them may be another program's."""
    other = "20261129T000007Z-0123456789abcdef"
    place, record, error = _snapshots(tmp_path, FAILED, MADE, other)
    assert _left(place) == [EARLIER, MADE, other]
    assert f"{MADE}, {other}" in error.message
    assert not record.exists()


def test_one_that_is_older_than_the_question_is_not_ours(tmp_path: Path) -> None:
    place, record, _ = _snapshots(tmp_path, FAILED, "20261129T000001Z-0123456789abcdef")
    assert len(_left(place)) == 2
    assert not record.exists()
