"""A masked copy by the command line: what is in no rule, what is left of an original, and a container in which there is none.

The last is of a moment, out of a further repository, whose copy of the chain is drilled first.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from backups.machine.docker import Docker
from backups.site import Site
from tests import documented
from tests.integration.clone.planted import PLANTED, RULES, SOURCE
from tests.integration.flows.conftest import Said
from tests.integration.restore.test_mysql_moments import last_gtid
from tests.servers.mysql import IMAGE, PASSWORD, MySQLServer
from tests.servers.mysql_sessions import open_session
from verification import copying

pytestmark = pytest.mark.docker


@pytest.fixture
def name() -> Iterator[str]:
    """Of a container and its volume, which go at the end."""
    name = f"lifeboat-test-masked-{uuid.uuid4().hex[:8]}"
    yield name
    for container in Docker().client().containers.list(all=True, filters={"name": name}):
        container.remove(force=True, v=True)
    Docker().remove_volume(f"{name}-data")


@pytest.fixture
def server(mysql_server: MySQLServer) -> Iterator[MySQLServer]:
    """A server with everything that must not get out."""
    mysql_server.sql(*SOURCE)
    yield mysql_server
    mysql_server.sql("DROP DATABASE shop", "DROP USER wolpertinger@'%'", "DROP SERVER other", "DROP TABLE mysql.of_somebody")


def written_as(text: str) -> Iterator[bytes]:
    """The bytes that a text may be in files as; not the product's own list."""
    for each in (text, text.lower(), text.upper()):
        for name in ("utf-8", "latin-1", "utf-16-be", "utf-16-le"):
            yield each.encode(name, "replace")
        yield each.encode().hex().encode()
        yield each.encode().hex().upper().encode()


def planted_in(directory: Path) -> list[tuple[str, str]]:
    """Which planted values are in which files below a directory."""
    found = []
    for path in directory.rglob("*"):
        # Without what is not written to yet, which is most of it.
        content = path.read_bytes().replace(bytes(64), b"") if path.is_file() else b""
        found += [(text, path.name) for text in PLANTED if any(form in content for form in written_as(text))]
    return found


def rows(address: str, account: Path, statement: str) -> list[tuple[Any, ...]]:
    words = dict(line.split("=", 1) for line in account.read_text().splitlines() if "=" in line)
    with open_session(host=address, user=words["user"], password=words["password"]) as session, session.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def test_a_masked_copy(
    state: Path, server: MySQLServer, lifeboat: Callable[..., Said], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    configuration = state / "lifeboat.yaml"
    configuration.write_text(
        f"state: {state}\nrepository: {{url: repository, password: key}}\nrepositories: {{offsite: {{url: offsite, password: other}}}}\n"
        f"services:\n  agama: {{type: mysql, image: '{IMAGE}', host: {server.host}, password: '${{AGAMA_PASSWORD}}'}}\n"
    )
    site = Site.open(configuration)
    site.back_up("agama", kind="full")
    masks = tmp_path / "masks.yaml"

    def typed(*words: str) -> Said:
        return lifeboat("clone", "agama", "--to", f"docker:{name}", "--mask", str(masks), "--config", str(configuration), *words)

    # Nothing is in a rule: everything personal is named, and a file to begin with is written.
    said = typed("--suggest")
    assert said.code == 1, said.out + said.err
    suggested = yaml.safe_load(masks.read_text())["masks"]
    expected = {"client": "email name last_name phone iban born token home settings", "login": "nick client_email secret"}
    expected |= {"letter": "body scan wide", "gone": "name"}
    assert {f"shop.{table}.{column}" for table, columns in expected.items() for column in columns.split()} <= set(suggested)
    assert Docker().named(name, f"{name}-data") == []

    # A column that nobody would take for personal holds what is masked elsewhere.
    masks.write_text(yaml.safe_dump({"masks": RULES}))
    said = typed()
    assert said.code == 1, said.out + said.err
    assert "shop.odd.x9, which no rule names, holds it too; nothing was handed over" in said.err + said.out
    assert "Rumpelstilzchen" not in said.out + said.err
    assert Docker().named(name, f"{name}-data") == []

    server.sql("INSERT INTO shop.gone VALUES ('Kunigunde Quastenflosser')")
    moment = last_gtid(server)
    server.sql("DELETE FROM shop.gone")
    last = site.back_up("agama", kind="incremental").id
    assert [copied.fault for copied in copying.copy_all(site)] == [None]
    report = tmp_path / "report"
    drilled = lifeboat(
        "verify", "agama", "--from", "offsite", "--backup", "latest", "--out", str(report), "--config", str(configuration)
    )
    assert drilled.code == 0, drilled.out + drilled.err
    (drill,) = json.loads((report / "report.json").read_text())["drills"]
    assert (drill["repository"], drill["verdict"], drill["backup"]["id"]) == ("offsite", "verified", last)
    assert len(drill["backup"]["chain"]) == 2

    masks.write_text(yaml.safe_dump({"masks": {**RULES, "shop.odd.x9": "keep"}}))
    said = typed("--json", "--at", moment, "--from", "offsite")
    assert said.code == 0, said.out + said.err
    assert "from the repository offsite, not the first" in said.err
    result = json.loads(said.out)
    assert (result["repository"], moment in result["stands"]) == ("offsite", True)
    assert "the moment itself" in result["proof"]
    (example,) = documented.examples("clone")
    assert documented.differences(example, result) == []
    assert (result["verdict"], result["searched"]["kept"]) == ("masked", 1)
    assert "not taken over: mysql.of_somebody, which is in one of the server's own databases" in result["notes"]
    assert masks.with_name("masks.key").stat().st_mode & 0o777 == 0o600

    container = Docker().client().containers.get(name)
    address = container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    volume = Docker().volume(f"{name}-data")
    assert planted_in(server.directory / "shop"), "what is looked for is in the source"
    assert planted_in(volume) == []
    assert not [text for text in PLANTED if text in container.logs().decode() + said.out + said.err]
    ask = lambda statement: rows(address, Path(result["account_file"]), statement)  # noqa: E731
    _require_usable(ask, server)
    assert (ask("SELECT COUNT(*) FROM shop.gone"), server.rows("SELECT COUNT(*) FROM shop.gone")) == ([(2,)], [(0,)])
    with pytest.raises(pymysql.err.OperationalError):
        open_session(host=address, user="wolpertinger", password="geheimes Kennwort eins")


def _require_usable(ask: Callable[[str], list[tuple[Any, ...]]], server: MySQLServer) -> None:
    """Joins and keys hold, NULL is NULL, what is kept is as it was, and what was defined works for the one account."""
    for count in (
        "SELECT COUNT(*) FROM shop.client JOIN shop.login ON client_email = email",
        "SELECT COUNT(*), COUNT(email), COUNT(DISTINCT email), COUNT(DISTINCT name) = COUNT(*), SUM(phone = '') FROM shop.client",
        "SELECT COUNT(*), SUM(amount), SUM(f), MAX(at), COUNT(scan) * 0 FROM shop.letter",
        "SELECT COUNT(DISTINCT code), COUNT(DISTINCT code COLLATE utf8mb4_0900_ai_ci) FROM shop.client",
        "SELECT k, x9 FROM shop.odd ORDER BY k",
        "SELECT COUNT(*) FROM shop.people",
    ):
        assert ask(count) == server.rows(count), count
    first, last, shouted = (
        ask(f"SELECT {column} FROM shop.client ORDER BY id LIMIT {at}, 1")[0][0]
        for column, at in (("name", 0), ("last_name", 0), ("name", 2))
    )
    assert first == shouted
    assert first.endswith(f" {last}")
    assert ask("SELECT COUNT(*) FROM shop.client WHERE email IS NOT NULL AND email NOT LIKE '%@example.com'") == [(0,)]
    assert ask("SELECT DISTINCT definer FROM information_schema.views WHERE table_schema = 'shop'") == [("developer@%",)]
    assert ask("SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = 'shop'") == [(1,)]
    assert ask("SELECT CAST(settings AS CHAR) FROM shop.client WHERE id = 1")[0][0].count('"address"') == 1
    assert ask("SELECT user FROM mysql.user WHERE user NOT LIKE 'mysql.%'") == [("developer",)]
    assert ask("SELECT COUNT(*) FROM information_schema.column_statistics") == [(0,)]
