"""A ticket on its machine: what it may hold, what the machine makes of it, and what the machine refuses before it fetches anything."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from backups.errors import LifeboatError, Transient
from backups.machine import locks
from backups.repository.listing import Listing
from backups.services.base import Point
from tests.unit.verification.fleet.paper_fleet import GIB, MONDAY, Shelf, due, planned, result
from verification.evidence import delivered
from verification.fleet import carry
from verification.fleet import ticket as tickets
from verification.fleet.ticket import Ticket, written

HUGE = 1 << 60


def ticket(**changes: Any) -> Ticket:
    made = written(planned("s0"), due("s0"), None, verification="a" * 32, mark="b" * 32, machine="m1")
    return made.model_copy(update=changes)


class Site:
    """As much of a site as a ticket needs."""

    def __init__(self, state: Path, *, repositories: dict[str, Any] | None = None, chosen: str = "first") -> None:
        self.state, self.repositories, self.repository_name = state, repositories or {}, chosen
        self.further_name = None if chosen == "first" else chosen
        self.settings = SimpleNamespace(services={"s0": SimpleNamespace(type="toy", data_in=None)})

    @property
    def repository(self) -> Any:
        return self.repositories[self.repository_name]

    def at(self, name: str | None) -> "Site":
        return Site(self.state, repositories=self.repositories, chosen=name or "first")


def site(tmp_path: Path, **changes: Any) -> Any:
    return cast("Any", Site(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"machine": "m2"}, "this is m1, and the drill was sent to m2"),
        ({"service": "s9"}, "lifeboat.yaml of m1 has no service s9"),
        ({"memory": HUGE}, r"needs 1048576.0 TiB of memory, m1 has \d+\.\d GiB"),
        ({"disk": HUGE}, r"needs 1048576.0 TiB of disk below .*, m1 has \d+\.\d (G|T)iB"),
    ],
)
def test_a_machine_refuses_what_it_cannot_run_with_both_numbers(tmp_path: Path, changes: Any, words: str | None) -> None:
    """Also where its state directory is not made yet."""
    said = carry.unwilling(site(tmp_path / "state" / "new"), ticket(**changes), "m1")
    assert (said is None) == (words is None)
    if words and said:
        assert re.search(words, said)


def test_what_is_refused_is_neither_planned_nor_fetched(tmp_path: Path) -> None:
    """The site has no repository at all: nothing asks for it."""
    assert carry.carry_out(site(tmp_path), [ticket(memory=HUGE)], here="m1")
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_docker_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise LifeboatError("Docker does not answer")

    monkeypatch.setattr(carry.runs, "start", _run(SimpleNamespace(docker=SimpleNamespace(client=fail))))
    assert carry.carry_out(site(tmp_path), [ticket()], here="m1", prepare=list) == "Docker does not answer"


@pytest.mark.parametrize(("first_away", "kept_in"), [(False, "first"), (True, "offsite")])
def test_a_result_is_kept_in_the_first_repository_or_in_the_one_that_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_away: bool, kept_in: str
) -> None:
    shelves = {"first": Away() if first_away else Shelf(), "offsite": Shelf()}
    drilled = ticket(repository="offsite")
    monkeypatch.setattr(carry.runs, "start", _run(SimpleNamespace(docker=SimpleNamespace(client=lambda: None))))
    monkeypatch.setattr(carry, "planned", lambda there, asked, now: there.repository_name)
    monkeypatch.setattr(carry.verify, "drill_one", lambda there, found, run, now: result(drilled, proof=found))
    assert carry.carry_out(site(tmp_path, repositories=shelves), [drilled], here="m1", prepare=list) is None
    assert [name for name, shelf in shelves.items() if shelf.kept] == [kept_in]
    ((snapshot, content),) = shelves[kept_in].kept.values()
    assert set(snapshot.tags) == {delivered.TAG, f"verification={'a' * 32}", f"ticket={'b' * 32}"}
    assert delivered.Delivered.model_validate_json(content).result.proof == "offsite", (
        "it was fetched from the one that was asked"
    )


class Back(Shelf):
    """A repository that does not answer for a while."""

    asked = 0

    def save(self, directory: Path, **how: Any) -> str:
        self.asked += 1
        if self.asked < 4:
            raise Transient("the repository does not answer")
        return super().save(directory, **how)


def test_a_result_waits_for_a_repository_that_is_away_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drill may have taken hours: it is not run again for that."""
    monkeypatch.setattr(carry.runs, "start", _run(SimpleNamespace(docker=SimpleNamespace(client=lambda: None))))
    monkeypatch.setattr(carry, "planned", lambda there, asked, now: None)
    monkeypatch.setattr(carry.verify, "drill_one", lambda there, found, run, now: result(ticket()))
    back, waited = Back(), []
    there = site(tmp_path, repositories={"first": back})
    assert carry.carry_out(there, [ticket()], here="m1", now=lambda: MONDAY, pause=lambda: waited.append(1), prepare=list) is None
    assert (len(back.kept), len(waited)) == (1, 3)


def test_a_result_that_cannot_be_kept_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten minutes the run fails, and the drill is tried elsewhere."""
    clock = iter(MONDAY + timedelta(minutes=each) for each in range(99))
    monkeypatch.setattr(carry.runs, "start", _run(SimpleNamespace(docker=SimpleNamespace(client=lambda: None))))
    monkeypatch.setattr(carry, "planned", lambda there, asked, now: None)
    monkeypatch.setattr(carry.verify, "drill_one", lambda there, found, run, now: result(ticket()))
    with pytest.raises(Transient):
        carry.carry_out(
            site(tmp_path, repositories={"first": Away()}),
            [ticket()],
            here="m1",
            now=lambda: next(clock),
            pause=lambda: None,
            prepare=list,
        )
    assert next(clock) < MONDAY + timedelta(minutes=20)


def test_one_drill_at_a_time_has_a_slot_and_its_result_is_kept_when_the_next_one_may_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes seconds is done before that; the clock of a drill begins with the drill."""
    shelf, told = Shelf(), list[str]()

    def taken() -> bool:
        with locks.alone(tmp_path / "slots" / "3") as free:
            return not free

    def drill(*_: Any, now: Any) -> Any:
        told.append(f"drilled at {now():%H:%M}, alone: {taken()}")
        return result(ticket())

    def save(directory: Path, **how: Any) -> str:
        told.append(f"kept, still alone: {taken()}")
        return Shelf.save(shelf, directory, **how)

    shelf.save = save  # type: ignore[method-assign]
    clock = iter(MONDAY + timedelta(minutes=each) for each in range(9))
    ready = threading.Event()
    monkeypatch.setattr(carry.runs, "start", _run(SimpleNamespace(docker=SimpleNamespace(client=lambda: None))))
    monkeypatch.setattr(carry, "planned", lambda there, asked, now: None)
    monkeypatch.setattr(carry.verify, "drill_one", drill)
    with ThreadPoolExecutor(1) as pool:
        with locks.waited_for(tmp_path / "slots" / "3"):
            there = site(tmp_path, repositories={"first": shelf})
            done = pool.submit(carry.carry_out, there, [ticket(slot=3)], here="m1", now=lambda: next(clock), prepare=ready.set)
            assert ready.wait(60)
            assert next(clock) == MONDAY
            assert told == []
        assert done.result() is None
    assert told == ["drilled at 06:02, alone: True", "kept, still alone: False"]


def test_the_drills_of_a_run_are_done_one_after_another_and_each_result_is_kept_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes seconds is done once; what was taken back meanwhile is not begun, and the last one frees the slot."""
    shelf, told = Shelf(), list[str]()

    def taken() -> bool:
        with locks.alone(tmp_path / "slots" / "0") as free:
            return not free

    def save(directory: Path, **how: Any) -> str:
        told.append(f"kept {how['tags'][2][-2:]}, alone: {taken()}")
        return Shelf.save(shelf, directory, **how)

    def each(one: Ticket, drill: Any) -> Any:
        told.append(f"begun {one.mark[-2:]}")
        return drill()

    def wanted(one: Ticket) -> bool:
        if one.mark.endswith("02"):
            raise Transient("the server does not answer")
        return not one.mark.endswith("01")

    shelf.save = save  # type: ignore[method-assign]
    _drills(monkeypatch)
    run = [ticket(mark=f"{number:032x}") for number in range(4)]
    there = site(tmp_path, repositories={"first": shelf})
    prepare = lambda: told.append("prepared")  # noqa: E731 - it is passed
    assert carry.carry_out(there, run, here="m1", prepare=prepare, wanted=wanted, each=each) is None
    assert told == [
        "prepared",
        *("begun 00", "kept 00, alone: True"),
        *("begun 02", "kept 02, alone: True"),
        *("begun 03", "kept 03, alone: False"),
    ]


@pytest.mark.parametrize("wrong", [{"memory": HUGE}, {"service": "s9"}, {"machine": "m2"}], ids=str)
def test_what_a_machine_refuses_ends_the_run_and_what_was_done_before_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    """So that the reason is told of that one: the others behind it are sent again."""
    shelf = Shelf()
    _drills(monkeypatch)
    run = [ticket(mark="0" * 32), ticket(mark="1" * 32, **wrong), ticket(mark="2" * 32)]
    there = site(tmp_path, repositories={"first": shelf})
    assert carry.carry_out(there, run, here="m1", prepare=list) == carry.unwilling(there, run[1], "m1")
    assert [snapshot.tags[2] for snapshot, _ in shelf.kept.values()] == [f"ticket={'0' * 32}"]


def test_a_machine_plans_the_drill_again_from_its_own_repository(tmp_path: Path) -> None:
    listed = planned("s0").chain
    there = site(tmp_path, repositories={"first": SimpleNamespace(listing=lambda: Listing(list(listed)), shown_url="/r")})
    found = tickets.planned(there, ticket(image="toy:2", asked="now", selection="worst", also=("latest",)), MONDAY)
    assert (found.chain, found.image, found.asked, found.error) == (listed, "toy:2", "now", None)
    assert found.title == "s0, latest and worst"
    assert written(found, due("s0"), None, verification="a" * 32, mark="b" * 32, machine="m1").title == found.title
    assert found.considered == (listed[0].id,)

    gone = site(tmp_path, repositories={"first": SimpleNamespace(listing=lambda: Listing([]), shown_url="/r")})
    with pytest.raises(LifeboatError, match="the repository /r does not hold s0-20261123T000000Z any more"):
        tickets.planned(gone, ticket(), MONDAY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": "../x"}, {"backups": ["latest"]}, {"machine": "a b"}, {"mark": "x"}, {"selection": "all"}, {"command": "id"},
        {"partner": ["-rf"]}, {"memory": -1}, {"time": "2026-11-23T06:00:00"},
    ],
    ids=str,
)  # fmt: skip
def test_a_ticket_holds_names_and_numbers_alone(wrong: dict[str, Any]) -> None:
    """Whoever may start runs can send one: what has another form is refused."""
    whole = ticket().model_dump(mode="json")
    assert Ticket.model_validate(whole) == ticket()
    short = ticket().model_dump(mode="json", exclude_defaults=True)
    assert Ticket.model_validate(short) == ticket()
    assert "also" not in short, "a machine of an older version takes what is no more than it knows"
    with pytest.raises(ValidationError):
        Ticket.model_validate(whole | wrong)


def test_a_drill_is_known_whichever_machine_it_is_sent_to_and_however_often() -> None:
    one = ticket()
    assert one.drill == ticket(machine="m2", mark="c" * 32, memory=GIB, disk=GIB).drill
    others = [
        ticket(image="toy:2"),
        ticket(selection="worst"),
        ticket(also=("random",)),
        ticket(repository="offsite"),
        ticket(verification="d" * 32),
    ]
    assert len({each.drill for each in (one, *others)}) == 6


@pytest.mark.parametrize(
    "at", [datetime(2026, 11, 23, 5, tzinfo=UTC), Point(position="3e11fa47:5"), Point(position="b.1:4", before=True)]
)
def test_only_a_drill_of_a_moment_holds_the_moment(at: Any) -> None:
    """With a time, latest and worst were chosen by then already."""
    of_moment = written(_of(selection="moment"), due("s0"), at, verification="a" * 32, mark="b" * 32, machine="m1")
    assert (of_moment.time or Point(position=of_moment.position, before=of_moment.before)) == at
    other = written(planned("s0"), due("s0"), at, verification="a" * 32, mark="b" * 32, machine="m1")
    assert (other.time, other.position, other.before) == (None, None, False)


class Away(Shelf):
    """A repository that does not answer."""

    def save(self, directory: Path, **how: Any) -> str:
        raise Transient("the repository does not answer")


def _drills(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every drill be verified at once."""
    monkeypatch.setattr(carry.runs, "start", _run(SimpleNamespace(docker=SimpleNamespace(client=lambda: None))))
    monkeypatch.setattr(carry, "planned", lambda there, asked, now: asked)
    monkeypatch.setattr(carry.verify, "drill_one", lambda there, asked, run, now: result(asked))


def _of(**changes: Any) -> Any:
    return replace(planned("s0"), **changes)


def _run(run: Any) -> Any:
    @contextmanager
    def start(state: Path) -> Iterator[Any]:
        yield run

    return start
