"""Questions are asked within a time, one that cannot be asked fails no other, and the file that is kept is read as it was written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError, Transient
from backups.panels import asking
from backups.panels.grafana import GrafanaAsker, is_expression, resource_of
from backups.panels.question import FILE, Answer, NotAsked, Panels, Question, Way
from tests.unit.panels.answers import Json, field, frame, question, reply

QUESTIONS = [question(id=f"q{number}") for number in range(8)]
ONE = reply(frame(field([1.0])))


class Told:
    """An asker that answers as it is told, by a question's id; a number is how many seconds it takes."""

    way: Way = "direct"

    def __init__(self, replies: Mapping[str, Any] | None = None, each: float = 0.0) -> None:
        self.replies, self.each = replies or {}, each
        self.now, self.asked = 0.0, 0

    def clock(self) -> float:
        return self.now

    def ask(self, asked: Question) -> dict[str, Any]:
        self.asked += 1
        self.now += self.each
        found = self.replies.get(asked.id, ONE)
        if isinstance(found, Exception):
            raise found
        return dict(found)


def outcomes(answers: Mapping[str, Answer]) -> list[str]:
    return [answers[each.id].outcome for each in QUESTIONS]


def test_one_that_cannot_be_asked_fails_no_other() -> None:
    told = Told(
        {
            "q1": LifeboatError("it is an expression"),
            "q2": Transient("not whole after 30 s"),
            "q3": {"status": 400, "error": "bad_data: no"},
        }
    )
    answers = asking.ask_all(told, QUESTIONS, 100.0, told.clock)
    assert outcomes(answers) == ["answered", "not-asked", "not-asked", "error", *["answered"] * 4]
    assert answers["q2"].why == "not whole after 30 s"


def test_what_there_is_no_time_for_is_told_and_not_asked() -> None:
    told = Told(each=10.0)
    answers = asking.ask_all(told, QUESTIONS, 25.0, told.clock)
    assert outcomes(answers) == ["answered"] * 3 + ["not-asked"] * 5
    assert answers["q7"].why == asking.NO_TIME
    assert told.asked == 3


def test_a_server_that_answers_nothing_is_not_waited_for_question_by_question() -> None:
    told = Told({each.id: Transient("connection refused") for each in QUESTIONS})
    answers = asking.ask_all(told, QUESTIONS, 100.0, told.clock)
    assert set(outcomes(answers)) == {"not-asked"}
    assert told.asked == 5
    assert "5 questions in a row" in str(answers["q7"].why)


def test_what_was_asked_once_only_or_gave_two_answers_is_settled_by_neither() -> None:
    first, second = Told(), Told({"q1": reply(frame(field([2.0]))), "q2": Transient("gone")})
    one = asking.ask_all(first, QUESTIONS[:4], 9.0, first.clock)
    other = asking.ask_all(second, asking.asked(QUESTIONS[:4], one)[:3], 9.0, second.clock)
    assert [answer.outcome for answer in asking.settle(QUESTIONS[:4], one, other)] == [
        "answered",
        "not-fixed",
        "not-asked",
        "not-asked",
    ]


def panels(**more: Any) -> Panels:
    answers = asking.ask_all(told := Told(), QUESTIONS, 9.0, told.clock)
    away = NotAsked(organisation=1, dashboard="d", title="Logs", panel="panel 1", kind="not-protected", why="it is a loki")
    given: Json = {
        "grafana": "grafana-20261130T000000Z",
        "asked": "direct",
        "questions": tuple(QUESTIONS),
        "answers": tuple(answers.values()),
    }
    return Panels(**(given | {"not_asked": (away,)} | more))


def test_the_file_of_a_backup_is_read_as_it_was_written(tmp_path: Path) -> None:
    odd = question({"legendFormat": "half a character \ud800, \u2028 and é"}, id="q0")
    written = panels(questions=(odd, *QUESTIONS[1:]))
    asking.write(tmp_path, written)
    read = asking.read((tmp_path / FILE).read_bytes(), FILE)
    assert read.answers == written.answers
    assert read.questions[1:] == written.questions[1:]
    assert read.questions[0].query["legendFormat"] == "half a character ?, \u2028 and é"
    assert read.not_asked == written.not_asked


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 9000, b'{"schema_version": 2}', b"\xff", b'{"grafana": "../../etc"}'])
def test_another_file_is_damaged(content: bytes) -> None:
    with pytest.raises(Damaged, match=r"panels.json cannot be read"):
        asking.read(content, FILE)


@pytest.mark.parametrize("how", ["one is gone", "one is twice", "one is another's", "a question is twice"])
def test_a_file_that_leaves_a_question_unanswered_is_damaged(how: str, tmp_path: Path) -> None:
    whole = panels()
    changes: dict[str, Any] = {
        "one is gone": {"answers": whole.answers[1:]},
        "one is twice": {"answers": (*whole.answers, whole.answers[0])},
        "one is another's": {"answers": (*whole.answers[1:], whole.answers[0].model_copy(update={"question": "q99"}))},
        "a question is twice": {
            "questions": (*whole.questions, whole.questions[0]),
            "answers": (*whole.answers, whole.answers[0]),
        },
    }
    asking.write(tmp_path, whole.model_copy(update=changes[how]))
    with pytest.raises(Damaged, match="are not one for each of its"):
        asking.read((tmp_path / FILE).read_bytes(), FILE)


class Grafana:
    """A way to a Grafana that answers the same to everything, and remembers what it was asked."""

    def __init__(self, status: int, answer: Any) -> None:
        self.answer = (status, answer)
        self.calls: list[Json] = []

    def __call__(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        self.calls.append({"method": method, "path": path} | more)
        return self.answer


def test_a_question_is_one_request_with_the_queries_that_an_expression_names() -> None:
    grafana = Grafana(200, {"results": {"A": {"status": 200, "frames": []}, "B": ONE}})
    needed = {"refId": "A", "expr": "up", "exemplar": True, "datasource": {"type": "prometheus", "uid": "p"}}
    reckoned = question({"refId": "B", "datasource": {"type": "__expr__", "uid": "__expr__"}}, beside=(needed,), organisation=2)
    assert GrafanaAsker(grafana, seconds=7.0).ask(reckoned) == ONE
    (call,) = grafana.calls
    assert (call["method"], call["path"], call["organisation"], call["seconds"]) == ("POST", "/api/ds/query", 2, 7.0)
    assert [query["refId"] for query in call["body"]["queries"]] == ["A", "B"]
    assert "exemplar" not in call["body"]["queries"][0]
    assert (call["body"]["from"], call["body"]["to"]) == (str(reckoned.start), str(reckoned.end))
    assert is_expression(reckoned)
    assert not is_expression(question())


@pytest.mark.parametrize(
    ("status", "answer", "reply_"),
    [
        (400, {"results": {"A": {"error": "bad_data: no", "status": 400}}}, {"error": "bad_data: no", "status": 400}),
        (400, {"results": {"A": ONE, "B": {"error": "x", "status": 500}}}, ONE),
        (404, {"message": "Data source not found"}, {"status": 404, "error": "Data source not found"}),
        (400, {"message": "bad request data"}, {"status": 400, "error": "bad request data"}),
        (200, {"results": {}}, {"status": 500, "error": "no result"}),
        (200, ["?"], {"status": 500, "error": "an answer without results"}),
    ],
)
def test_what_is_answered_of_a_query_is_read_beside_the_status_of_the_whole(status: int, answer: Any, reply_: Json) -> None:
    assert GrafanaAsker(Grafana(status, answer)).ask(question()) == reply_


@pytest.mark.parametrize(("status", "kind"), [(401, LifeboatError), (403, LifeboatError), (502, Transient), (429, Transient)])
@pytest.mark.parametrize("resource", [None, "api/v1/labels"])
def test_a_grafana_that_may_not_be_asked_is_no_answer(status: int, kind: type[LifeboatError], resource: str | None) -> None:
    with pytest.raises(kind, match=str(status)):
        GrafanaAsker(Grafana(status, {"message": "no"})).ask(question(resource=resource))


def test_a_resource_is_read_below_its_data_source() -> None:
    grafana = Grafana(200, {"status": "success", "data": ["h1"]})
    asked = question(
        {"datasource": {"type": "prometheus", "uid": "a/b"}},
        resource='api/v1/label/instance/values?match[]=up&match[]=x{a="%26"}&start=1',
    )
    assert GrafanaAsker(grafana).ask(asked) == {"status": 200, "resource": {"status": "success", "data": ["h1"]}}
    (call,) = grafana.calls
    assert call["path"] == "/api/datasources/uid/a%2Fb/resources/api/v1/label/instance/values"
    assert call["params"] == [("match[]", "up"), ("match[]", 'x{a="&"}'), ("start", "1")]


@pytest.mark.parametrize(
    "resource", ["", "api/v1/admin/tsdb/snapshot", "../../api/admin", "api/v1/label/../values", "api/v1/label/a%2fb/values", "-/quit", "api/v1/labels/x", "http://x/api/v1/labels"]
)  # fmt: skip
def test_nothing_else_is_read(resource: str) -> None:
    with pytest.raises(LifeboatError, match="is not what a variable reads"):
        resource_of(resource)
