"""A moment between two backups of MySQL: delivered when the log is proven at both ends, withheld when it is not what the source did."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups.site import Site
from tests.integration.flows.conftest import Said
from tests.integration.restore.test_mysql_by_command import configured
from tests.servers.mysql import PASSWORD, MySQLServer, StartMySQL

pytestmark = pytest.mark.docker


def last_gtid(server: MySQLServer) -> str:
    executed = str(server.value("SELECT @@GLOBAL.gtid_executed")).replace("\n", "")
    return f"{executed.rpartition(':')[0]}:{re.split('[-:]', executed)[-1]}"


def inserted(folder: Path) -> list[int]:
    (file,) = folder.iterdir()
    return [int(number) for number in re.findall(r"\d+", file.read_text().partition(" VALUES\n")[2])]


def test_the_log_between_two_backups_is_proven_before_a_moment_of_it_is_delivered(
    state: Path, start_mysql: StartMySQL, lifeboat: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Rows that were written without the log are in no log: what it gives after them is not what the source held."""
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    server = start_mysql()
    configuration = configured(state, server)
    site = Site.open(configuration)
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (n INT PRIMARY KEY)", "INSERT INTO agama.t VALUES (1)")
    site.back_up("agama", kind="full")
    server.sql("INSERT INTO agama.t VALUES (2)", "INSERT INTO agama.t VALUES (3)")
    good = last_gtid(server)
    server.sql("INSERT INTO agama.t VALUES (4)")
    middle = site.back_up("agama", kind="incremental").id
    server.sql("SET sql_log_bin = 0", "INSERT INTO agama.t VALUES (5)", "SET sql_log_bin = 1", "INSERT INTO agama.t VALUES (6)")
    bad = last_gtid(server)
    last = site.back_up("agama", kind="incremental").id

    def typed(command: str, *words: str) -> Said:
        return lifeboat(command, "agama", *words, "--config", str(configuration))

    # The log is what the source did: equal before the moment, and equal after it.
    said = typed("restore", "--at", good, "--to", f"local:{tmp_path}/good", "--json")
    assert said.code == 0, said.out + said.err
    result = json.loads(said.out)
    assert (result["verdict"], result["moment"]["transactions"], result["moment"]["later"]) == ("between-witnesses", 2, middle)
    assert result["moment"]["checks"]
    assert all(check["passed"] for check in result["moment"]["checks"])
    assert result["proof"].startswith("between two witnesses that were both equal: ")
    assert "the 2 transactions since" in result["proof"]
    assert "second-replay" in {phase["name"] for phase in result["phases"]}
    assert (tmp_path / "good" / "agama" / "t.ibd").is_file()
    assert "verified" not in result["runbook"] + Path(result["runbook"]).read_text()

    # Row 5 is in no log: the copy at the moment lacks it, which the witness after the moment shows.
    said = typed("restore", "--at", bad, "--to", f"local:{tmp_path}/bad")
    assert said.code == 1, said.out + said.err
    told = said.out + said.err
    assert f"{bad} is withheld: its log does not lead to the witness of {last}" in told.replace("\n", " ")
    assert "agama.t" in said.out.splitlines()[0]
    assert "none of this log left out" in said.out
    assert f"--backup {middle}; or deliver the moment all the same: --anyway" in told.replace("\n", " ")
    assert "the target was not touched" in said.out
    assert "verified" not in told
    assert not (tmp_path / "bad").exists()

    # A drill of the moment goes there, and says the same; the backup before it is proven all the same.
    said = typed("verify", "--at", bad, "--out", str(tmp_path / "report"))
    assert said.code == 1, said.out + said.err
    (drill,) = json.loads((tmp_path / "report" / "report.json").read_text())["drills"]
    assert (drill["verdict"], drill["backup"]["id"], drill["moment"]["later"]) == ("failed", middle, last)
    assert bad in said.out
    assert f"the log does not lead to the witness of {last}" in said.out.replace("\n", " ")
    assert "verified" not in said.out
    proofs = {each["id"]: each["proof"] and each["proof"]["verdict"] for each in listed(typed)}
    assert (proofs[middle], proofs[last]) == ("verified", None)

    # Once the later backup is known not to come back, nothing is fetched for a moment that its log would lead to.
    assert typed("verify", "--backup", last, "--out", str(tmp_path / "report")).code == 1
    said = typed("restore", "--at", bad, "--to", f"local:{tmp_path}/bad", "--dry-run")
    assert said.code == 1
    assert f"{bad} would be reached by the log of {last}, whose drill of " in said.err.replace("\n", " ")
    assert "agama.t" in said.err
    assert "--anyway" in said.err
    said = typed("restore", "--at", bad, "--to", f"local:{tmp_path}/tables", "--tables", "agama.t", "--anyway")
    assert said.code == 1, said.out + said.err
    assert said.out.startswith("failed"), said.out
    assert "verified" not in said.out + said.err
    assert inserted(tmp_path / "tables") == [1, 2, 3, 4, 6]

    # Left out on purpose, the second replay is named in the verdict; good is proven by no more than its first half.
    said = typed("restore", "--at", good, "--to", f"local:{tmp_path}/quick", "--tables", "agama.t", "--no-second-replay")
    assert said.code == 1, said.out + said.err
    assert said.out.startswith("unproven"), said.out
    assert "the 2 transactions since are from the log and unproven: the second replay was left out" in said.out
    assert "verified" not in said.out + said.err
    assert inserted(tmp_path / "quick") == [1, 2, 3]


def listed(typed: Callable[..., Said]) -> list[dict[str, Any]]:
    return list(json.loads(typed("list", "--json").out))
