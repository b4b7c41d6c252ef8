"""`lifeboat plan` as it is typed: by the tags of a repository, the configured machines, and what it prints."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository

Lifeboat = Callable[..., Any]
NOW = datetime.now(UTC).replace(microsecond=0)
TAKEN, PROVEN = NOW - timedelta(hours=8), NOW - timedelta(days=1)
NAMES = ("agama", "blog", "shop")

FLEET = """\
fleet:
  window: 2h
  machines:
    verify-1: {memory: 16GiB, disk: 100GiB, side_by_side: 1}
    verify-2: {memory: 16GiB, disk: 100GiB, side_by_side: 1}
"""


@pytest.fixture
def plan(lifeboat: Lifeboat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Call the command on a site with three services of which each drill takes 30 minutes; shop was never drilled."""

    def call(*arguments: str, fleet: str = FLEET, pool: str = "", further: str = "") -> Any:
        services = "".join(f"  {name}: {{type: mysql, host: db, image: 'mysql:9.7'{pool}}}\n" for name in NAMES)
        (tmp_path / "lifeboat.yaml").write_text(
            f"repository: {{url: repository, password: x}}\n{further}state: state\n{fleet}services:\n{services}"
        )
        return lifeboat("plan", *arguments, "--start", "now", "--config", str(tmp_path / "lifeboat.yaml"))

    monkeypatch.setattr(
        Repository, "snapshots", lambda _, *tags: [each for each in snapshots() if not tags or {*tags} & {*each.tags}]
    )
    return call


def snapshots() -> list[Snapshot]:
    drills = [f"drill={name}|{which}|verified|1797.000||||" for name in NAMES[:2] for which in ("latest", "worst")]
    return [
        *(each for name in NAMES for each in backups(name)),
        Snapshot("e" * 64, PROVEN, ("lifeboat-evidence", "verdict=verified", *drills)),
    ]


def backups(name: str) -> list[Snapshot]:
    """A chain of two, and a full after it: the longest chain is not the latest backup's."""
    days = (TAKEN - timedelta(days=2), TAKEN - timedelta(days=1))
    return [backup(name, days[0], days[0]), backup(name, days[1], days[0]), backup(name, TAKEN, TAKEN, size=1 << 20)]


def backup(name: str, taken: datetime, begun: datetime, *, size: int = 1 << 19) -> Snapshot:
    made, chain = (f"{name}-{each:%Y%m%dT%H%M%SZ}" for each in (taken, begun))
    kind = ("kind=full", "sequence=0") if made == chain else ("kind=incremental", "sequence=1")
    tags = ("lifeboat", f"backup={made}", f"service={name}", "type=mysql", f"chain={chain}", *kind)
    number = made.encode().hex().ljust(64, "0")[:64]
    return Snapshot(number, taken, (*tags, f"taken={taken.isoformat()}", f"bytes={size}"))


@pytest.mark.parametrize("fleet", [FLEET, ""])
def test_a_backup_that_is_the_latest_and_the_worst_is_planned_once_and_said_to_be_both(
    plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, fleet: str
) -> None:
    """It takes as long as the worst took: evidence of two drills of one backup, as they were made before, says so."""
    only = [*map(backup, NAMES, [TAKEN] * 3, [TAKEN] * 3), snapshots()[-1]]
    monkeypatch.setattr(Repository, "snapshots", lambda _, *tags: only)
    found = json.loads(plan("--json", fleet=fleet).out)
    assert sorted((each["service"], each["selection"], each["also"], each["measured"]) for each in found["drills"]) == [
        ("agama", "worst", ["latest"], True), ("blog", "worst", ["latest"], True), ("shop", "worst", ["latest"], False),
    ]  # fmt: skip
    assert "latest and worst" in plan("-v", fleet=fleet).out
    said = plan("agama", pool=", pool: big", fleet=FLEET)
    assert "agama, latest and worst: not reached: no machine serves its pool big" in said.out


def test_it_says_what_the_fleet_does(plan: Callable[..., Any]) -> None:
    said = plan()
    assert said.code == 0, said.err
    first, second, *rest = said.out.splitlines()
    assert first.startswith("6 drills, 1 h 00 min on 2 machines, ends ")
    assert "; 3 machines end " in first
    assert "(Etc/UTC), its window closes " in second
    assert rest[0] == "2 drills never measured: reckoned from the bytes of the backup"
    assert [line.split()[:4] for line in rest[2:]] == [
        ["machine", "pool", "at", "once"],
        ["verify-1", "verification", "1", "3"],
        ["verify-2", "verification", "1", "3"],
    ]


def test_more_machines_and_every_drill_by_name(plan: Callable[..., Any]) -> None:
    said = plan("--machines", "4", "-v")
    assert said.code == 0
    assert "6 drills, 30 min 33 s on 4 machines" in said.out
    assert "verify-1+2 " in said.out
    lines = [line.split() for line in said.out.splitlines() if "latest" in line or "worst" in line]
    assert len(lines) == 6
    # A drill that ends on another day has its date before its time.
    services = [next(name for name in NAMES if name in line) for line in lines]
    assert {(service, line[-1]) for service, line in zip(services, lines, strict=True)} == {
        ("agama", "first"),
        ("blog", "first"),
        ("shop", "reckoned"),
    }


def test_what_is_not_reached_ends_with_1_and_says_why(plan: Callable[..., Any]) -> None:
    said = plan(fleet=FLEET.replace("2h", "40m"))
    assert said.code == 1
    assert "not reached: takes 30 min 00 s, and would not end within the window of 40 min 00 s" in said.out
    said = plan("agama", pool=", pool: big")
    assert said.code == 1
    assert said.out.startswith("no drill is reached on 2 machines; 2 drills not reached; agama's proof would be 8 d 0 h old")
    assert "agama, worst: not reached: no machine serves its pool big; pools that are served: verification" in said.out


def test_a_further_repository_that_is_not_reached_is_named(plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each service is drilled from it, too: without its name these would be the drills from the first."""

    def known(repository: Repository, *_: str) -> list[Snapshot]:
        if "offsite" in repository.shown_url:
            raise LifeboatError("its disk is not mounted")
        return snapshots()

    monkeypatch.setattr(Repository, "snapshots", known)
    said = plan(further="repositories: {offsite: {url: offsite, password: x}}\n")
    assert said.code == 1
    lines = [line.split(": not reached")[0] for line in said.out.splitlines() if "its disk is not mounted" in line]
    assert lines == [f"{name}, latest from offsite" for name in NAMES]


@pytest.mark.parametrize(("services", "typed"), [((), "plan"), (("blog",), "plan blog")])
def test_when_the_first_repository_is_gone_another_one_is_offered_and_planned_from(
    plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, services: tuple[str, ...], typed: str
) -> None:
    """What is typed as it is offered ends well: the backups are there, and their times are reckoned, since no evidence can be read."""

    def known(repository: Repository, *tags: str) -> list[Snapshot]:
        if "offsite" not in repository.shown_url:
            raise LifeboatError("its disk is not mounted", hint="mount it")
        return [each for each in snapshots() if not tags or {*tags} & {*each.tags}]

    monkeypatch.setattr(Repository, "snapshots", known)
    further = "repositories: {offsite: {url: offsite, password: x}}\n"
    said = plan(*services, further=further)
    assert (said.code, said.out) == (2, "")
    offered = f"lifeboat -c {tmp_path / 'lifeboat.yaml'} {typed} --from offsite"
    assert said.err.splitlines()[-1] == f"hint: mount it; or look into another repository: {offered}"
    said = plan(*offered.split()[4:], "-v", further=further)
    assert said.code == 0, said.out + said.err
    drills = [line.split() for line in said.out.splitlines() if " latest " in line or " worst " in line]
    assert len(drills) == 2 * len(services or NAMES)
    assert {tuple(each[-2:]) for each in drills} == {("offsite", "reckoned")}


def test_evidence_of_a_time_when_another_repository_was_the_first_counts_for_nothing(
    plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of it lies in what is the first now, which may never have been proven."""
    monkeypatch.setattr(Repository, "known_id", "ab" * 32)
    evidence = snapshots()[-1]
    for first, measured in (("ab" * 8, 4), ("cd" * 8, 0)):
        told = replace(evidence, tags=(*evidence.tags, f"first={first}"))
        monkeypatch.setattr(Repository, "snapshots", lambda _, *tags, told=told: [*snapshots()[:-1], told])
        assert sum(each["measured"] for each in json.loads(plan("--json").out)["drills"]) == measured


def test_without_a_fleet_it_is_the_machine_that_verifies(plan: Callable[..., Any]) -> None:
    found = json.loads(plan("--json", fleet="").out)
    assert [each["at_once"] for each in found["machines"]] == [3]
    assert found["until"] is None
    assert len(found["drills"]) == 6


@pytest.mark.parametrize("start", ["2020-01-01T06:00", "3e11fa47-71ca-11e1-9e33-c80aa9429562:23", "tomorrow"])
def test_a_start_that_is_none_is_refused(lifeboat: Lifeboat, plan: Callable[..., Any], tmp_path: Path, start: str) -> None:
    plan()
    said = lifeboat("plan", "--start", start, "--config", str(tmp_path / "lifeboat.yaml"))
    assert (said.code, said.out) == (2, "")
    assert f"--start '{start}' is no time from now on" in said.err
    # What the hint shows is a start that is taken.
    (shown,) = re.findall(r"hint: write it like (\S+), or now", said.err)
    assert "GTID" not in said.err
    assert lifeboat("plan", "--start", shown, "--config", str(tmp_path / "lifeboat.yaml")).err == ""


@pytest.mark.parametrize(("fleet", "warned"), [(FLEET, True), ("", False)])
def test_a_verification_without_a_server_says_that_it_asks_no_machine_of_the_fleet(
    lifeboat: Lifeboat, plan: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fleet: str, warned: bool
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise LifeboatError("that is enough")

    monkeypatch.setattr("verification.verify.verify", stop)
    plan(fleet=fleet)
    said = lifeboat("verify", "--config", str(tmp_path / "lifeboat.yaml"))
    assert "that is enough" in said.err
    assert ("none of fleet.machines is asked" in said.err) == warned
