"""A Grafana whose database is MySQL's: backed up as its own small backup, brought back together with that service, asked all the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.machine import runs
from backups.manifest import Manifest
from backups.services.base import Copy
from backups.services.grafana.files.named import MYSQL
from backups.site import Site
from deployments.grafana_standin.database import build
from tests.servers.grafana import IMAGE, SECRET_KEY, configured
from tests.servers.grafana_mysql import load
from tests.servers.mysql import PASSWORD, MySQLServer
from verification.drill.plan import plan
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult
from verification.restore.order import Order
from verification.restore.restore import restore
from verification.verify import drill_one

pytestmark = pytest.mark.docker

DATABASE = "grafana_joined"


@dataclass(frozen=True)
class Joined:
    """A site whose repository holds a backup of both services."""

    site: Site
    grafana: Manifest

    def drill(self, tamper: Tamper | None = None) -> DrillResult:
        with runs.start(self.site.state) as run:
            [planned] = plan(self.site, ["grafana"], ["latest"])
            return drill_one(self.site, planned, run, tamper=tamper)


@pytest.fixture(scope="module")
def joined(mysql_server: MySQLServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    folder = tmp_path_factory.mktemp("joined")
    for parent in (folder, folder.parent):
        parent.chmod(0o711)
    build(folder / "grafana.db", layout="resource", secret_key=SECRET_KEY)
    load(folder / "grafana.db", mysql_server, DATABASE)
    (folder / "etc").mkdir()
    configuration = configured(folder / "etc", SECRET_KEY)
    with (configuration / "grafana.ini").open("a") as ini:
        ini.write(f"[database]\ntype = mysql\nhost = {mysql_server.host}\nname = {DATABASE}\npassword = geheim\n")
    (folder / "key").write_text("correct horse\n")
    (folder / "lifeboat.yaml").write_text(
        f"state: state\nrepository: {{url: repository, password_file: {folder}/key}}\nservices:\n"
        f"  agama: {{type: mysql, image: 'lifeboat/mysql:9.7', host: {mysql_server.host}, port: {mysql_server.port},"
        " password: '${AGAMA_PASSWORD}'}\n"
        f"  grafana: {{type: grafana, image: '{IMAGE}', url: 'http://127.0.0.1:9', database: agama, config_place: 'local:{configuration}'}}\n"
    )
    site = Site.open(folder / "lifeboat.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGAMA_PASSWORD", PASSWORD)
        site.back_up("agama", kind="full")
        yield Joined(site, site.back_up("grafana", kind="full"))
    mysql_server.sql(f"DROP DATABASE `{DATABASE}`")


def test_the_backup_holds_what_the_database_does_not_and_says_where_the_rest_is(joined: Joined) -> None:
    manifest = joined.grafana

    assert manifest.details["database"] == {"service": "agama", "name": DATABASE}
    assert {file.path for file in manifest.files} >= {"config/grafana.ini", "config/provisioning/datasources/agama.yaml"}
    assert any(f"MySQL (database {DATABASE} at" in limit and "in the backups of agama" in limit for limit in manifest.limits)
    assert "geheim" not in manifest.model_dump_json()


def test_both_come_back_together(joined: Joined) -> None:
    """Grafana starts on the MySQL that came back beside it, and answers for every object; its key opens every secret there."""
    result = joined.drill()

    assert (result.verdict, result.reasons) == ("verified", ())
    checks = {(check.subject, check.metric): check for check in result.checks}
    assert checks["secrets", "opened by the backup's secret_key"].observed == "7 of 7"
    assert sum(metric.endswith("over http") for _, metric in checks) > 40
    assert ("configuration file grafana.ini", "sha256") in checks
    assert result.image is not None
    assert result.image.name == IMAGE
    assert any("it ran on agama-" in limit and "account of the copy's own" in limit for limit in result.limits)


def test_a_key_of_another_grafana_is_not_verified(joined: Joined) -> None:
    def swap(copy: Copy, directory: Path) -> None:
        [ini] = directory.rglob("config/grafana.ini")
        ini.write_text(ini.read_text().replace(SECRET_KEY, "another key"))

    result = joined.drill(Tamper("another secret_key", files=swap))

    assert result.verdict == "failed"
    wrong = {check.metric for check in result.checks if not check.passed}
    assert "opened by the backup's secret_key" in wrong


def test_a_database_that_does_not_come_back_equal_proves_no_grafana(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    """The MySQL copy lacks one row of its witness: nothing is started on it."""
    from backups.services.mysql.copy.copy import MySQLCopy

    replay = MySQLCopy.replay

    def harmed(self: MySQLCopy) -> None:
        replay(self)
        self.lend("x").execute(DATABASE, "DELETE FROM `user` ORDER BY id DESC LIMIT 1")

    monkeypatch.setattr(MySQLCopy, "replay", harmed)

    result = joined.drill()

    assert result.verdict == "failed"
    assert "of agama, which holds the database, does not come back equal" in str(result.error)


def test_the_doctor_names_the_database_and_the_service(joined: Joined) -> None:
    with runs.start(joined.site.state) as run:
        found = {one.subject: one for one in joined.site.service("grafana", run.docker).examine(run.docker)}

    assert found["database"].ok
    assert MYSQL in found["database"].message.lower()
    assert "it is in the backups of agama" in found["database"].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Grafana's database is the file grafana.db"),
        ("[database]\ntype = postgres\nname = g\nhost = db\n", "PostgreSQL"),
        ("[database]\ntype = mysql\n", "the name of Grafana's database in agama is not known"),
    ],
)
def test_a_grafana_that_does_not_use_that_database_is_refused(joined: Joined, text: str, words: str) -> None:
    place = joined.site.settings.services["grafana"].config_place.removeprefix("local:")  # type: ignore[attr-defined]
    ini = Path(place) / "grafana.ini"
    before = ini.read_text()
    ini.write_text(f"[security]\nsecret_key = {SECRET_KEY}\n{text}")
    try:
        with pytest.raises(LifeboatError) as caught:
            joined.site.back_up("grafana", kind="full")
    finally:
        ini.write_text(before)

    assert words in caught.value.message


def test_a_restore_delivers_the_configuration_and_says_where_the_data_are(joined: Joined, tmp_path: Path) -> None:
    restored = restore(joined.site, Order("grafana", f"local:{tmp_path}/new"))

    assert (restored.verdict, restored.error) == ("verified", None)
    [ini] = tmp_path.rglob("grafana.ini")
    assert SECRET_KEY in ini.read_text()
    assert not list((tmp_path / "new").rglob("*.db"))
    notes = " ".join(restored.notes)
    assert f"database {DATABASE}, which this does not bring back: lifeboat restore agama" in notes
    assert "first agama, then its configuration, then start it" in notes
