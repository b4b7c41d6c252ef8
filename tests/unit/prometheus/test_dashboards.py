"""What of a source's past is in its blocks is asked, and what is not is told."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.panels import asking
from backups.panels.question import FILE
from backups.services.base import PanelsJob
from backups.services.prometheus import dashboards, horizon
from tests.unit.panels.answers import field, frame, question, reply

NOW = 1_795_908_700.0
READS_ELSEWHERE = ["remote_read: [{url: http://10.0.0.9}]", "remote_read:\n- url: http://10.0.0.9\n  read_recent: false\n"]


class Through:
    """A Grafana that answers one thing."""

    way = "grafana"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, each: Any) -> dict[str, Any]:
        self.asked.append(each.id)
        return reply(frame(field([1.0])))


def outcomes(configuration: str, directory: Path) -> tuple[dict[str, tuple[str, str | None]], list[str]]:
    """How the questions of a source with this configuration fare, and which a Grafana was asked; one is about the last minute."""
    through, said = Through(), list[str]()
    questions = [question(id="old"), question(id="new", end=int(NOW * 1000))]
    job: Any = SimpleNamespace(
        panels=PanelsJob("grafana-20261128T000000Z", questions, (), through=through),  # type: ignore[arg-type]
        say=said.append,
    )
    api: Any = SimpleNamespace(clock=lambda: NOW)
    limits = dashboards.after(dashboards.before(api, job, horizon.of(configuration)), directory)
    panels = asking.read((directory / FILE).read_bytes(), "a test")
    assert limits
    assert said == [f"asking what dashboards ask through Grafana: {len(set(through.asked))} question{'s' * (not through.asked)}"]
    return {answer.question: (answer.outcome, answer.why) for answer in panels.answers}, through.asked


def test_what_is_newer_than_what_is_written_is_not_asked(tmp_path: Path) -> None:
    found, asked = outcomes("{remote_write: [{url: http://10.0.0.9}], remote_read: []}", tmp_path)
    assert (found["old"], asked) == (("answered", None), ["old", "old"])
    assert found["new"] == ("not-asked", "its window ends 15 s after the instant up to which the source is complete")


@pytest.mark.parametrize("configuration", READS_ELSEWHERE)
def test_what_others_hold_is_not_held_against_a_copy(configuration: str, tmp_path: Path) -> None:
    """They answer for the source, before its own blocks begin or always, and for no copy."""
    found, asked = outcomes(configuration, tmp_path)
    assert asked == []
    assert {outcome for outcome, _ in found.values()} == {"not-asked"}
    assert all("remote_read" in (why or "") for _, why in found.values())


@pytest.mark.parametrize(
    "fault", [LifeboatError("it does not say its time"), NameError("two\nlines"), KeyError("x"), OSError("full")]
)
@pytest.mark.parametrize("at", ["clock", "keep"])
def test_no_fault_fails_the_backup(fault: Exception, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one of Lifeboat's own: it is a limit, in one line."""

    def fail(*_: object) -> Any:
        raise fault

    api: Any = SimpleNamespace(clock=fail if at == "clock" else lambda: NOW)
    if at == "keep":
        monkeypatch.setattr(dashboards, "keep", fail)
    job: Any = SimpleNamespace(panels=PanelsJob("grafana-20261128T000000Z", [], ()), say=lambda _: None)
    (limit,) = dashboards.after(dashboards.before(api, job, horizon.of("")), tmp_path)
    assert limit.startswith("what dashboards are answered is not in this backup: ")
    assert "\n" not in limit
