"""A mistake on a real server: found in the log by `lifeboat log`, and undone by `lifeboat restore --before`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups.site import Site
from tests import documented
from tests.integration.flows.conftest import Said
from tests.integration.restore.test_mysql_by_command import configured
from tests.integration.restore.test_mysql_moments import inserted
from tests.servers.mysql import PASSWORD, StartMySQL

pytestmark = pytest.mark.docker

SECRET = "hunter2-of-bob"


def changes(transaction: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {each["table"]: (each["inserted"], each["changed"], each["deleted"]) for each in transaction["tables"]}


@pytest.mark.parametrize("gtid", [True, False], ids=["with GTIDs", "without GTIDs"])
def test_the_moment_before_a_mistake_comes_back(
    state: Path,
    start_mysql: StartMySQL,
    lifeboat: Callable[..., Said],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    gtid: bool,
) -> None:
    """A DELETE without WHERE between the last backup of a chain and the next full: in the log that the full has kept since."""
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    server = start_mysql(gtid=gtid)
    configuration = configured(state, server)
    site = Site.open(configuration)
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (n INT PRIMARY KEY)", "INSERT INTO agama.t VALUES (1)")
    first = site.back_up("agama", kind="full").id
    server.sql(
        "INSERT INTO agama.t VALUES (2), (3)",
        "CREATE TABLE agama.other (n INT PRIMARY KEY)",
        "BEGIN",
        "UPDATE agama.t SET n = n + 10 WHERE n > 1",
        "INSERT INTO agama.other VALUES (1)",
        "COMMIT",
        f"CREATE USER bob IDENTIFIED BY '{SECRET}'",
        "FLUSH BINARY LOGS",
    )
    second = site.back_up("agama", kind="incremental").id
    server.sql(
        "INSERT INTO agama.t VALUES (4)",
        "DELETE FROM agama.t",
        "SET binlog_format = STATEMENT",
        f"UPDATE agama.other SET n = n + 1 WHERE '{SECRET}' != ''",
        "SET binlog_format = ROW",
        "INSERT INTO agama.t VALUES (5)",
    )
    full = site.back_up("agama", kind="full").id

    def typed(command: str, *words: str) -> Said:
        return lifeboat(command, "agama", *words, "--config", str(configuration))

    said = typed("log", "--json")
    assert said.code == 0, said.err
    assert SECRET not in said.out
    told = json.loads(said.out)
    assert documented.differences(documented.examples("log")[0], told) == []
    assert [(hole["after"], hole["before"]) for hole in told["holes"]] == [(full, None)]
    assert [changes(each) for each in told["transactions"]] == [
        {"agama.t": (2, 0, 0)},
        {},
        {"agama.other": (1, 0, 0), "agama.t": (0, 2, 0)},
        {},
        {"agama.t": (1, 0, 0)},
        {"agama.t": (0, 0, 4)},
        {},
        {"agama.t": (1, 0, 0)},
    ]
    statements = [each["statements"] for each in told["transactions"]]
    assert statements[1] == ["CREATE TABLE agama.other (n INT PRIMARY KEY)"]
    assert statements[3][0].startswith("CREATE USER 'bob'@'%' IDENTIFIED WITH '…'")
    assert statements[6] == ["UPDATE agama.other SET n = n + 1 WHERE '…' != '…'"]
    assert [bool(each["gtid"]) for each in told["transactions"]] == [gtid] * 8
    assert all(each["transaction"] == (each["gtid"] or each["place"]) for each in told["transactions"])
    times = [each["committed_at"] for each in told["transactions"]]
    assert times == sorted(times)

    # Of one table, the same but for what does not concern it; of a time, what lies in it.
    of_other = json.loads(typed("log", "--json", "-t", "agama.other").out)["transactions"]
    assert of_other == [told["transactions"][number] for number in (1, 2, 6)]
    some = json.loads(typed("log", "--json", "--since", times[2], "--until", times[5]).out)["transactions"]
    assert some == told["transactions"][2:6]

    mistake = told["transactions"][5]["transaction"]
    row = next(line for line in typed("log").out.splitlines() if f" {mistake} " in line)
    assert row.split()[-4:] == ["0", "0", "4", "agama.t"]
    words = ("restore", "--before", mistake, "--to", f"local:{tmp_path}/before", "--tables", "agama.t", "--json")
    planned = json.loads(typed(*words, "--dry-run").out)
    assert (planned["point"], planned["chain"]) == (f"the moment before {mistake}", [first, second, full])
    # Without GTIDs it goes the same way: tests/integration/mysql/copy/test_advance.py.
    if gtid:
        said = typed(*words)
        assert said.code == 0, said.out + said.err
        result = json.loads(said.out)
        assert (result["verdict"], result["backup"]["id"], result["moment"]["later"]) == ("between-witnesses", second, full)
        assert (result["moment"]["asked"], result["moment"]["transactions"]) == (f"the moment before {mistake}", 1)
        assert inserted(tmp_path / "before") == [1, 4, 12, 13]
        # What stands behind that very moment: every row of both tables.
        there = {(each["subject"], each["metric"]): each["observed"] for each in result["moment"]["there"] if each["passed"]}
        assert (there["agama.t", "rows"], there["agama.other", "rows"], result["moment"]["untold"]) == (4, 1, [])
        assert re.search(r"; at the moment itself (\d+) of \1 tables equal to what the log makes", result["proof"])

    # What has no moment of its own, or is none, is refused before anything is fetched.
    one, other = ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1", "binlog.999999:4")
    for unknown in (one, other):
        said = typed("restore", "--before", unknown, "--to", f"local:{tmp_path}/none")
        assert said.code == 2, said.out + said.err
        assert f"no two backups of agama have {unknown} between them: none of them holds it" in " ".join(said.err.split())
    before_all = f"{mistake.rpartition(':')[0]}:1" if gtid else f"{told['transactions'][0]['place'].rpartition(':')[0]}:4"
    said = typed("restore", "--before", before_all, "--to", f"local:{tmp_path}/none", "--dry-run")
    assert (said.code, f"{first}, of " in said.err, "holds it already" in said.err) == (2, True, True), said.err
