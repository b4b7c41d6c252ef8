"""A whole drill of a real MySQL server: proven, then with a row too few, with the operator's suite, and beside a password."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy

from backups.backup import back_up
from backups.machine import runs
from backups.services.base import Copy
from backups.site import Site
from tests.servers.mysql import PASSWORD, MySQLServer
from verification.drill import culprits
from verification.drill.plan import plan
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult
from verification.verify import drill_one

DATABASE = "drilled {x}: 100%"
"""An odd name: SQLAlchemy and Great Expectations give meaning to each of these characters."""

SUITE = f"""
database: '{DATABASE}'
expectations:
  - name: no client without an e-mail
    unexpected_rows: SELECT id FROM client WHERE email IS NULL
  - name: nobody at 10:30
    unexpected_rows: "SELECT id FROM client WHERE email LIKE '%{{10:30}}%' -- a remark"
"""


@dataclass(frozen=True)
class Drilled:
    """A site whose repository holds a full and an incremental of the server."""

    site: Site

    def drill(self, tamper: Tamper | None = None, image: str | None = None) -> DrillResult:
        with runs.start(self.site.state) as run:
            [planned] = plan(self.site, ["agama"], ["latest"])
            return drill_one(self.site, replace(planned, image=image), run, tamper=tamper)


@pytest.fixture(scope="module")
def drilled(mysql_server: MySQLServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drilled]:
    folder = tmp_path_factory.mktemp("mysql-drill")
    for parent in (folder, folder.parent):
        parent.chmod(0o711)
    (folder / "key").write_text("correct horse\n")
    (folder / "agama.yaml").write_text(SUITE)
    (folder / "lifeboat.yaml").write_text(
        f"state: state\nrepository: {{url: repository, password_file: {folder}/key}}\nservices:\n"
        f"  agama: {{type: mysql, image: 'lifeboat/mysql:9.7', host: {mysql_server.host}, port: {mysql_server.port},"
        " password: '${AGAMA_PASSWORD}', suites: [agama.yaml]}\n"
    )
    site = Site.open(folder / "lifeboat.yaml")
    mysql_server.sql(
        f"CREATE DATABASE `{DATABASE}`",
        f"CREATE TABLE `{DATABASE}`.client (id INT PRIMARY KEY, email VARCHAR(100))",
        f"INSERT INTO `{DATABASE}`.client VALUES (1, 'a@b'), (2, 'c@d')",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGAMA_PASSWORD", PASSWORD)
        for kind in ("full", "incremental"):
            with runs.start(site.state) as run:
                back_up(site.service("agama", run.docker), site.repository, run, site.state, kind=kind)  # type: ignore[arg-type]
            mysql_server.sql(f"INSERT INTO `{DATABASE}`.client VALUES (3, 'e@f')" if kind == "full" else "SELECT 1")
    yield Drilled(site)
    mysql_server.sql(f"DROP DATABASE `{DATABASE}`")


def on_the_copy(statement: str) -> Tamper:
    def run(copy: Copy) -> None:
        engine = sqlalchemy.create_engine(copy.database_url(DATABASE) or "")
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    return Tamper(statement, running=run)


def test_a_chain_is_proven_without_the_sources_password(drilled: Drilled, caplog: pytest.LogCaptureFixture) -> None:
    """`${AGAMA_PASSWORD}` is not set here; the operator's suite ran on the copy, as its checks say. The umask is Lifeboat's."""
    caplog.set_level("DEBUG")
    before = os.umask(0o077)
    try:
        result = drilled.drill()
    finally:
        os.umask(before)

    assert result.verdict == "verified", result.reasons
    assert [phase.name for phase in result.phases] == ["fetch", "start", "replay", "ready", "check", "inspect"]
    assert result.backup is not None
    assert len(result.backup.chain) == 2
    assert result.image is not None
    assert result.image.name == "lifeboat/mysql:9.7"
    rows = {check.subject: check.observed for check in result.checks if check.metric == "rows"}
    assert next(count for subject, count in rows.items() if "client" in subject and "drilled" in subject) == 3
    assert [check.observed for check in result.checks if check.metric == "unexpected rows"] == [0, 0]
    assert PASSWORD not in caplog.text + result.model_dump_json()


def test_one_row_deleted_fails_with_table_counts_and_fingerprints(drilled: Drilled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(culprits, "SECONDS", 900.0)
    result = drilled.drill(on_the_copy("DELETE FROM client WHERE id = 3"))

    assert result.verdict == "failed"
    found = {check.metric: check for check in result.failures}
    assert set(found) == {"rows", "fingerprint"}
    assert all("client" in check.subject for check in found.values())
    assert (found["rows"].expected, found["rows"].observed) == (3, 2)
    assert found["fingerprint"].expected != found["fingerprint"].observed
    assert result.tampered
    # The source's password is not here, and the full before this incremental had no such row.
    [culprit] = result.culprits
    assert culprit.rows == ()
    assert culprit.why_not
    assert "AGAMA_PASSWORD" in culprit.why_not
    assert "no row that differs" in culprit.why_not


def test_the_rows_that_differ_are_named_beside_the_source(drilled: Drilled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    result = drilled.drill(on_the_copy("UPDATE client SET email = 'somebody@else' WHERE id <> 2"))

    [culprit] = result.culprits
    assert result.verdict == "failed"
    assert culprit.beside == culprits.SOURCE
    assert {row.words for row in culprit.rows} == {"changed: id = 1; differs in email", "changed: id = 3; differs in email"}
    assert culprit.words == f"2 rows differ, beside {culprits.SOURCE}"
    assert "somebody" not in str(result.culprits)


def test_where_the_source_has_moved_on_they_are_named_beside_the_backup_before(
    drilled: Drilled, mysql_server: MySQLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    # However busy this machine is.
    monkeypatch.setattr(culprits, "SECONDS", 900.0)
    mysql_server.sql(f"INSERT INTO `{DATABASE}`.client VALUES (5, 'g@h')")
    try:
        result = drilled.drill(on_the_copy("DELETE FROM client WHERE id = 2"))
    finally:
        mysql_server.sql(f"DELETE FROM `{DATABASE}`.client WHERE id = 5")

    [culprit] = result.culprits
    assert "rows that were changed since" in str(culprit.beside)
    # Row 3 came between the two backups.
    assert [row.words for row in culprit.rows] == ["missing: id = 2", "extra: id = 3"]


@pytest.mark.parametrize(
    ("email", "expectation"), [("NULL", "no client without an e-mail"), ("'at {10:30} sharp'", "nobody at 10:30")]
)
def test_the_operators_suite_finds_what_it_looks_for(drilled: Drilled, email: str, expectation: str) -> None:
    """Also where the query holds what Great Expectations, SQLAlchemy and PyMySQL each read as their own."""
    result = drilled.drill(on_the_copy(f"UPDATE client SET email = {email.replace('%', '%%')} WHERE id = 1"))

    assert result.verdict == "failed"
    assert [check.subject for check in result.failures if check.metric == "unexpected rows"] == [
        f"suite agama.yaml: {expectation}"
    ]
    assert [part.unexpected for part in result.expectations if part.name == expectation] == [1]


def test_a_dropped_database_fails_though_its_suite_cannot_be_run(drilled: Drilled, tmp_path: Path) -> None:
    """What is missing beats what could not be asked."""
    result = drilled.drill(on_the_copy(f"DROP DATABASE `{DATABASE.replace('%', '%%')}`"))

    assert result.verdict == "failed"
    assert any("client" in check.subject and check.observed is None for check in result.failures)
    assert "does not answer" in (result.error or "")


def test_a_disk_that_fills_while_the_copy_starts_is_not_called_damage(drilled: Drilled) -> None:
    """The server says nothing of a disk: it cannot set the size of its log. The backup is sound, and stays so."""
    if os.getuid() != 0:
        pytest.skip("only root mounts a small disk")
    disk = drilled.site.state / "runs"

    def fill(_: object) -> None:
        with (disk / "filler").open("wb") as filler:
            while shutil.disk_usage(disk).free > 6_000_000:
                filler.write(bytes(1 << 20))
                filler.flush()

    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m,mode=0711", "tmpfs", disk], check=True)
    try:
        result = drilled.drill(Tamper("a full disk", fetched=fill))
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
    assert result.verdict == "could-not-run", result.error
    assert "free meanwhile, so nothing is proven: the server ended on the restored data" in str(result.error)


NEXT = """#!/bin/sh
for argument in "$@"; do [ "$argument" != --version ] || exec echo "mysqld  Ver 9.8.0 for Linux on x86_64"; done
[ ! -e /lifeboat/barred ] || exit 1
exec /usr/sbin/mysqld "$@"
"""
"""A mysqld that says that it is of the next series, and is of this one: no other is here."""


@pytest.fixture(scope="module")
def next_mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = tmp_path_factory.mktemp("next") / "mysqld"
    program.write_text(NEXT)
    program.chmod(0o755)
    name = f"lifeboat-test/mysql-{os.urandom(4).hex()}:9.8"
    container = subprocess.run(
        ["docker", "create", "lifeboat/mysql:9.7"], check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run(["docker", "cp", str(program), f"{container}:/usr/local/sbin/mysqld"], check=True, capture_output=True)
    subprocess.run(["docker", "commit", container, name], check=True, capture_output=True)
    subprocess.run(["docker", "rm", "-v", container], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


def test_an_upgrade_is_rehearsed_on_the_proven_clone(drilled: Drilled, next_mysql: str) -> None:
    """Once the log is replayed and every fact is equal, the server ends slowly; the next one starts on its files, and this one again."""
    result = drilled.drill(image=next_mysql)
    part = result.rehearsal
    assert part is not None
    assert (result.verdict, result.backup_verdict, result.image and result.image.name) == (
        "rehearsed",
        "verified",
        "lifeboat/mysql:9.7",
    )
    assert (part.maker, part.before.rpartition(".")[0], part.after, part.error) == ("MySQL", "9.7", "9.8.0", None)
    # Beside the witness: of each account whether it can log in, and the operator's suite once more.
    assert part.compared > len(result.checks) - sum(check.metric == "indexes" for check in result.checks)
    assert part.equal == part.compared
    assert [phase.name for phase in part.phases] == ["stop", "upgrade", "ready", "check", "back"]
    assert (part.back_tried or "").startswith(f"tried: MySQL {part.before} starts on the upgraded data")

    lost = Tamper("a row", upgraded=on_the_copy("DELETE FROM client WHERE id = 3").running)
    result = drilled.drill(lost, next_mysql)
    assert result.rehearsal is not None
    assert (result.verdict, {each.metric for each in result.rehearsal.look}) == ("failed", {"rows", "fingerprint"})

    def bar(copy: Copy) -> None:
        (copy._home / "barred").touch()  # type: ignore[attr-defined]

    result = drilled.drill(Tamper("it does not start", running=bar), next_mysql)
    assert result.verdict == "failed"
    assert "MySQL 9.8.0 does not start on the data of 9.7" in result.reasons[0]
    assert result.checks
    assert all(check.passed for check in result.checks)
