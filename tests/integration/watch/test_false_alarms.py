"""An alarm that is false moves nothing: whatever stands before a healthy Grafana, its data stay where they are."""

import ssl
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.site import Site
from tests.servers.http import answering, certificate
from verification.watch import advice, automatic_restore
from verification.watch.watch import watch

HEALTHY = b'{"database": "ok", "version": "12.4.3"}'
CONFIGURATION = """
state: state
repository: {{url: repository, password: secret}}
watch: {{pause: 0s}}
services:
  grafana:
    type: grafana
    url: {url}
    {more}
    place: local:{data}
    image: grafana/grafana:12.4.3
    restore: {{to: 'local:{data}', stop: 'false', start: 'false', by_itself: true}}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "grafana"
    directory.mkdir()
    (directory / "only-here.txt").write_text("written since the backup")
    return directory


@pytest.mark.parametrize(
    ("days", "status", "body", "more", "said"),
    [
        (-1, 200, HEALTHY, "", "certificate"),
        (30, 200, HEALTHY, "", "certificate"),
        (30, 404, b"<html>no such page</html>", "tls: required", "404"),
        (30, 502, b"<html>bad gateway</html>", "tls: required", "502"),
        (30, 200, b"<html>log in</html>", "tls: required", "not with JSON"),
    ],
    ids=["expired", "own", "404", "502", "login"],
)
def test_what_stands_before_a_healthy_grafana_is_named_and_moves_nothing(
    tmp_path: Path, data: Path, days: int, status: int, body: bytes, more: str, said: str
) -> None:
    """`restore.by_itself` and all: the watch says what it saw, that it could not look, and orders no restore."""
    with answering(lambda _: (status, {}, body), certificate(tmp_path / "server.pem", days=days)) as url:
        (tmp_path / "lifeboat.yaml").write_text(CONFIGURATION.format(url=url, data=data, more=more))
        site = Site.open(tmp_path / "lifeboat.yaml")
        (sighting,) = watch(site, ["grafana"])
        refused = automatic_restore.refusals(site, [sighting], sighting.seen_at)
        orders = automatic_restore.orders(site, [sighting], refused)
    assert not sighting.problems
    assert orders == []
    assert isinstance(sighting.error, LifeboatError)
    assert said in sighting.error.message
    assert any("could not be looked at" in line for line in advice.lines(sighting, site))
    assert [path.name for path in data.iterdir()] == ["only-here.txt"]
    assert [path.name for path in tmp_path.glob("grafana*")] == ["grafana"]


def test_the_certificate_is_what_the_front_shows(tmp_path: Path) -> None:
    """The double itself: a client that trusts nobody is refused by it, one that checks nothing is not."""
    with answering(lambda _: (200, {}, HEALTHY), certificate(tmp_path / "server.pem", days=30)) as url:
        assert ssl.get_server_certificate(("127.0.0.1", int(url.rpartition(":")[2])))
