"""`lifeboat verify --damage` at the terminal: what it refuses, what it prints; and the flow that does the same."""

from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from flows.commands import damaged
from tests.unit.verification.evidence.test_verifier_drills import fault, report


@pytest.mark.parametrize(
    ("count", "ways", "words"),
    [
        (None, {}, "--seed is of --damage, which is not given"),
        (3, {"--at": None, "--before": "x:1", "--image": None}, "--before cannot be used with --damage"),
        (3, {"--at": "2026-11-30", "--before": None, "--image": None}, "--at cannot be used with --damage"),
        (3, {"--at": None, "--before": None, "--image": "mysql:9"}, "--image cannot be used with --damage"),
    ],
)
def test_options_that_do_not_go_together_are_told_before_anything_is_done(
    count: int | None, ways: dict[str, str | None], words: str
) -> None:
    site = cast("Any", None)
    with pytest.raises(LifeboatError, match=words) as refused:
        damaged.verify(site, ["agama"], [], count, 7, ways, Path("out"), None, as_json=False, init=False)
    assert refused.value.hint


def test_what_was_not_noticed_is_told_with_what_the_verifier_said(capsys: pytest.CaptureFixture[str]) -> None:
    odd = fault("unnoticed", number=2).model_copy(update={"words": "a row\x1b[2J deleted", "said": "verified"})
    damaged.show(report(fault("noticed"), odd, fault("not-injected", number=3), again="lifeboat verify --seed 7"), Path("out"))
    said = capsys.readouterr().out
    assert "agama, undamaged: verified, 3 kinds of faults can be put in" in said
    assert "fault 2, unnoticed: a row\\x1b[2J deleted: verified" in said
    assert "fault 3, not-injected: " in said
    assert "1 of 2 faults noticed: at least 2.5% of such faults are" in said
    assert said.splitlines()[-1] == "missed report: out/verifier-drill.json the same faults again: lifeboat verify --seed 7"


def test_why_a_service_was_not_damaged_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    drill = report(undamaged="failed")
    (part,) = drill.undamaged
    damaged.show(drill.model_copy(update={"undamaged": (part.model_copy(update={"why": "1 of 3 checks failed"}),)}), Path("out"))
    said = capsys.readouterr().out
    assert "agama, undamaged: failed: 1 of 3 checks failed" in said
    assert "no fault was put in: nothing is known of what would be noticed" in said
    assert "could-not-run report:" in said


def test_the_flow_fails_with_what_was_missed_and_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import drill_the_verifier as flow

    outcomes = {"noticed": None, "unnoticed": "missed: 0 of 1 faults noticed", "undecided": "could-not-run: no fault was put in"}
    monkeypatch.setattr(flow.lifecycle, "begin", lambda: None)
    monkeypatch.setattr(flow.Site, "open", lambda _: cast("Any", Chosen()))
    sent: list[tuple[str, str]] = []
    copied: list[object] = []
    monkeypatch.setattr(flow, "copy_evidence", lambda *given: copied.append(given))
    monkeypatch.setattr("tasks.events.emit_event", lambda *, event, resource, payload: sent.append((event, payload["text"])))
    for outcome, words in outcomes.items():
        found = report(fault(outcome), again="lifeboat verify --seed 7")
        monkeypatch.setattr(flow, "damage_copies", lambda *_, found=found: found)
        if words is None:
            assert flow.drill_the_verifier.fn() == found
            continue
        with pytest.raises(flow.Missed, match=words) as missed:
            flow.drill_the_verifier.fn()
        assert "a row deleted from agama.client" in missed.value.message
        assert missed.value.hint == "the same faults again: lifeboat verify --seed 7"
        assert missed.value.drill == found
    again = "a row deleted from agama.client; the same faults again: lifeboat verify --seed 7"
    assert sent == [
        ("lifeboat.verifier.missed", f"unnoticed: {again}"),
        ("lifeboat.verifier.could-not-run", f"undecided: {again}"),
    ]
    assert len(copied) == len(outcomes), "whatever came of it"


class Chosen:
    def for_a_night(self) -> "Chosen":
        return self

    def chosen(self, names: list[str]) -> list[str]:
        return names or ["agama"]
