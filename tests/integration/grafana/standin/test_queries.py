"""The stand-in answers what panels ask as a real Grafana 12.4.3 did, and asks data sources at the address in their rows alone."""

import errno
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from backups.errors import LifeboatError
from backups.panels.compare import answer_of, settled
from backups.panels.prometheus.reply import Call
from backups.services.grafana.asking import through
from backups.services.grafana.client import Client
from deployments.grafana_standin.database import build
from deployments.grafana_standin.server.answers import arithmetic, expressions, queries_prometheus
from deployments.grafana_standin.serving import serving
from tests.integration.grafana.standin.harness import ADMIN, EDITOR, Ask, asker
from tests.servers.http import answering
from tests.unit.panels.answers import Json, question, recorded
from tests.unit.panels.recorded_prometheus import answer

PROMETHEUS, NOBODY = "agama-prometheus", "http://127.0.0.1:1"
SUCCESS: Json = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [4, "2"]}]}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a data source whose plugin is absent, as the recorded one has."""
    directory = tmp_path_factory.mktemp("queries")
    build(directory / "grafana.db", layout="resource", prometheus_url=NOBODY)
    with closing(sqlite3.connect(directory / "grafana.db")) as connection, connection:
        columns = [
            row[1] for row in connection.execute("PRAGMA table_info(data_source)") if row[1] not in ("id", "uid", "name", "type")
        ]
        names = ", ".join(f"`{name}`" for name in columns)
        connection.execute(
            f"INSERT INTO data_source (uid, name, type, {names}) SELECT 'click1', 'click', 'grafana-clickhouse-datasource', {names} FROM data_source WHERE uid = ?",
            (PROMETHEUS,),
        )
    return directory


@pytest.fixture
def ask(data: Path) -> Iterator[Ask]:
    with serving(data) as url:
        yield asker(url)


def turned_to(data: Path, url: str) -> None:
    with closing(sqlite3.connect(data / "grafana.db")) as connection, connection:
        connection.execute("UPDATE data_source SET url = ? WHERE uid = ?", (url, PROMETHEUS))


def query(ask: Ask, request: Json, **more: Any) -> requests.Response:
    return ask("/api/ds/query", "POST", json=request, **more)


def asked(expression: str = "1+1", ref: str = "A", **more: Any) -> Json:
    return {"refId": ref, "datasource": {"type": "prometheus", "uid": PROMETHEUS}, "expr": expression, "instant": True, **more}


def whole(*queries: Json) -> Json:
    return {"from": "1795908000000", "to": "1795908600000", "queries": list(queries)}


class Replaying:
    """A Prometheus that answers a pair's queries, one after the other, as they were answered; both calls of one query alike."""

    def __init__(self, pair: Json) -> None:
        results = pair["source"]["body"].get("results", {})
        self.left = [results[each["refId"]] for each in pair["request"]["queries"] if "expr" in each and results]
        self.last: tuple[str, Json] | None = None

    def __call__(self, request: Any, source: Json, method: str, path: str, parameters: str) -> tuple[int, bytes]:
        given = {name: values[0] for name, values in parse_qs(parameters).items()}
        if self.last is None or self.last[0] != given["query"]:
            self.last = (given["query"], self.left.pop(0))
        status, body = answer(self.last[1], Call(path, given))
        return status, json.dumps(body).encode()


@pytest.mark.field
def test_every_recorded_answer_about_a_prometheus_is_given(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status and body, all of it; the calls of Prometheus are answered out of what was recorded."""
    held = set()
    for path, pair in recorded("*.json"):
        uids = {each["datasource"]["uid"] for each in pair["request"]["queries"]}
        if not uids <= {PROMETHEUS, "__expr__", "no-such", "click1", "${DS_PROMETHEUS}"}:
            continue
        monkeypatch.setattr(queries_prometheus, "_asked", Replaying(pair))
        found = query(ask, pair["request"])
        assert (found.status_code, found.json()) == (pair["source"]["status"], pair["source"]["body"]), path.name
        held.add(path.stem)
    assert {"expression-math", "one-of-two-fails", "prometheus-instant-and-range", "plugin-absent", "no-such-data-source"} <= held
    assert len(held) >= 16


@pytest.mark.field
def test_who_cannot_be_reached_is_told_in_grafanas_words() -> None:
    (pair,) = [pair for path, pair in recorded("prometheus-unreachable.json")]
    expected = pair["copy"]["body"]["results"]["A"]["error"]
    url = "http://10.99.0.7:9090/api/v1/query_range"
    assert queries_prometheus.words("Post", url, OSError(errno.ENETUNREACH, "Network is unreachable")) == expected
    assert queries_prometheus.words("Post", url, TimeoutError()) == pair["source"]["body"]["results"]["A"]["error"]


def test_nobody_is_asked_but_the_address_of_the_row(data: Path, ask: Ask) -> None:
    calls = []

    def prometheus(handler: Any) -> tuple[int, dict[str, str], bytes]:
        calls.append((handler.command, handler.path, handler.headers.get("Authorization")))
        return 200, {}, json.dumps(SUCCESS).encode()

    turned_to(data, NOBODY)
    refused = query(ask, whole(asked()))
    assert refused.status_code == 400
    assert refused.json()["results"]["A"] == {
        "error": f'Post "{NOBODY}/api/v1/query": dial tcp 127.0.0.1:1: connect: connection refused', "errorSource": "downstream", "status": 502, "frames": []
    }  # fmt: skip
    assert ask(f"/api/datasources/uid/{PROMETHEUS}/health").status_code == 400
    assert ask(f"/api/datasources/uid/{PROMETHEUS}/resources/api/v1/labels").status_code == 502
    with answering(prometheus) as url:
        turned_to(data, f"{url}/below/")
        found = query(ask, whole(asked()), auth=EDITOR)
        assert found.json()["results"]["A"]["frames"][0]["data"]["values"] == [[4000], [2]]
        assert ask(f"/api/datasources/uid/{PROMETHEUS}/health").json() == {
            "message": "Successfully queried the Prometheus API.",
            "status": "OK",
        }
        resource = ask(f"/api/datasources/uid/{PROMETHEUS}/resources/api/v1/label/job/values?match[]=up&match[]=down")
        assert resource.json() == SUCCESS
    assert [path for _, path, _ in calls] == [
        "/below/api/v1/query",
        "/below/api/v1/query",
        "/below/api/v1/label/job/values?match%5B%5D=up&match%5B%5D=down",
    ]
    assert {login for _, _, login in calls} == {None}


def test_asking_locks_nobody_out_of_the_database(data: Path, ask: Ask) -> None:
    """A slow data source must not hold what saves a dashboard."""

    def prometheus(_: Any) -> tuple[int, dict[str, str], bytes]:
        with closing(sqlite3.connect(data / "grafana.db", timeout=0.1)) as connection, connection:
            connection.execute("UPDATE data_source SET version = version + 1")
        return 200, {}, json.dumps(SUCCESS).encode()

    with answering(prometheus) as url:
        turned_to(data, url)
        assert query(ask, whole(asked())).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"from": "1", "to": "2", "queries": []}, 400, "No queries found"),
        ({"from": "now-1h", "to": "now", "queries": [asked()]}, 400, "milliseconds"),
        (whole(asked(datasource="Prometheus")), 400, "valid data source identifier"),
        (whole(asked(datasource={"type": "prometheus"})), 400, "valid data source identifier"),
        (whole(asked(), asked(ref="B", datasource={"uid": "gone"})), 404, "Data source not found"),
        (whole(asked(interval="soon")), 400, "invalid duration"),
    ],
)
def test_what_cannot_be_asked_is_refused(ask: Ask, request_: Json, status: int, words: str) -> None:
    found = query(ask, request_)
    assert (found.status_code, words in found.text) == (status, True), found.text


def test_strangers_do_not_ask(ask: Ask) -> None:
    assert query(ask, whole(asked()), auth=None).status_code == 401
    elsewhere = query(ask, whole(asked()), auth=ADMIN, headers={"X-Grafana-Org-Id": "77"})
    assert elsewhere.status_code == 403
    assert "datasources:query" in elsewhere.text


def test_an_asker_asks_as_a_user_or_behind_a_proxy_and_says_whom_grafana_does_not_let_in(data: Path) -> None:
    """As the live Grafana is asked, and as a restored one is."""
    with answering(lambda _: (200, {}, json.dumps(SUCCESS).encode())) as url:
        turned_to(data, url)
        with serving(data, GF_AUTH_PROXY_ENABLED="true") as standin:
            panel = question(asked(range=False))
            clients = [Client.basic(standin, "editor", "editor", direct=True), Client.behind_proxy(standin, {1: "admin"})]
            assert [answer_of(panel, through(client).ask(panel)).rows for client in clients] == [1, 1]
            values = question(asked(), resource="api/v1/label/job/values?match[]=up")
            assert answer_of(values, through(clients[1]).ask(values)).rows == 1
            for client, organisation in ((clients[1], 2), (clients[0], 2), (Client(standin, "Bearer nonsense", direct=True), 1)):
                with pytest.raises(
                    LifeboatError, match=r"does not let the caller ask data sources of organisation \d \(HTTP 40[13]"
                ):
                    through(client).ask(question(asked(), organisation=organisation))


def series(*numbers: float | None, **labels: str) -> Json:
    value = {"name": "x", "type": "number", "typeInfo": {"frame": "float64"}, "labels": labels}
    described = [{"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}}, value]
    return {
        "schema": {"meta": {"type": "timeseries-multi"}, "fields": described},
        "data": {"values": [list(range(len(numbers))), list(numbers)]},
    }


ANSWERED: dict[str, Json] = {
    "A": {"status": 200, "frames": [series(1.0, 2.0, 6.0, host="h1"), series(4.0, 5.0, None, host="h2")]},
    "E": {"status": 400, "error": "bad_data: no"},
    "N": {"status": 200, "frames": []},
}


def reckoned(*queries: Json) -> Json:
    return expressions.results(ANSWERED, {each["refId"]: each for each in queries})[queries[-1]["refId"]]


def values(result: Json) -> list[Any]:
    return [
        (frame["schema"]["fields"][-1]["labels"], frame["data"]["values"][-1], (frame["data"].get("entities") or [None])[-1])
        for frame in result["frames"]
    ]


def test_expressions_follow_one_another() -> None:
    mean = {"refId": "B", "type": "reduce", "expression": "A", "reducer": "mean"}
    dropped = mean | {"settings": {"mode": "dropNN"}}
    assert values(reckoned(mean)) == [({"host": "h1"}, [3.0], None), ({"host": "h2"}, [None], {"NaN": [0]})]
    assert values(reckoned(dropped)) == [({"host": "h1"}, [3.0], None), ({"host": "h2"}, [4.5], None)]
    doubled = {"refId": "C", "type": "math", "expression": "$B * 2 + ${B}"}
    assert values(reckoned(dropped, doubled))[0] == ({"host": "h1"}, [9.0], None)
    above = {"refId": "D", "type": "threshold", "expression": "C", "conditions": [{"evaluator": {"type": "gt", "params": [10]}}]}
    assert [numbers for _, numbers, _ in values(reckoned(dropped, doubled, above))] == [[0.0], [1.0]]
    of_series = above | {"expression": "A", "conditions": [{"evaluator": {"type": "within_range", "params": [1, 5]}}]}
    assert [numbers for _, numbers, _ in values(reckoned(of_series))] == [[0.0, 1.0, 0.0], [1.0, 0.0, None]]
    joined = {"refId": "F", "type": "math", "expression": "$A - $B"}
    assert [numbers for _, numbers, _ in values(reckoned(dropped, joined))] == [[-2.0, -1.0, 3.0], [-0.5, 0.5, None]]
    assert reckoned(mean | {"expression": "N"})["frames"] == [{"schema": {"refId": "B", "fields": []}, "data": {"values": []}}]


@pytest.mark.parametrize(
    ("query_", "words"),
    [
        ({"type": "reduce", "expression": "E", "reducer": "mean"}, "dependencyError"),
        ({"type": "reduce", "expression": "X", "reducer": "mean"}, "unable to find dependent node 'X'"),
        ({"type": "reduce", "expression": "A", "reducer": "p99"}, "not implemented"),
        ({"type": "math", "expression": "$B + 1"}, "cyclic"),
        ({"type": "math", "expression": "$A +"}, "parseError"),
        ({"type": "math", "expression": "__import__('os')"}, "parseError"),
        ({"type": "math", "expression": "$A.real"}, "parseError"),
        ({"type": "threshold", "expression": "A", "conditions": []}, "exactly one condition"),
        (
            {"type": "threshold", "expression": "A", "conditions": [{"evaluator": {"type": "near", "params": [1]}}]},
            "invalid condition",
        ),
        ({"type": "sql", "expression": "SELECT 1"}, "knows no expression of type 'sql'"),
        ({"type": "classic_conditions"}, "knows no expression"),
    ],
)
def test_an_expression_that_is_not_reckoned_is_an_error(query_: Json, words: str) -> None:
    found = reckoned({"refId": "B", **query_})
    assert words in found["error"]
    assert found["status"] in (400, 500)
    one = answer_of(question(), found)
    assert settled(one, one).outcome == "error"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("2 ** 3", 8), ("7 % 4", 3), ("-$A", -2), ("$A > 1 && !($A > 3)", 1), ("$A == 2 || 0", 1), ("1 / 0", float("inf")),
        ("abs(-3) + round(2.5) + ceil(0.1) + floor(1.9)", 8), ("is_null(null()) + is_inf(inf())", 2), ("null() + 1", None), ("$A != 2", 0), ("${A}", 2),
    ],
)  # fmt: skip
def test_arithmetic(expression: str, expected: float | None) -> None:
    assert arithmetic.value(expression, {"A": 2.0}) == expected
