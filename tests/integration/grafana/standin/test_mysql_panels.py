"""The stand-in, and Lifeboat's own asker, ask a real MySQL what a real Grafana 12.4.3 was recorded to ask: the answers are the same."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.panels.boards import DataSource
from backups.panels.question import Question
from backups.services.mysql.service import MySQLService
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving
from tests.integration.grafana.standin.harness import Ask, asker
from tests.servers.mysql import MySQLServer
from tests.unit.panels.sql.test_recorded import RECORDED, ROWS, cases

pytestmark = [pytest.mark.field, pytest.mark.docker]
DATABASE = "panels_recorded"
PASSWORD = "Größe 12"
NOT_HERE = {"mixed-two-sources": "counts the rows of a table that is not recorded"}
IN_TWO = {(1795908120, "s2"): 21.287, (1795908360, "s1"): 20.7925}
"""(moment, sensor) -> the value of a row that the case with gaps reads, and that is half of an average of the other case."""


@pytest.fixture(scope="module")
def recorded_server(mysql_server: MySQLServer) -> Iterator[MySQLServer]:
    """A server with the rows that the recorded answers show."""
    (client,) = (result for name, _, _, result in cases() if name == "mysql-table")
    mysql_server.sql(f"CREATE DATABASE {DATABASE}")
    mysql_server.sql(
        "CREATE TABLE reading (id INT PRIMARY KEY, at DATETIME, ts TIMESTAMP NULL, epoch INT, sensor VARCHAR(9) NOT NULL, v DOUBLE, f FLOAT,"
        " d DECIMAL(12, 4), ok BOOL, j JSON, b BINARY(4), bits BIT(8), t TIME(3), day DATE, y YEAR, e ENUM('a', 'b'))",
        "SET time_zone = '+00:00'",
        "INSERT INTO reading VALUES"
        " (1, '2026-11-28 00:00:00', '2026-11-28 00:00:00', 1795824000, 's0', 24.7825, 410.805, 41080.5021, 0, '{\"i\": 0}', x'00000000', 0,"
        " '00:00:00', '2026-11-28', 2026, 'b'),"
        " (2, '2026-11-28 00:00:30', '2026-11-28 00:00:30', 1795824030, 's1', 22.5755, 221.229, 22122.9458, 1, '{\"i\": 1}', x'00000001', 1,"
        " '00:00:01', '2026-11-28', 2026, 'a')",
        *(
            f"INSERT INTO reading (id, at, sensor, v) VALUES ({number}, FROM_UNIXTIME({at}), '{sensor}', {value!r})"
            for number, at, sensor, value in rows()
        ),
        "CREATE TABLE client (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(80) NOT NULL, kind ENUM('company', 'public body', 'person') NOT NULL,"
        " credit DECIMAL(12, 4), rating DOUBLE, registered DATETIME(6), seen TIMESTAMP(6) NULL, born DATE)",
        *(
            "INSERT INTO client VALUES (" + ", ".join("NULL" if value is None else f"'{value}'" for value in row) + ")"
            for row in client_rows(client)
        ),
        f"CREATE USER recorded@'%' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT SELECT ON {DATABASE}.* TO recorded@'%'",
        database=DATABASE,
    )
    yield mysql_server
    mysql_server.sql(f"DROP DATABASE {DATABASE}", "DROP USER recorded@'%'")


def rows() -> Iterator[tuple[int, int, str, float]]:
    """(id, moment, sensor, value) of the window: those whose id is a multiple of seven are read in the case with gaps."""
    sevens = iter(range(7, 700, 7))
    for number, (at, sensor, value) in enumerate(ROWS["mysql-time-series"][1]):
        moment, name, average = int(at or b""), (sensor or b"").decode(), float(value or b"")
        shared = next((one for (when, who), one in IN_TWO.items() if who == name and when // 300 * 300 == moment), None)
        if shared is not None:
            yield next(sevens), next(when for (when, who) in IN_TWO if who == name), name, shared
            yield 1003 + 7 * number, moment, name, 2 * average - shared
        elif moment == 1795908600:
            yield next(sevens), moment, name, average
        else:
            yield 1004 + 7 * number, moment, name, average


def client_rows(result: dict[str, Any]) -> Iterator[list[Any]]:
    """The three rows as they are inserted."""
    from tests.unit.panels.sql.test_recorded import rows_of

    _, found = rows_of(result)
    for row in found:
        yield [None if value is None else value.decode() for value in row]


@pytest.fixture(scope="module")
def ask_recorded(recorded_server: MySQLServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A stand-in whose data sources lead to the server: with the right password, with another, and to nobody."""
    directory = tmp_path_factory.mktemp("recorded")
    build(directory / "grafana.db", layout="dashboard")
    with serving(directory) as url:
        ask = asker(url)
        for uid, password, port in (("my-host", PASSWORD, 3306), ("my-wrong", "another", 3306), ("my-nobody", PASSWORD, 1)):
            body = {
                "uid": uid,
                "name": uid,
                "type": "mysql",
                "url": f"{recorded_server.host}:{port}",
                "user": "recorded",
                "jsonData": {"database": DATABASE, "timezone": "+00:00"},
                "secureJsonData": {"password": password},
            }
            assert ask("/api/datasources", "POST", json=body).status_code == 200
        yield ask


def expected(result: dict[str, Any]) -> Any:
    """The recorded answer, of this server's database."""
    return json.loads(json.dumps(result).replace("agama.", f"{DATABASE}."))


HERE = [case for case in (cases() if RECORDED.is_dir() else []) if case[0] not in NOT_HERE]


@pytest.mark.parametrize(("name", "request_", "query", "result"), HERE, ids=[case[0] for case in HERE])
def test_it_answers_as_recorded(
    ask_recorded: Ask, recorded_server: MySQLServer, mysql_docker: Docker, name: str, request_: Any, query: Any, result: Any
) -> None:
    """The stand-in to the last member; Lifeboat's own asker the same, but for what it does not ask."""
    response = ask_recorded("/api/ds/query", "POST", json=request_)
    assert response.json()["results"][query["refId"]] == expected(result)
    assert response.status_code == (400 if "error" in result else 200)
    source = DataSource(1, query["datasource"]["uid"], "m", "mysql", "", settings={"database": DATABASE, "timezone": "+00:00"})
    question = Question(
        id="q",
        organisation=1,
        dashboard="d",
        title="D",
        panel="panel 1",
        service="agama",
        start=int(request_["from"]),
        end=int(request_["to"]),
        query=query,
    )
    service = MySQLService("agama", recorded_server.settings(), mysql_docker)
    with service.asker((source,)) as direct:
        if name == "mysql-syntax-error":
            with pytest.raises(LifeboatError, match="begins with SELEC"):
                direct.ask(question)
        elif name != "mysql-wrong-password":
            assert direct.ask(question) == expected(result)


def test_whether_a_data_source_answers(ask_recorded: Ask) -> None:
    """With the right password; with another, and where nobody is, in Grafana's words."""
    said = {uid: ask_recorded(f"/api/datasources/uid/{uid}/health") for uid in ("my-host", "my-wrong", "my-nobody")}
    assert said["my-host"].json() == {"message": "Database Connection OK", "status": "OK"}
    assert (said["my-wrong"].status_code, said["my-nobody"].status_code) == (400, 400)
    query = {"refId": "A", "datasource": {"uid": "my-nobody"}, "rawSql": "SELECT 1", "format": "table"}
    found = ask_recorded("/api/ds/query", "POST", json={"from": "0", "to": "1", "queries": [query]}).json()["results"]["A"]
    assert found["error"].startswith("db query error: failed to connect to server")


def test_a_panel_writes_nothing(ask_recorded: Ask, recorded_server: MySQLServer) -> None:
    """Whatever the account may."""
    recorded_server.sql(f"GRANT INSERT ON {DATABASE}.* TO recorded@'%'")
    query = {
        "refId": "A",
        "datasource": {"uid": "my-host"},
        "rawSql": "INSERT INTO reading (id, sensor) VALUES (-5, 's')",
        "format": "table",
    }
    response = ask_recorded("/api/ds/query", "POST", json={"from": "0", "to": "1", "queries": [query]})
    assert response.status_code == 400
    assert recorded_server.value(f"SELECT COUNT(*) FROM {DATABASE}.reading WHERE id = -5") == 0


def test_the_answers_do_not_hang_on_what_was_asked_before(ask_recorded: Ask) -> None:
    """Two queries in one request have their own answers, in the order of neither."""
    queries = [
        {"refId": ref, "datasource": {"uid": "my-host"}, "rawSql": f"SELECT {number} AS n", "format": "table"}
        for ref, number in (("B", 2), ("A", 1))
    ]
    results = ask_recorded("/api/ds/query", "POST", json={"from": "0", "to": "1", "queries": queries}).json()["results"]
    assert {ref: one["frames"][0]["data"]["values"] for ref, one in results.items()} == {"A": [[1]], "B": [[2]]}
