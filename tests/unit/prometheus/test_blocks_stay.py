"""A started Prometheus is asked for its blocks and for the witness's answers; a compaction loses nothing, a deletion is found."""

import json
from pathlib import Path
from typing import Any

import pytest

from backups.places.local.place import LocalPlace
from backups.services.prometheus import first_start
from backups.services.prometheus.details import Block, PrometheusDetails, Questions
from backups.services.prometheus.first_start import BlocksStay
from backups.services.prometheus.settings import PrometheusSettings
from backups.witness import Fact

ULIDS = tuple(f"01M8AKN5{number:018d}" for number in range(4))
SETTINGS = PrometheusSettings.model_validate(
    {"type": "prometheus", "image": "p", "url": "http://127.0.0.1:1", "place": "local:/p"}
)


def stays(*facts: Fact) -> BlocksStay:
    blocks = tuple(Block.model_construct(ulid=ulid, min_time=0, max_time=1, files=()) for ulid in ULIDS[:3])
    return BlocksStay(PrometheusDetails(snapshot="s", blocks=blocks, questions=Questions(seed=1), flags={}, start={}), facts)


def block(root: Path, ulid: str, compaction: Any) -> None:
    (root / ulid).mkdir()
    (root / ulid / "meta.json").write_text(json.dumps({"ulid": ulid, "compaction": compaction}))


@pytest.mark.parametrize(
    ("there", "compaction", "gone"),
    [
        (ULIDS[:3], None, []),
        (ULIDS[:2], None, [ULIDS[2]]),
        ((), None, list(ULIDS[:3])),
        # Two of them in a new one, by its parents or by its sources.
        (ULIDS[:1], {"parents": [{"ulid": ULIDS[1]}, {"ulid": ULIDS[2]}]}, []),
        (ULIDS[:1], {"sources": [ULIDS[1], ULIDS[2]], "parents": [{"ulid": "x"}]}, []),
        (ULIDS[:1], {"parents": [{"ulid": ULIDS[1]}]}, [ULIDS[2]]),
        (ULIDS[:1], ["no object"], list(ULIDS[1:3])),
        (ULIDS[:1], {"parents": None, "sources": None}, list(ULIDS[1:3])),
    ],
)
def test_a_block_is_there_as_itself_or_in_what_was_made_of_it(
    tmp_path: Path, there: tuple[str, ...], compaction: Any, gone: list[str]
) -> None:
    for ulid in there:
        block(tmp_path, ulid, {"sources": [ulid]})
    if compaction is not None:
        block(tmp_path, ULIDS[3], compaction)
    checks = list(stays().blocks(LocalPlace(tmp_path)))
    assert [check.subject for check in checks if not check.passed] == [f"block {ulid}" for ulid in gone]
    assert all(check.observed is None for check in checks if not check.passed)


ANSWER = Fact("all metrics", "series at 1970", 3)


@pytest.mark.parametrize(("answered", "passed"), [(3, True), (2, False)])
def test_its_answers_are_compared_with_the_witness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: int, passed: bool
) -> None:
    monkeypatch.setattr(first_start.questions, "ask", lambda *_: iter([Fact(ANSWER.subject, ANSWER.metric, answered)]))
    for ulid in ULIDS[:3]:
        block(tmp_path, ulid, {})
    asked = stays(ANSWER, Fact("data directory", "blocks", 3)).ask(LocalPlace(tmp_path), "127.0.0.1", SETTINGS)
    assert [check.passed for check in asked.checks] == [True, True, True, passed]
    assert asked.unasked == ()


def test_one_that_does_not_answer_is_said_not_to_have_been_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Any:
        raise first_start.LifeboatError("nobody answers")

    monkeypatch.setattr(first_start.questions, "ask", away)
    asked = stays(ANSWER).ask(LocalPlace(tmp_path), None, SETTINGS)
    assert len(asked.checks) == 3
    assert asked.unasked == ["its answers: nobody answers"]
