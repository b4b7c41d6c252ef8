"""`lifeboat log`, with a toy that has a log: what is told of it, what is not, and what is refused."""

import json
from collections.abc import Callable, Iterator, Sequence

import pytest

from backups.errors import Damaged
from backups.manifest import Manifest
from backups.services.base import Fetched
from backups.services.continuous import Transaction
from tests import documented
from tests.contract.logged_toy import LoggedToy
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said


def test_the_log_is_told_with_its_holes_and_as_documented(
    logged: ToySite, lifeboat: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = logged.open().repository.backups()
    config = ("--config", str(logged.folder / "lifeboat.yaml"))
    told = json.loads(lifeboat("log", "toy", "--json", *config).out)
    assert documented.differences(documented.examples("log")[0], told) == []
    assert [each["transaction"] for each in told["transactions"]] == ["log.1:4", "log.1:99"]
    assert (told["begins"], told["older"]) == (older.taken_at.isoformat(), False)
    assert [(hole["after"], hole["before"], hole["damaged"]) for hole in told["holes"]] == [(newer.id, None, False)]

    said = lifeboat("log", "toy", *config)
    assert said.code == 0, said.err
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == "committed at (UTC) transaction inserted changed deleted table, or statement"
    assert lines[1].endswith(" log.1:4 1 2 3 toy.page")
    assert lines[2:5] == ["? ? ? toy.note (torn)", "CREATE PAGE '…'", "2 more statements"]
    assert lines[5].endswith(" log.1:99 ? ? ? not told: in a language that is not known")
    assert lines[6].endswith(f"({newer.id}) to now: no backup holds it yet")
    assert lines[7:] == [
        f"hint: lifeboat -c {config[1]} backup toy brings what was committed since then",
        f"the log begins after {older.id}, of {older.taken_at:%Y-%m-%d %H:%M:%S} UTC",
        f"back to the moment before one of them: lifeboat -c {config[1]} restore toy --before TRANSACTION --to PLACE",
    ]

    newest = lifeboat("log", "toy", "-n", "1", *config).out
    assert "log.1:4 " not in newest
    assert "these are the newest 1; there may be older ones" in newest
    assert lifeboat("log", "toy", "-n", "0", *config).out == said.out
    nothing = lifeboat("log", "toy", "--since", "2200-01-01", "--table", "toy.pages", *config)
    assert (nothing.code, "there is no such transaction in it" in nothing.out) == (0, True)
    assert "the newest backup has no table toy.pages" in nothing.out
    assert not list((logged.folder / "state" / "runs").rglob("log.txt"))


def test_a_damaged_log_is_a_hole_and_the_rest_is_told(
    logged: ToySite, lifeboat: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = LoggedToy.told

    def torn(toy: LoggedToy, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        yield next(told(toy, earlier, later, only))
        raise Damaged("the log cannot be read at log.1:50", hint="take a full")

    monkeypatch.setattr(LoggedToy, "told", torn)
    config = ("--config", str(logged.folder / "lifeboat.yaml"))
    for limit in ("0", "1", "100"):
        said = lifeboat("log", "toy", "-n", limit, *config)
        assert said.code == 1
        assert "log.1:4" in said.out
        assert ": the log cannot be read at log.1:50" in said.out
        assert "hint: take a full" in said.out
    printed = lifeboat("log", "toy", "--json", *config)
    assert printed.code == 1
    damaged = [hole for hole in json.loads(printed.out)["holes"] if hole["damaged"]]
    assert [hole["why"] for hole in damaged] == ["the log cannot be read at log.1:50"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "yesterday"), "--since 'yesterday' is neither a day nor a time"),
        (("--until", "binlog.000001:4"), "--until binlog.000001:4 is no time"),
        (("--since", "2026-11-22T03:00", "--until", "2026-11-22T02:00"), "is before --since"),
    ],
)
def test_what_is_no_time_of_the_log_is_refused(
    logged: ToySite, lifeboat: Callable[..., Said], words: Sequence[str], told: str
) -> None:
    said = lifeboat("log", "toy", *words, "--config", str(logged.folder / "lifeboat.yaml"))
    assert (said.code, said.out, told in said.err) == (2, "", True), said.err


def test_a_service_without_a_log_says_so(toy: ToySite, lifeboat: Callable[..., Said]) -> None:
    """And offers no other repository: none holds one."""
    with (toy.folder / "lifeboat.yaml").open("a") as file:
        file.write("\nrepositories: {offsite: {url: offsite, password: x}}\n")
    said = lifeboat("log", "toy", "--json", "--config", str(toy.folder / "lifeboat.yaml"))
    assert (said.code, said.out) == (2, "")
    assert "the backups of toy hold no log: only those of a MySQL server by `method: clone` do" in said.err
    assert said.err.endswith(f"hint: compare two backups instead: lifeboat -c {toy.folder / 'lifeboat.yaml'} diff toy A B\n")
