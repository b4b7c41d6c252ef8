"""MySQL by the command line: into a new container, up to a GTID, single tables as SQL, and what is refused."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql
import pytest

from backups.machine import runs
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from backups.site import Site
from tests.integration.flows.conftest import Said
from tests.servers.mysql import IMAGE, PASSWORD, ROOT_PASSWORD, MySQLServer, StartMySQL
from tests.servers.mysql_sessions import open_session

pytestmark = pytest.mark.docker


@pytest.fixture
def name() -> Iterator[str]:
    """Of a container and its volume, which go at the end."""
    name = f"lifeboat-test-again-{uuid.uuid4().hex[:8]}"
    yield name
    for container in Docker().client().containers.list(all=True, filters={"name": name}):
        container.remove(force=True)
    Docker().remove_volume(f"{name}-data")


def configured(state: Path, server: MySQLServer) -> Path:
    path = state / "lifeboat.yaml"
    path.write_text(
        f"state: {state}\nrepository: {{url: repository, password: key}}\n"
        f"services:\n  agama: {{type: mysql, image: '{IMAGE}', host: {server.host}, password: '${{AGAMA_PASSWORD}}'}}\n"
    )
    return path


def found(address: str) -> list[tuple[object, ...]] | None:
    try:
        with open_session(host=address, user="root", password=ROOT_PASSWORD) as session, session.cursor() as cursor:
            cursor.execute("SELECT n FROM agama.t ORDER BY n")
            return list(cursor.fetchall())
    except pymysql.err.OperationalError:
        return None


def test_what_an_operator_types(
    state: Path,
    start_mysql: StartMySQL,
    lifeboat: Callable[..., Said],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    server = start_mysql()
    configuration = configured(state, server)
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (n INT PRIMARY KEY)", "INSERT INTO agama.t VALUES (1)")
    site = Site.open(configuration)
    site.back_up("agama", kind="full")
    server.sql("INSERT INTO agama.t VALUES (2)")
    wanted = str(server.value("SELECT @@GLOBAL.gtid_executed")).replace("\n", "")
    gtid = f"{wanted.rpartition(':')[0]}:{wanted.rpartition('-')[2]}"
    server.sql("INSERT INTO agama.t VALUES (3)")
    site.back_up("agama", kind="incremental")
    server.sql("INSERT INTO agama.t VALUES (4), (5)")

    def typed(*words: str) -> Said:
        return lifeboat("restore", "agama", *words, "--config", str(configuration))

    said = typed("--at", gtid, "--to", f"docker:{name}")
    assert said.code == 0, said.out + said.err
    assert gtid in said.out
    assert said.out.startswith("between-witnesses")
    assert "agama.t: 4 rows more than the backup" in said.out, said.out
    with runs.start(site.state) as run:
        address = run.docker.client().containers.get(name).attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert wait_until(lambda: found(address) is not None, seconds=120, interval=0.5)
    assert found(address) == [(1,), (2,)]

    again = typed("--to", f"docker:{name}")
    assert again.code == 2
    assert f"docker:{name} holds something already: container {name}, volume {name}-data" in again.err

    tables = typed("--tables", "agama.t", "--to", f"local:{tmp_path}/tables")
    assert tables.code == 0, tables.out + tables.err
    (file,) = (tmp_path / "tables").iterdir()
    assert "INSERT INTO" in file.read_text()

    for words, told in (
        (("--tables", "agama.nowhere", "--to", f"local:{tmp_path}/none"), "nowhere"),
        (("--at", gtid.rpartition(":")[0] + ":9999", "--to", f"local:{tmp_path}/none"), "no two backups of agama have "),
        (("--at", "2020-01-01T00:00Z", "--to", f"local:{tmp_path}/none"), "it can be brought back to any moment from"),
    ):
        refused = typed(*words)
        assert refused.code == 2, refused.out + refused.err
        assert told in refused.err
        assert "hint:" in refused.err
        assert not (tmp_path / "none").exists()
