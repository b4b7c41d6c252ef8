"""Real upgrades: Prometheus 2.42 to 3.5 and MariaDB 10.11 to 11.8, on the copies of backups that were proven before."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy

from backups.backup import back_up
from backups.machine import runs
from backups.machine.docker import Docker
from backups.services.base import Copy
from backups.services.prometheus import copy as prometheus_copy
from backups.site import Site
from tests.integration.mysql.dump.test_mariadb import EVERYTHING
from tests.servers import mariadb
from tests.servers.mariadb import OLDER
from tests.servers.mysql import PASSWORD
from tests.servers.prometheus import PrometheusFactory
from verification.drill.plan import plan
from verification.drill.tamper import Tamper
from verification.evidence.drilled import TAG
from verification.evidence.evidence import DrillResult
from verification.verify import drill_one, verify

pytestmark = pytest.mark.docker
PROMETHEUS, MARIADB = "lifeboat/prometheus:3.5", "lifeboat/mariadb:11.8"

VERSIONED = (
    "CREATE TABLE agama.versioned (id INT PRIMARY KEY, t TEXT) WITH SYSTEM VERSIONING",
    "INSERT INTO agama.versioned VALUES (1, 'a'), (2, 'b')",
    "UPDATE agama.versioned SET t = 'c' WHERE id = 2",
)
"""A table whose every row 11.8 writes anew."""


@dataclass(frozen=True)
class Rehearsing:
    """A site whose repository holds a full of one service."""

    site: Site
    service: str

    def drill(self, image: str, tamper: Tamper | None = None) -> DrillResult:
        """Drill that backup on this image, or rehearse the upgrade to it."""
        with runs.start(self.site.state) as run:
            [planned] = plan(self.site, [self.service], ["latest"])
            return drill_one(self.site, replace(planned, image=image), run, tamper=tamper)


@pytest.fixture(scope="module")
def prometheus(prometheus_factory: PrometheusFactory, tmp_path_factory: pytest.TempPathFactory) -> Rehearsing:
    server = prometheus_factory(past=6, image=OLDER)
    server.wait_for_scrapes(12)
    section = f"url: '{server.url}', place: '{server.place}', config_place: 'local:{server.configuration}'"
    return rehearsing(tmp_path_factory.mktemp("rehearsed"), "prometheus", f"type: prometheus, image: '{OLDER}', {section}")


@pytest.fixture(scope="module")
def maria(mysql_docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsing]:
    folder = tmp_path_factory.mktemp("rehearsed")
    server = mariadb.start_server(mysql_docker, mariadb.make_template(mysql_docker, folder / "data", OLDER), image=OLDER)
    server.sql(*EVERYTHING, *VERSIONED)
    section = f"type: mysql, method: dump, image: '{OLDER}', host: {server.host}, user: lifeboat, password: '${{MARIA_PASSWORD}}'"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARIA_PASSWORD", PASSWORD)
        made = rehearsing(folder, "maria", section)
    yield made
    server.remove()


def rehearsing(folder: Path, name: str, section: str) -> Rehearsing:
    """Make a site of one service, and take its backup."""
    for parent in (folder, folder.parent):
        parent.chmod(0o711)
    (folder / "key").write_text("correct horse\n")
    (folder / "lifeboat.yaml").write_text(
        f"state: state\nrepository: {{url: repository, password_file: {folder}/key}}\nservices:\n  {name}: {{{section}}}\n"
    )
    site = Site.open(folder / "lifeboat.yaml")
    with runs.start(site.state) as run:
        back_up(site.service(name, run.docker), site.repository, run, site.state, kind="full")
    return Rehearsing(site, name)


def test_prometheus_2_to_3(prometheus: Rehearsing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer, asked with a millisecond more, is the same; asked as before, those whose ranges begin with a sample are not."""
    evidence = verify(prometheus.site, ["prometheus"], selections=["latest"], image=PROMETHEUS)
    (result,) = evidence.drills
    part = result.rehearsal
    assert part is not None
    assert (evidence.verdict, evidence.exit_code, result.backup_verdict) == ("rehearsed", 0, "verified"), (
        result.reasons,
        part.look,
    )
    assert (part.maker, part.before, part.after.partition("+")[0][:3]) == ("Prometheus", "2.42.0+ds", "3.5")
    assert part.compared == part.equal == len(result.checks) > 100
    assert part.told
    assert (part.back_tried or "").startswith("tried: Prometheus 2.42.0+ds starts on the upgraded data")
    assert result.image is not None
    assert result.image.name == OLDER
    # A proof of the backup is kept, and of a restore's time; of the upgrade neither.
    assert evidence.kept is not None
    [snapshot] = prometheus.site.repository.snapshots(TAG)
    tags = snapshot.tags
    assert "verdict=rehearsed" in tags
    assert sum(tag.startswith("proof=") and "|verified|" in tag for tag in tags) == 1
    assert sum(tag.startswith("drill=") and "|verified|" in tag for tag in tags) == 1

    monkeypatch.setattr(prometheus_copy, "LEFT_OPEN", (9, 0))
    asked_as_before = prometheus.drill(PROMETHEUS)
    assert asked_as_before.verdict == "failed"
    assert asked_as_before.rehearsal is not None
    assert {each.subject.partition(" ")[0] for each in asked_as_before.rehearsal.look} <= {"series", "samples", "metric", "all"}


def test_an_older_image_and_one_of_another_program_are_refused_before_anything_is_fetched(prometheus: Rehearsing) -> None:
    for image, words in (
        ("lifeboat/mysql:9.7", "the image lifeboat/mysql:9.7 does not hold Prometheus: it has no program /bin/prometheus"),
        ("lifeboat/nowhere:1", "the image lifeboat/nowhere:1 is not on this machine and cannot be pulled"),
    ):
        result = prometheus.drill(image)
        assert (result.verdict, result.phases, result.checks) == ("could-not-run", (), ())
        assert words in (result.error or "")
        assert result.hint


def test_mariadb_10_to_11(maria: Rehearsing) -> None:
    """Every column type, routines, events, roles: all equal on 11.8; and a row that goes is to be looked at."""
    result = maria.drill(MARIADB)
    part = result.rehearsal
    assert part is not None
    assert (result.verdict, part.look, part.error) == ("rehearsed", (), None)
    assert (part.maker, part.before.rpartition(".")[0], part.after.rpartition(".")[0]) == ("MariaDB", "10.11", "11.8")
    assert part.compared == part.equal > len(result.checks)
    assert (part.back_tried or "").startswith(f"tried: MariaDB {part.before} starts on the upgraded data")

    def lose_a_row(copy: Copy) -> None:
        engine = sqlalchemy.create_engine(copy.database_url("agama") or "")
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM parts WHERE id = 2")
        engine.dispose()

    result = maria.drill(MARIADB, Tamper("a row", upgraded=lose_a_row))
    assert (result.verdict, result.backup_verdict) == ("failed", "verified")
    assert result.rehearsal is not None
    assert {(each.subject, each.metric) for each in result.rehearsal.look} == {
        ("agama.parts", "rows"),
        ("agama.parts", "fingerprint"),
    }

    result = maria.drill("lifeboat/mysql:9.7")
    assert result.verdict == "could-not-run"
    assert "holds MySQL 9.7" in (result.error or "")
    assert "the backup is of MariaDB 10.11" in (result.error or "")
