"""The stand-in answers as a real Grafana 12.4.3 was recorded to: route by route, its statuses, its words and its shapes.

Two sessions are replayed: reads of a server that was lived in, over that server's own database (an administrator's, a viewer's, a
stranger's), and every write of a restore into an empty server, with what was asked of that one afterwards, faults among it.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from deployments.grafana_standin.serving import serving
from tests.conftest import FIELD_DATA
from tests.integration.grafana.standin.recorded import ALLOWED, NOT_SERVED, Answer, answers, differences, excused

pytestmark = pytest.mark.field
VERSION = "12.4.3"
READS, WRITES = ("recadm", "recview", "recwrong"), ("write", "extra")
NOBODYS = {"write": True, "extra": False}
"""Whether the recording sent X-Disable-Provenance with its writes; those of NOBODYS_TOO did, too."""
NOBODYS_TOO = {"extra/016", "extra/018"}

Replayed = list[tuple[Answer, int, Any]]


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    data = tmp_path_factory.mktemp("lived-in")
    shutil.copyfile(FIELD_DATA / "grafana" / "db" / "lived-in-12.4.3.db", data / "grafana.db")
    with closing(sqlite3.connect(data / "grafana.db")) as connection, connection:
        # a token is stored as a hash, which is the stand-in's own: this one is `robot`
        connection.execute("UPDATE api_key SET key = ? WHERE name = 't1'", (hashlib.sha256(b"robot").hexdigest(),))
    with serving(data, GF_STANDIN_VERSION=VERSION, GF_SECURITY_SECRET_KEY="k7Qxgsrc") as url:
        return list(_replay(url, READS))


@pytest.fixture(scope="module")
def writes(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    data = tmp_path_factory.mktemp("empty")
    settings = {
        "GF_SECURITY_ADMIN_PASSWORD": "secret1",
        "GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL": "24h",  # the recording is of the first minute
    }
    with serving(data, GF_STANDIN_VERSION=VERSION, **settings) as url:
        return list(_replay(url, WRITES))


def _replay(url: str, sessions: tuple[str, ...]) -> Iterator[tuple[Answer, int, Any]]:
    with requests.Session() as session:
        for answer in answers():
            if answer.session in sessions:
                given = session.request(answer.method, url + answer.route, json=answer.sent, timeout=60, **_identity(answer))
                yield answer, given.status_code, given.json()


def _identity(answer: Answer) -> dict[str, Any]:
    headers = {"X-Grafana-Org-Id": answer.organisation} if answer.organisation else {}
    if answer.method != "GET" and (NOBODYS.get(answer.session) or answer.name in NOBODYS_TOO):
        headers["X-Disable-Provenance"] = "true"
    if answer.session == "recview":
        return {"headers": headers | {"Authorization": "Bearer robot"}}
    if answer.session == "recwrong":
        return {"headers": headers | {"Authorization": "Bearer wrong"}}
    return {"headers": headers, "auth": ("admin", "secret1")}


@pytest.mark.parametrize("session", ["reads", "writes"])
def test_every_recorded_answer_is_given_as_it_was(session: str, request: pytest.FixtureRequest) -> None:
    replayed: Replayed = request.getfixturevalue(session)
    wrong = []
    for answer, status, body in replayed:
        if answer.name in NOT_SERVED:
            assert (status, body) == (404, {"message": "Not found"}), f"{answer.name} is served: take it out of NOT_SERVED"
        elif status != answer.status:
            wrong.append(f"{answer.name} {answer.method} {answer.route}: {status}, really {answer.status}: {body}")
        else:
            wrong += [
                f"{answer.name} {answer.method} {answer.route}: {path}: {words}" for path, words in differences(answer, body)
            ]
    assert replayed
    assert not wrong, "\n".join(["", *wrong])


def test_every_recorded_answer_is_in_a_session_that_is_replayed(reads: Replayed, writes: Replayed) -> None:
    assert {answer.name for answer, _, _ in [*reads, *writes]} == {answer.name for answer in answers()}
    assert len(reads) + len(writes) == len(answers()) >= 261


def test_no_excuse_is_kept_that_nothing_needs(reads: Replayed, writes: Replayed) -> None:
    needed = {one for answer, status, body in [*reads, *writes] if status == answer.status for one in excused(answer, body)}
    assert [one for one in ALLOWED if one not in needed] == []
    assert set(NOT_SERVED) <= {answer.name for answer in answers()}


@pytest.mark.parametrize(
    ("real", "ours", "at"),
    [
        ({"message": "no"}, {"message": "No"}, ".message"),
        ({"message": "no"}, {}, ".message"),
        ({}, {"message": "no"}, ".message"),
        ([{"uid": "a"}], [], ""),
        ([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}], "[].a"),
        ({"a": 0}, {"a": False}, ".a"),
        ({"a": None}, {"a": []}, ".a"),
        ({"a": 0}, {"a": 0.0}, ".a"),
    ],
)
def test_the_comparer_sees_what_differs(real: Any, ours: Any, at: str) -> None:
    answer = Answer("recadm/999", "GET", "/api/made-up", None, "", None, 200, real)
    assert [path for path, _ in differences(answer, ours)][:1] == [at]
    assert list(differences(answer, real)) == []
