"""Asking copies what their sources were asked: through a restored Grafana or directly, and never silently less."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError, Transient
from backups.panels.boards import Board, Boards
from backups.panels.question import NotAsked, Question
from tests.unit.verification.together.company_of import SOURCES, FakeCopy, FakePod, FakeShower, asked, back, company, frames, kept
from verification.together import ask as asking
from verification.together.ask import Found
from verification.together.company import Company

FOREVER = 1e12


def same(question: Question) -> dict[str, Any]:
    return frames(1, 2, 3)


def other(question: Question) -> dict[str, Any]:
    return frames(1, 2)


def found(those: Company, until: float = FOREVER) -> Found:
    return asking.ask(those, until=until)


def pair(reply: Any = same, way: Any = "direct", standin: bool = True, shower: Any = None, **more: Any) -> Company:
    questions = [asked("agama", 1), asked("agama", 2)]
    show = shower or FakeShower(reply)
    return company(
        back("agama", FakeCopy(reply), kept(questions, same, way)), back("grafana", show, None, standin=standin), **more
    )


def test_copies_that_answer_as_their_sources_did_are_equal() -> None:
    result = found(pair())
    assert result.counted.counts == {"equal": 2}
    assert (result.way, result.faults, result.wrong) == ("direct", (), False)
    assert "a stand-in, which is not the real server" in result.words


def test_a_real_grafana_is_asked_whoever_was_asked_at_the_source() -> None:
    pod = FakePod()
    silent = FakeCopy(lambda question: pytest.fail("the copy itself was asked"), ["10.0.0.3"])
    those = company(
        back("agama", silent, kept([asked("agama", 1)], same)), back("grafana", FakeShower(same), None), pod=pod, host="10.0.0.9"
    )
    result = found(those)
    assert (result.way, result.counted.counts) == ("grafana", {"equal": 1})
    assert pod.routes == [("10.0.0.3", "10.0.0.5")]
    assert result.notes == ("agama: Grafana logs in as 'grafana'@'10.0.0.3', coming from 10.0.0.3",)


def test_a_stand_in_is_asked_where_the_answers_came_through_a_grafana() -> None:
    result = found(pair(way="grafana"))
    assert (result.way, result.counted.counts) == ("grafana", {"equal": 2})
    assert "a stand-in that is not the real server" in result.words


def test_answers_through_a_grafana_are_not_held_against_a_copy_that_none_stands_before() -> None:
    result = found(company(back("agama", FakeCopy(other), kept([asked("agama", 1)], same, "grafana"))))
    assert result.counted.counts == {"cannot-be-asked": 1}
    assert not result.wrong


def test_another_answer_is_told_with_both_sides() -> None:
    result = found(pair(other))
    assert result.counted.counts == {"otherwise": 2}
    assert {one.service for one in result.counted.different} == {"agama"}
    assert "3 rows" in result.counted.different[0].expected
    assert "2 rows" in result.counted.different[0].observed


@pytest.mark.parametrize("reply", [{"status": 500, "error": "db query error"}, {"status": 200, "frames": []}])
def test_an_error_or_nothing_where_there_was_an_answer_is_no_equal_answer(reply: dict[str, Any]) -> None:
    counts = found(pair(lambda question: reply)).counted.counts
    assert set(counts) <= {"silent", "otherwise"}
    assert sum(counts.values()) == 2


def test_nobody_there_is_silent() -> None:
    def refuse(question: Question) -> dict[str, Any]:
        raise Transient("nobody answers")

    result = found(pair(refuse))
    assert result.counted.counts == {"silent": 2}
    assert result.wrong


def test_what_did_not_answer_at_the_source_is_not_asked_again() -> None:
    """Nothing, an error: each is told, and none is called equal."""
    replies = {"agama-1": {"status": 200, "frames": []}, "agama-2": {"status": 400, "error": "db query error"}}
    questions = [asked("agama", 1), asked("agama", 2)]
    panels = kept(questions, lambda question: replies[question.id])
    copy = FakeCopy(lambda question: {"status": 200, "frames": []} if question.id == "agama-1" else pytest.fail("asked"))
    result = found(company(back("agama", copy, panels), back("grafana", FakeShower(same), None, standin=True)))
    assert result.counted.counts == {"empty-at-source": 1, "error-at-source": 1}
    assert not result.wrong


def test_a_question_without_an_answer_in_the_backup_is_told() -> None:
    panels = kept([asked("agama", 1)], same).model_copy(update={"answers": ()})
    result = found(company(back("agama", FakeCopy(same), panels), back("grafana", FakeShower(same), None, standin=True)))
    assert result.counted.counts == {"not-asked": 1}


def test_the_rest_is_asked_when_a_copy_did_not_come_back() -> None:
    those = company(
        back("agama", None, kept([asked("agama", 1)], same), fault=LifeboatError("no image")),
        back("prometheus", FakeCopy(same), kept([asked("prometheus", 1)], same)),
        back("grafana", FakeShower(same), None, standin=True),
    )
    assert found(those).counted.counts == {"equal": 1, "cannot-be-asked": 1}


def test_the_rest_is_asked_when_no_dashboards_came_back() -> None:
    result = found(company(back("agama", FakeCopy(same), kept([asked("agama", 1)], same))))
    assert result.counted.counts == {"equal": 1}
    assert "no restored Grafana" in result.words


def test_a_copy_that_does_not_even_open_is_silent_and_a_grafana_by_its_api_is_not_asked() -> None:
    class Rotten(FakeCopy):
        def asker(self, sources: Any) -> Any:
            raise Damaged("the restored server answers with an error")

    those = company(back("agama", Rotten(same), kept([asked("agama", 1)], same)), back("grafana", object(), None))
    result = found(those)
    assert (result.counted.counts, result.errors, result.wrong) == ({"silent": 1}, (), True)
    assert "taken through the API" in result.words


def test_a_bug_in_one_service_s_asking_leaves_the_others() -> None:
    def bug(question: Question) -> dict[str, Any]:
        raise KeyError("a bug")

    those = company(
        back("agama", FakeCopy(bug), kept([asked("agama", 1)], same)),
        back("prometheus", FakeCopy(same), kept([asked("prometheus", 1)], same)),
        back("grafana", FakeShower(same), None, standin=True),
    )
    result = found(those)
    assert result.counted.counts == {"equal": 1, "cannot-be-asked": 1}
    assert not result.wrong
    assert ["unexpected error" in error.message for error in result.errors] == [True]


def test_there_is_an_end_to_asking_and_what_came_after_it_is_told() -> None:
    clock = itertools.count(0.0, 10.0)
    those = pair(way="direct")
    result = asking.ask(those, until=5.0, monotonic=lambda: next(clock))
    assert result.counted.counts == {"equal": 1, "cannot-be-asked": 1}
    assert result.counted.left_out[0].why == "there was no time left for it"


def test_a_dashboard_that_does_not_open_and_a_data_source_that_was_changed_are_faults() -> None:
    shower = FakeShower(same, {(1, "orders"): "the restored Grafana answers HTTP 404"}, ["data source Agama"])
    boards = Boards(SOURCES, (Board(1, "orders", "Orders", "classic", {}),))
    result = found(pair(shower=shower, boards=boards))
    assert result.counted.counts == {"silent": 2}
    assert result.faults == (
        "dashboard Orders (orders) does not open: the restored Grafana answers HTTP 404",
        "data source Agama is not as it was restored, after the start of grafana",
    )


def test_a_data_source_that_is_gone_or_out_of_reach_is_told_before_it_is_asked() -> None:
    gone = found(pair(standin=False, boards=Boards((), ()))).counted
    assert gone.counts == {"cannot-be-asked": 2}
    assert "no longer in the dashboards' backup" in gone.left_out[0].why
    changed = Boards((replace(SOURCES[0], database="other"), SOURCES[1]), ())
    assert "was changed after the question" in found(pair(standin=False, boards=changed)).counted.left_out[0].why
    those = pair(standin=False)
    those.places = type(those.places)({}, {}, {(1, "agama-mysql"): "it is reached by TLS"})
    assert {one.why for one in found(those).counted.left_out} == {"it is reached by TLS"}


def test_a_question_whose_data_source_was_not_kept_is_told() -> None:
    panels = kept([asked("agama", 1)], same).model_copy(update={"sources": ()})
    result = found(company(back("agama", FakeCopy(same), panels)))
    assert result.counted.counts == {"cannot-be-asked": 1}
    assert "was not kept" in result.counted.left_out[0].why


def test_a_copy_is_given_the_data_sources_as_they_were_when_it_was_asked() -> None:
    copy = FakeCopy(same)
    found(company(back("agama", copy, kept([asked("agama", 1)], same))))
    assert copy.given == [SOURCES]


def test_answers_in_the_form_of_another_lifeboat_are_not_compared() -> None:
    panels = kept([asked("agama", 1)], same).model_copy(update={"form": 0})
    result = found(company(back("agama", FakeCopy(other), panels), back("grafana", FakeShower(same), None, standin=True)))
    assert (result.counted.counts, result.wrong) == ({"cannot-be-asked": 1}, False)
    assert "kept in form 0, by another Lifeboat" in result.counted.left_out[0].why


def test_what_the_source_was_not_asked_and_what_is_newer_is_counted() -> None:
    told = NotAsked(organisation=1, dashboard="orders", title="Orders", panel="panel 3 Loki", kind="not-protected", why="Loki")
    panel = {"id": 9, "type": "stat", "title": "New", "targets": [{"refId": "A", "expr": "up"}]}
    boards = Boards(SOURCES, (Board(1, "orders", "Orders", "classic", {"panels": [panel]}),))
    those = company(
        back("agama", FakeCopy(same), kept([asked("agama", 1)], same, not_asked=[told])),
        back("grafana", FakeShower(same), None, standin=True),
        boards=boards,
    )
    counted = found(those).counted
    assert counted.counts == {"equal": 1, "not-protected": 1, "not-asked": 1}
    assert {one.why for one in counted.left_out} == {"Loki", "it is newer than the questions of the backups"}


def test_an_account_that_nobody_knows_an_address_of_is_told() -> None:
    those = company(
        back("agama", FakeCopy(same, ["elsewhere.example"]), kept([asked("agama", 1)], same)),
        back("grafana", FakeShower(same), None),
    )
    assert found(those).notes == ("agama: no address is known from which grafana is let in; it may come from elsewhere.example",)
