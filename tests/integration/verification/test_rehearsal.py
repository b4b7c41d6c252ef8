"""Real upgrades on paper's behalf: MariaDB 10.11 to 11.8, Prometheus 2.42 to 3.5, on copies of backups that were proven."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups.backup import back_up
from backups.machine import runs
from backups.machine.docker import Docker
from backups.site import Site
from tests.integration.mysql.dump.test_mariadb import EVERYTHING as SHOP
from tests.servers import mariadb
from tests.servers.mariadb import OLDER
from tests.servers.mysql import PASSWORD
from tests.servers.prometheus import PrometheusFactory
from verification.drill.plan import plan
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult
from verification.verify import drill_one

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Rehearsing:
    """A site whose repository holds a full of one service."""

    site: Site
    service: str

    def drill(self, image: str, tamper: Tamper | None = None) -> DrillResult:
        from dataclasses import replace

        with runs.start(self.site.state) as run:
            [planned] = plan(self.site, [self.service], ["latest"])
            return drill_one(self.site, replace(planned, image=image), run, tamper=tamper)


@pytest.fixture(scope="module")
def prometheus(prometheus_factory: PrometheusFactory, tmp_path_factory: pytest.TempPathFactory) -> Rehearsing:
    server = prometheus_factory(past=6, image=OLDER)
    server.wait_for_scrapes(12)
    folder = tmp_path_factory.mktemp("rehearsed-prometheus")
    section = f"url: '{server.url}', place: '{server.place}', config_place: 'local:{server.configuration}'"
    return rehearsing(folder, "prometheus", f"type: prometheus, image: '{OLDER}', {section}")


@pytest.fixture(scope="module")
def maria(mysql_docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsing]:
    folder = tmp_path_factory.mktemp("rehearsed-mariadb")
    server = mariadb.start_server(mysql_docker, mariadb.make_template(mysql_docker, folder / "data", OLDER), image=OLDER)
    server.sql(*SHOP)
    section = f"type: mysql, method: dump, image: '{OLDER}', host: {server.host}, user: lifeboat, password: '${{MARIA_PASSWORD}}'"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARIA_PASSWORD", PASSWORD)
        yield rehearsing(folder, "maria", section)
    server.remove()


def rehearsing(folder: Path, name: str, section: str) -> Rehearsing:
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


def test_prometheus(prometheus: Rehearsing) -> None:
    result = prometheus.drill("lifeboat/prometheus:3.5")
    print(result.model_dump_json(indent=1, exclude={"checks", "expectations"}))
    assert result.verdict == "rehearsed", result.reasons


def test_mariadb(maria: Rehearsing) -> None:
    result = maria.drill("lifeboat/mariadb:11.8")
    print(result.model_dump_json(indent=1, exclude={"checks", "expectations"}))
    assert result.verdict == "rehearsed", result.reasons
