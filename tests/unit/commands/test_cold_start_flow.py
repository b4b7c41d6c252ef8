"""The flow of a cold start fails with what did not come back, and tells of each service that did not."""

from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from tests.unit.verification.evidence.test_rescues import report


class Chosen:
    """A site with two services."""

    def for_a_night(self) -> "Chosen":
        return self

    def chosen(self, names: list[str]) -> list[str]:
        return ["s0", "s1"]


@pytest.mark.parametrize(
    ("verdicts", "more", "told"),
    [
        (("verified", "verified"), {}, []),
        (("verified", "failed"), {}, ["s1"]),
        (("verified", "verified"), {"seconds": 7300.0}, ["s0", "s1"]),
        ((), {"error": "`apt-get update` ended with 100"}, ["s0", "s1"]),
        (("could-not-run",), {}, ["s0", "s1"]),
    ],
)
def test_it_fails_with_what_did_not_come_back(
    verdicts: tuple[str, ...], more: dict[str, Any], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import cold_start as flow

    found = report(*verdicts, **more)
    services = tuple(
        each if each.verdict == "verified" else each.model_copy(update={"why": "it was not equal"}) for each in found.services
    )
    found = found.model_copy(update={"services": services})
    sent: list[str] = []
    monkeypatch.setattr(flow.lifecycle, "begin", lambda: None)
    monkeypatch.setattr(flow.Site, "open", lambda _: cast("Any", Chosen()))
    monkeypatch.setattr(flow, "start_from_nothing", lambda *_: found)
    copied: list[object] = []
    monkeypatch.setattr(flow, "copy_evidence", lambda *given: copied.append(given))
    monkeypatch.setattr("tasks.events.emit_event", lambda *, event, resource, payload: sent.append(payload["service"]))
    if found.exit_code == 0:
        assert flow.start_cold.fn() == found
    else:
        with pytest.raises(flow.NotStarted, match=found.verdict) as failed:
            flow.start_cold.fn()
        assert failed.value.report == found
        assert (found.error or found.words) in failed.value.message
    assert sent == told
    assert len(copied) == 1, "whatever came of it"


def test_what_the_flow_would_ignore_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import cold_start as flow

    monkeypatch.setattr(flow.lifecycle, "begin", lambda: None)
    with pytest.raises(LifeboatError, match="for_python says nothing beside kit"):
        flow.start_cold.fn(kit=Path("kit.age"), for_python="3.13")
