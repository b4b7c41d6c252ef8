"""A real MySQL whose text is encrypted in place: its backup is kept and marked, prune stands still until a person trusts it."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.site import Site
from tests.integration.flows.conftest import Said
from tests.servers.mysql import PASSWORD, MySQLServer
from verification import prune
from verification.prune import Plan

LATER = timedelta(days=90)
WORDS = ["harbour", "crew", "vessel", "anchor", "lighthouse", "storm", "captain", "voyage", "tide", "chart", "compass", "ballast"]
Lifeboat = Callable[..., Said]


@pytest.fixture
def ledger(mysql_server: MySQLServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site whose repository holds an old full, and a full with five honest incrementals."""
    for parent in (tmp_path, tmp_path.parent):
        parent.chmod(0o711)
    (tmp_path / "key").write_text("correct horse\n")
    (tmp_path / "lifeboat.yaml").write_text(
        f"state: state\nrepository: {{url: repository, password_file: {tmp_path}/key}}\nservices:\n"
        f"  agama: {{type: mysql, image: 'lifeboat/mysql:9.7', host: {mysql_server.host}, port: {mysql_server.port},"
        " password: '${AGAMA_PASSWORD}'}\n"
    )
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    monkeypatch.setenv("LIFEBOAT_CONFIG", str(tmp_path / "lifeboat.yaml"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    chance = random.Random(5)

    def insert(rows: int) -> str:
        texts = (" ".join(f"{chance.choice(WORDS)} {chance.randrange(10**6)}" for _ in range(30)) for _ in range(rows))
        return "INSERT INTO ledger.client (note) VALUES " + ",".join(f"('{text}')" for text in texts)

    mysql_server.sql(
        "CREATE DATABASE ledger", "CREATE TABLE ledger.client (id INT PRIMARY KEY AUTO_INCREMENT, note TEXT)", insert(2000)
    )
    try:
        site = Site.open(tmp_path / "lifeboat.yaml")
        for kind in ("full", "full", *("incremental",) * 5):
            mysql_server.sql(insert(20))
            assert site.back_up("agama", kind=kind).past.signs == ()  # type: ignore[arg-type, union-attr]
        yield site
    finally:
        mysql_server.sql("DROP DATABASE ledger")


def planned(site: Site) -> Plan:
    return prune.plan(site, now=datetime.now(UTC) + LATER, trust_clock=True)


def test_prune_stands_still_from_an_encryption_in_place_until_somebody_trusts_it(
    ledger: Site, mysql_server: MySQLServer, lifeboat: Lifeboat
) -> None:
    assert [each.keep for each in planned(ledger).chains] == [False, True]
    mysql_server.sql("ALTER TABLE ledger.client MODIFY note BLOB", "UPDATE ledger.client SET note = AES_ENCRYPT(note, 'ransom')")

    said = lifeboat("backup", "--kind", "incremental")
    assert said.code == 0, "the backup is whole"
    assert "are new" in said.err
    assert "of it is hardly compressible, 0 % at most before" in said.err
    assert "lifeboat trust agama-" in said.err

    last = json.loads(lifeboat("list", "--json").out)[-1]
    assert last["suspicious"] in said.err
    assert f"suspicious: {last['suspicious']}" in lifeboat("list").out
    status = lifeboat("status", "--json")
    assert status.code == 1
    assert json.loads(status.out)[0]["suspicious"] == [last["id"]]
    held = planned(ledger).chains
    assert [each.keep for each in held] == [True, True]
    assert f"prune stands still: 1 backup of agama looks suspicious, first {last['id']}" in held[0].reason
    assert prune.carry_out(ledger, planned(ledger)) == 0

    # The next one is compared with what is believed, and looks like any other night.
    assert ledger.back_up("agama", kind="incremental").past.signs == ()  # type: ignore[union-attr]
    assert lifeboat("trust", last["id"], "--reason", "columns are encrypted from now on, as planned").code == 0
    shown = json.loads(lifeboat("show", last["id"], "--json").out)
    assert shown["trusted"]["reason"] == "columns are encrypted from now on; as planned"
    assert [sign["kind"] for sign in shown["past"]["signs"]] == ["bytes", "packed"]
    assert json.loads(lifeboat("status", "--json").out)[0]["suspicious"] == []
    assert "trusted by" in lifeboat("list").out
    assert [each.keep for each in planned(ledger).chains] == [False, True]
    assert prune.carry_out(ledger, planned(ledger)) == 1
    again = lifeboat("trust", last["id"], "--reason", "again")
    assert (again.code, "already" in again.err) == (2, True)
