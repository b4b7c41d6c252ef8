"""A backup on which several selections fall is drilled once, and that drill counts as each of them wherever it is asked."""

import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from backups.config import file
from backups.errors import ConfigError
from backups.repository.listing import Snapshot, listing
from backups.repository.repository import Repository
from backups.site import Site
from tests.unit.verification.test_copying import DAY, NOW, OLD, YOUNG, backup
from verification.drill.outcome import could_not_begin
from verification.drill.plan import Planned, plan

ONE = [backup(OLD, 9)]
CHAIN = [*ONE, backup(OLD, 8, 1)]
BOTH = [*CHAIN, backup(YOUNG, 1)]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plan drills of a service with these backups in its repository."""

    def call(held: list[Snapshot], *selections: str, at: datetime | None = None) -> list[Planned]:
        monkeypatch.setattr(Repository, "listing", lambda *_: listing(held, {}, {}))
        (tmp_path / "lifeboat.yaml").write_text(
            "state: state\nrepository: {url: one, password: x}\n"
            "services: {agama: {type: mysql, image: m, host: h, user: u, password: p}}\n"
        )
        site = Site(file.load(tmp_path / "lifeboat.yaml"))
        return plan(site, ["agama"], *([selections] if selections else []), at=at, now=lambda: NOW, chance=random.Random(1))

    return call


def told(drills: list[Planned]) -> list[tuple[str, str]]:
    return [(each.title.removeprefix("agama, "), each.chain[-1].id if each.chain else "") for each in drills]


@pytest.mark.parametrize(("held", "last"), [(ONE, OLD), (CHAIN, f"{OLD}-2")])
def test_the_only_chain_is_drilled_once_as_latest_and_worst(planned: Any, held: list[Snapshot], last: str) -> None:
    (only,) = planned(held)
    assert told([only]) == [("latest and worst", last)]
    assert (only.selection, only.also, len(only.chain)) == ("worst", ("latest",), len(held))


def test_two_backups_are_two_drills(planned: Any) -> None:
    assert told(planned(BOTH)) == [("latest", YOUNG), ("worst", f"{OLD}-2")]
    assert told(planned(BOTH, "latest", "worst", at=NOW - 5 * DAY)) == [("latest and worst", f"{OLD}-2")]


@pytest.mark.parametrize(
    ("selections", "drills"),
    [
        (("latest", "worst", "random"), ["latest, worst and random"]),
        (("random", "worst", "latest"), ["latest, worst and random"]),
        (("latest", "random"), ["latest and random"]),
        # What is named twice in the same way, or by its id, is wanted for itself.
        (("latest", "latest"), ["latest", "latest"]),
        (("latest", "worst", "latest"), ["latest and worst", "latest"]),
        (("latest", "worst", "latest", "worst"), ["latest and worst", "latest and worst"]),
        (("latest", OLD), ["latest", "id"]),
        (("latest",), ["latest"]),
        (("worst",), ["worst"]),
    ],
)
def test_different_selections_of_one_backup_fall_together_and_nothing_else(
    planned: Any, selections: tuple[str, ...], drills: list[str]
) -> None:
    assert [name for name, _ in told(planned(ONE, *selections))] == drills


def test_of_nothing_nobody_knows_whether_it_is_the_same(planned: Any) -> None:
    """Each drill that could not begin says why; one whose chain is broken is known, and is told once, as both."""
    assert told(planned([])) == [("latest", ""), ("worst", "")]
    (broken,) = planned(CHAIN[1:])
    assert (broken.title, broken.error is not None) == ("agama, latest and worst", True)


def test_the_result_of_a_drill_says_what_it_counts_as(planned: Any) -> None:
    (only,) = planned(ONE)
    result = could_not_begin(only, ConfigError("x"), NOW)
    assert (result.selection, result.also, result.drilled) == ("worst", ("latest",), "latest and worst")
