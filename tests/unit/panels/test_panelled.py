"""Which address is which server, and what a capture tells of questions that were not answered."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from backups.panels import asking
from backups.panels.compare import answer_of, not_asked, settled
from backups.panels.question import FILE, Answer
from backups.services.base import PanelsJob
from backups.services.panelled import Address, keep, same_server
from tests.unit.panels.answers import field, frame, question, reply

KNOWN = {
    "db.agama.internal": ["10.0.0.5", "10.0.0.6"],
    "db": ["10.0.0.6"],
    "other": ["10.0.0.9"],
    "localhost": ["::1", "127.0.0.1"],
}


def resolve(host: str) -> Sequence[str]:
    return KNOWN.get(host, [host])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("10.0.0.5", 3306), ("10.0.0.5", 3306), True),
        (("10.0.0.5", 3306), ("10.0.0.5", 3307), False),
        (("DB.agama.internal.", 3306), ("db.agama.internal", 3306), True),
        (("db.agama.internal", 3306), ("10.0.0.5", 3306), True),
        (("db.agama.internal", 3306), ("db", 3306), True),
        (("db", 3306), ("other", 3306), False),
        (("localhost", 9090), ("127.0.0.1", 9090), True),
        (("[::1]", 9090), ("localhost", 9090), True),
        (("unknown", 9090), ("unknown", 9090), True),
        (("unknown", 9090), ("another", 9090), False),
    ],
)
def test_an_address_is_a_servers_by_name_or_by_what_the_name_leads_to(one: Address, other: Address, *, same: bool) -> None:
    assert same_server(one, other, resolve) is same
    assert same_server(other, one, resolve) is same


def test_a_host_that_no_name_can_be_is_nobodys() -> None:
    assert not same_server(("x" * 300, 9090), ("10.0.0.5", 9090))


def test_questions_without_a_fixed_answer_are_limits_by_name(tmp_path: Path) -> None:
    questions = [question(id=f"q{number}", title=f"Board {number}\n", panel="panel 1") for number in range(5)]
    answers = [answer_of(each, reply(frame(field([1.0])))) for each in questions]
    told: list[Answer] = [
        *answers[:2],
        not_asked(questions[2], "there was no time left for it"),
        not_asked(questions[3], "late"),
        settled(answers[4], answer_of(questions[4], reply(frame(field([2.0]))))),
    ]
    job = PanelsJob("grafana-20261130T000000Z", questions, ())
    limits = keep(job, "direct", told, tmp_path)
    late, twice = limits
    assert late.endswith("2 questions of 5 not asked, first: Board 2\\n, panel 1: there was no time left for it")
    assert "1 question of 5 answered in two ways, so not compared, first: Board 4\\n, panel 1: asked twice" in twice
    assert asking.read((tmp_path / FILE).read_bytes(), FILE).answers == tuple(told)
    assert keep(job, "direct", answers, tmp_path) == []
