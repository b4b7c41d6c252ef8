"""Dashboards' questions inside a capture: in the snapshot or through a Grafana, twice, within a time, and no fault fails a backup."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql.err
import pytest

from backups.errors import LifeboatError, Transient
from backups.panels import asking
from backups.panels.question import FILE, Answer, Question, Way
from backups.services.base import PanelsJob
from backups.services.mysql.panels import capture
from backups.services.mysql.panels.capture import PanelsCapture
from tests.unit.panels.answers import Json, field, frame, question, reply

Reply = Callable[[int], Json]


def sql(text: str, name: str = "q1", **more: Any) -> Question:
    """A question to MySQL."""
    return question({"datasource": {"type": "mysql", "uid": "m"}, "rawSql": text, "format": "table"}, id=name, **more)


def value(number: float) -> Json:
    """An answer with one value."""
    return reply(frame(field([number])))


class Told:
    """An asker that answers by the number of the asking."""

    def __init__(self, way: Way, give: Reply = lambda _: value(1), *_: object) -> None:
        self.way = way
        self.give = give
        self.asked: list[str] = []

    def ask(self, asked: Question) -> Json:
        self.asked.append(asked.id)
        return self.give(self.asked.count(asked.id))


class Snapshot:
    """The witness's session: takes statements; `direct` is the asker that is made of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, give: Reply = lambda _: value(1)) -> None:
        self.direct = Told("direct", give)
        self.statements: list[tuple[str, object]] = []
        monkeypatch.setattr(capture, "MySQLAsker", lambda *_: self.direct)
        monkeypatch.setattr(capture.standing, "as_grafana", lambda *_: None)
        monkeypatch.setattr(capture, "rows", self._rows)

    def _rows(self, _: object, statement: str, arguments: object = None) -> list[tuple[Any, ...]]:
        self.statements.append((statement, arguments))
        return [(1000.5,)]


def taken(job: PanelsJob | None, directory: Path, session: object = None) -> tuple[list[str], dict[str, Answer], list[str]]:
    """A whole capture: what was said, the answers, and the limits."""
    said: list[str] = []
    panels = PanelsCapture(job, {}, said.append)
    panels.inside(session)  # type: ignore[arg-type]
    limits = panels.keep(directory)
    if not (directory / FILE).exists():
        return said, {}, limits
    kept = asking.read((directory / FILE).read_bytes(), "a test")
    assert [answer.question for answer in kept.answers] == [each.id for each in kept.questions]
    return said, {answer.question: answer for answer in kept.answers}, limits


def job(*questions: Question, through: Told | None = None, seconds: float = 60) -> PanelsJob:
    """What a site hands over."""
    return PanelsJob("grafana-20261128T000000Z", questions, (), through=through, seconds=seconds)


def test_in_the_snapshot_it_is_asked_twice_under_two_clocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """More than a year apart."""
    snapshot = Snapshot(monkeypatch)
    said, answers, limits = taken(job(sql("SELECT 1", "a"), sql("SELECT 2", "b")), tmp_path, snapshot)
    assert {answer.outcome for answer in answers.values()} == {"answered"}
    assert snapshot.direct.asked == ["a", "b", "a", "b"]
    ((statement, (moment,)),) = [each for each in snapshot.statements if "timestamp =" in each[0]]  # type: ignore[misc]
    assert statement == "SET SESSION timestamp = %s"
    assert moment > 1000.5 + 366 * 86400
    assert said == ["asking what dashboards ask in the snapshot: 2 questions"]
    assert limits == [capture._AS_LIFEBOAT]


def test_what_differs_between_the_askings_is_not_fixed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No copy can be held to it, and the backup says so."""
    snapshot = Snapshot(monkeypatch, value)
    _, answers, limits = taken(job(sql("SELECT hour FROM now_as_a_view")), tmp_path, snapshot)
    assert answers["q1"].outcome == "not-fixed"
    assert "1 question of 1 answered in two ways" in limits[0]


def test_a_server_that_allows_no_other_clock_is_asked_nevertheless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What asks for the clock is told by its words then."""
    snapshot = Snapshot(monkeypatch)

    def refuse(session: object, statement: str, arguments: object = None) -> list[tuple[Any, ...]]:
        if "timestamp =" in statement:
            raise pymysql.err.OperationalError(1227, "Access denied; you need (at least one of) the SUPER privilege(s)")
        return snapshot._rows(session, statement, arguments)

    monkeypatch.setattr(capture, "rows", refuse)
    _, answers, _ = taken(job(sql("SELECT 1", "a"), sql("SELECT NOW()", "b")), tmp_path, snapshot)
    assert {name: answer.outcome for name, answer in answers.items()} == {"a": "answered", "b": "not-fixed"}


def test_through_a_grafana_it_is_asked_after_the_snapshot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And Grafana's answer is what is kept."""
    snapshot, through = Snapshot(monkeypatch), Told("grafana")
    said, answers, limits = taken(job(sql("SELECT 1"), through=through), tmp_path, snapshot)
    assert (through.asked, snapshot.direct.asked) == (["q1"], ["q1", "q1"])
    assert (answers["q1"].outcome, answers["q1"].executed, limits) == ("answered", "Expr: up\nStep: 15s", [])
    assert [line.rpartition(": ")[0] for line in said] == [
        "asking what dashboards ask in the snapshot",
        "asking what dashboards ask through Grafana",
    ]
    other = Told("grafana", lambda _: value(2))
    _, answers, _ = taken(job(sql("SELECT 1"), through=other), tmp_path, Snapshot(monkeypatch))
    assert answers["q1"].outcome == "not-fixed"


EXPRESSION = {"datasource": {"type": "__expr__", "uid": "__expr__"}, "type": "reduce", "expression": "A"}


def test_what_went_up_and_down_again_is_not_fixed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The copy has what the snapshot had, whatever Grafana is told before and after; nor is what is computed from it."""
    waiting, steady = sql("SELECT waiting FROM queue", "waiting"), sql("SELECT 1", "steady")
    computed = [question(EXPRESSION, id=f"of {each.id}", beside=(dict(each.query),)) for each in (waiting, steady)]
    snapshot = Snapshot(monkeypatch)
    snapshot.direct.ask = lambda each: value(7 if each.id == "waiting" else 1)  # type: ignore[method-assign]
    asked = job(waiting, steady, *computed, through=Told("grafana"))
    _, answers, limits = taken(asked, tmp_path, snapshot)
    found = {name: answer.outcome for name, answer in answers.items()}
    assert found == {"waiting": "not-fixed", "steady": "answered", "of waiting": "not-fixed", "of steady": "answered"}
    assert "2 questions of 4 answered in two ways" in limits[0]


@pytest.mark.parametrize("fault", [LifeboatError("it takes longer than 10 s"), Transient("gone")])
def test_grafana_is_never_asked_what_the_server_does_not_answer_in_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: LifeboatError
) -> None:
    """When Grafana is given up, its query goes on at the server; nor is it asked for what is computed from such a query."""

    def give(_: int) -> Json:
        raise fault

    endless, grafana = sql("SELECT endless()", "endless"), Told("grafana")
    computed = question(EXPRESSION, id="of endless", beside=(dict(endless.query),))
    alone = question(EXPRESSION, id="of nothing", beside=({"rawSql": "SELECT endless()"},))
    _, answers, limits = taken(job(endless, computed, alone, through=grafana), tmp_path, Snapshot(monkeypatch, give))
    assert {answer.outcome for answer in answers.values()} == {"not-asked"}
    assert grafana.asked == []
    assert "3 questions of 3 not asked" in limits[0]
    assert fault.message in (answers["of endless"].why or "")


def test_what_grafanas_account_may_not_read_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As its dashboards show one, although Lifeboat's own account is answered."""
    refused = Told("grafana", lambda _: {"status": 500, "error": "db query error: Error 1142 (42000): SELECT command denied"})
    _, answers, limits = taken(job(sql("SELECT 1"), through=refused), tmp_path, Snapshot(monkeypatch))
    assert (answers["q1"].outcome, answers["q1"].error, limits) == ("error", "MySQL's error 1142", [])


def test_an_expression_of_a_prometheus_too_needs_no_answer_of_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its past is the same at any instant; it is asked in another backup."""
    rows, grafana = sql("SELECT 1", "rows"), Told("grafana")
    both = question(EXPRESSION, id="both", beside=(dict(rows.query), {"expr": "up"}))
    _, answers, _ = taken(job(both, rows, through=grafana), tmp_path, Snapshot(monkeypatch))
    assert (answers["both"].outcome, grafana.asked) == ("answered", ["both", "rows"])


@pytest.mark.parametrize(
    ("text", "through", "outcome", "why"),
    [
        ("SHOW STATUS", False, "not-asked", "begins with SHOW"),
        ("SELECT * FROM mysql.user", True, "not-asked", "(mysql)"),
        ("SELECT SYSDATE()", False, "not-fixed", "SYSDATE"),
        ("SELECT NOW()", True, "not-fixed", "NOW"),
        ("SELECT NOW()", False, "not-fixed", "NOW"),
        ("SELECT day FROM a_view", False, "answered", None),
    ],
)
def test_what_its_words_tell_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, through: bool, outcome: str, why: str | None
) -> None:
    """Neither of the server nor of its Grafana; nor beside an expression."""
    snapshot, grafana = Snapshot(monkeypatch), Told("grafana")
    asked = job(sql(text), through=grafana if through else None)
    _, answers, _ = taken(asked, tmp_path, snapshot)
    assert answers["q1"].outcome == outcome
    assert (why or "") in (answers["q1"].why or "")
    if why:
        assert grafana.asked + snapshot.direct.asked == []
        beside = question({"datasource": {"uid": "__expr__"}}, beside=(dict(asked.questions[0].query),))
        _, answers, _ = taken(job(beside, through=grafana), tmp_path, snapshot)
        assert answers["q1"].outcome == ("not-fixed" if "NOW" in text or "SYSDATE" in text else outcome)


@pytest.mark.parametrize(
    "fault",
    [
        LifeboatError("it takes longer than 10 s"),
        Transient("nobody"),
        ValueError("odd"),
        RecursionError(),
        KeyError("x"),
        OSError(),
        NameError("a fault of Lifeboat's own"),
    ],
)
@pytest.mark.parametrize("through", [True, False])
def test_no_fault_fails_the_backup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Exception, through: bool) -> None:
    """What was not asked is told."""

    def give(_: int) -> Json:
        raise fault

    snapshot, grafana = Snapshot(monkeypatch, give), Told("grafana", give)
    _, answers, limits = taken(job(sql("SELECT 1"), through=grafana if through else None), tmp_path, snapshot)
    assert answers["q1"].outcome == "not-asked"
    assert "1 question of 1 not asked" in limits[0]


def test_a_session_that_is_lost_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also while it is made ready."""
    snapshot = Snapshot(monkeypatch)

    def lost(*_: object) -> None:
        raise pymysql.err.OperationalError(2013, "Lost connection")

    monkeypatch.setattr(capture.standing, "as_grafana", lost)
    said, answers, _ = taken(job(sql("SELECT 1")), tmp_path, snapshot)
    assert "Lost connection" in (answers["q1"].why or "")
    assert "warning: dashboards' questions could not all be asked" in said[1]


def test_a_directory_that_takes_nothing_fails_no_backup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is a limit."""
    _, _, limits = taken(job(sql("SELECT 1")), tmp_path / "gone", Snapshot(monkeypatch))
    assert limits[0].startswith("what dashboards are answered could not be kept: ")


def test_without_time_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And each question says so."""
    snapshot = Snapshot(monkeypatch)
    _, answers, _ = taken(job(sql("SELECT 1"), seconds=0), tmp_path, snapshot)
    assert (answers["q1"].outcome, snapshot.direct.asked) == ("not-asked", [])


def test_half_of_the_time_is_for_each_asking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was asked in the first half only is not asked."""
    now = 0.0

    def clock() -> float:
        return now

    def give(_: int) -> Json:
        nonlocal now
        now += 4
        return value(1)

    monkeypatch.setattr(capture.time, "monotonic", clock)
    monkeypatch.setattr(capture.asking, "ask_all", lambda asker, asked, until, **_: asking_of(asker, asked, until, clock))
    snapshot = Snapshot(monkeypatch, give)
    _, answers, _ = taken(job(*(sql("SELECT 1", f"q{number}") for number in range(9)), seconds=20), tmp_path, snapshot)
    assert snapshot.direct.asked == ["q0", "q1", "q2", "q0", "q1"]
    assert [answer.outcome for answer in answers.values()] == ["answered"] * 2 + ["not-asked"] * 7


asking_of = asking.ask_all


def test_without_an_instant_nothing_is_asked_directly(tmp_path: Path) -> None:
    """The reason is each question's."""
    panels = PanelsCapture(job(sql("SELECT 1")), {}, lambda _: None)
    panels.impossible("tables without snapshots have no instant: a.b (MyISAM)")
    assert "a.b (MyISAM)" in panels.keep(tmp_path)[0]


def test_without_questions_nothing_is_done(tmp_path: Path) -> None:
    """And no file is written."""
    assert taken(None, tmp_path, None) == ([], {}, [])
    assert list(tmp_path.iterdir()) == []
