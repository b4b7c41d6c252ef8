"""The passphrase of a kit is asked for twice on a terminal, and nowhere else; what came of a rescue is printed whole."""

from pathlib import Path

import pytest

from backups.errors import LifeboatError
from flows.commands import kit, rescued
from tests.unit.verification.evidence.test_rescues import report
from verification.evidence.rescues import StepPart
from verification.rescue import sealed


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed at a terminal, line by line."""
    lines: list[str] = []
    monkeypatch.delenv(sealed.VARIABLE, raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _: lines.pop(0))
    return lines


def test_it_is_asked_for_twice(typed: list[str]) -> None:
    typed += ["five odd words in a row"] * 2
    assert kit._new(None) == "five odd words in a row"
    typed += ["five odd words in a row", "five odd words in a rov"]
    with pytest.raises(LifeboatError, match="the two passphrases differ; nothing was written"):
        kit._new(None)
    typed += ["short"] * 2
    with pytest.raises(LifeboatError, match="has 5 characters"):
        kit._new(None)


def test_where_there_is_no_terminal_it_is_told(typed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(LifeboatError, match="there is no terminal to ask for the passphrase on"):
        kit.ask("Passphrase")


def test_all_that_is_not_proven_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(
        "verified", "failed", shared=("Docker is this machine's",), steps=(StepPart(name="apt-get update", seconds=3),)
    )
    late, broken = found.services[0], found.services[1].model_copy(update={"why": "t: 1 and not 2", "hint": "look at it"})
    kit_of = found.kit.model_copy(update={"missing": ("a variable",)})
    whole = found.model_copy(update={"services": (late.model_copy(update={"partial": "no secrets"}), broken), "kit": kit_of})
    rescued.show(whole, Path("folder"))
    said = capsys.readouterr().out
    for part in ("verified, partial", "partial: no secrets", "s1: t: 1 and not 2", "hint: look at it", "3.0 s: apt-get update"):
        assert part in said
    assert "not proven: Docker is this machine's" in said
    assert "not in the kit: a variable" in said
    assert "failed 1 of 2 services brought back and verified" in said
