"""Bringing all back at once: each waits until it is known where it stands, and none waits for ever."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from backups.panels.boards import Boards
from backups.services.standing import Stand
from tests.unit.verification.together.company_of import SOURCES, FakeCopy, FakeShower, asked, back, frames, kept
from verification.together import company as companies
from verification.together.company import Company
from verification.together.plan import PlannedTogether, Side

pytestmark = pytest.mark.timeout(30)


class Grafana:
    """A service with dashboards: those of `SOURCES`, or a fault."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.name, self.fault, self.panels, self.claimed = "grafana", fault, None, {}

    def board_files(self, manifest: object) -> object: ...
    def grafana(self) -> object: ...

    def boards(self, backup: object) -> Boards:
        if self.fault:
            raise self.fault
        return Boards(SOURCES, ())


class Standing(FakeCopy):
    def __init__(self) -> None:
        super().__init__(lambda question: frames(1))
        self.stood: list[Stand] = []

    def stand(self, stand: Stand) -> None:
        self.stood.append(stand)


class Showing(FakeShower):
    def __init__(self) -> None:
        super().__init__(lambda question: frames(1))
        self.stood: list[Stand] = []

    def stand(self, stand: Stand) -> None:
        self.stood.append(stand)


def side(service: str, panels: Any = None) -> Side:
    return back(service, None, panels).side


SIDES = tuple(side(name, kept([asked(name, 1)], lambda question: frames(1))) for name in ("agama", "prometheus"))


@contextmanager
def together(
    monkeypatch: pytest.MonkeyPatch, planned: PlannedTogether, grafana: Grafana, *, pod: Any = None, fetch: Any = None
) -> Iterator[Company]:
    """A company whose copies are fakes. pod: what is made for them, or raised; fetch: raised by the shower before it has a place."""
    copies: dict[str, Any] = {"agama": Standing(), "prometheus": Standing(), "grafana": Showing()}

    def bring_back(service: Any, *arguments: Any, ready: Any, **more: Any) -> Any:
        if fetch and service.name == "grafana":
            raise fetch
        ready(copies[service.name], [None])
        return SimpleNamespace(copy=copies[service.name])

    def opened(*arguments: Any) -> Any:
        if isinstance(pod, Exception):
            raise pod
        return nullcontext(SimpleNamespace(container="the pod"))

    box = SimpleNamespace(chosen="an image", excused=lambda fault: fault, cut_short=lambda: None)
    monkeypatch.setattr(companies.sandbox, "opened", lambda *arguments: nullcontext(box))
    monkeypatch.setattr(companies.chains_in_use, "chain", lambda *arguments: nullcontext())
    monkeypatch.setattr(companies, "bring_back", bring_back)
    monkeypatch.setattr(companies.pod, "opened", opened)
    services = {
        "agama": SimpleNamespace(host="10.0.0.5"),
        "prometheus": SimpleNamespace(url="http://prom:9090"),
        "grafana": SimpleNamespace(url="http://10.0.0.3:3000"),
    }
    site: Any = SimpleNamespace(
        state=None,
        repository=None,
        settings=SimpleNamespace(sandbox=None, services=services),
        service=lambda name, docker: grafana if name == "grafana" else SimpleNamespace(name=name),
    )
    run: Any = SimpleNamespace(docker=None)
    with companies.brought_back(site, planned, run, {}, lambda: 0.0) as those:
        yield those


def test_each_has_its_place_before_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with together(monkeypatch, PlannedTogether(side("grafana"), SIDES), Grafana()) as those:
        stood = {name: each.copy.stood[0] for name, each in those.copies.items()}  # type: ignore[union-attr]
        assert stood["agama"] == Stand("the pod", ("10.0.0.5",), 3306)  # type: ignore[arg-type]
        assert stood["prometheus"] == Stand("the pod", ("10.0.0.7",), 9090)  # type: ignore[arg-type]
        assert stood["grafana"] == Stand("the pod")  # type: ignore[arg-type]
        assert those.shows is not None
        assert those.shower_host == "10.0.0.3"
        assert those.sources("agama") == SOURCES


@pytest.mark.parametrize(
    ("grafana", "more"),
    [
        (Grafana(Damaged("no dashboards in it")), {}),
        (Grafana(KeyError("a bug")), {}),
        (Grafana(), {"pod": LifeboatError("needs root")}),
        (Grafana(), {"fetch": Damaged("a pack is gone")}),
    ],
)
def test_the_others_stand_alone_when_no_dashboards_come_back(
    monkeypatch: pytest.MonkeyPatch, grafana: Grafana, more: dict[str, Any]
) -> None:
    with together(monkeypatch, PlannedTogether(side("grafana"), SIDES), grafana, **more) as those:
        assert those.copies["grafana"].fault is not None
        assert those.shows is None
        for name in ("agama", "prometheus"):
            assert those.copies[name].fault is None
            assert those.copies[name].copy.stood == []  # type: ignore[union-attr]


def test_nobody_waits_where_there_are_no_dashboards(monkeypatch: pytest.MonkeyPatch) -> None:
    with together(monkeypatch, PlannedTogether(None, SIDES), Grafana()) as those:
        assert [each.fault for each in those.copies.values()] == [None, None]
