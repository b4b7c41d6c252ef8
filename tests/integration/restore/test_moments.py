"""A moment between two backups, with a toy that has a log: what is delivered, what is withheld, and what is said of each."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from backups.manifest import BackupRecord, Manifest
from backups.services import registry
from backups.services.base import Copy, Fetched, Point, Sandbox
from backups.services.continuous import Advanced, TableChange, Transaction
from backups.services.registry import ServiceType
from tests import documented
from tests.contract import toy as toys
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said
from verification.evidence import store


class LoggedToy(toys.ToyService):
    """A toy whose every backup has a log: the files that it holds."""

    continuous = True

    def holds(self, manifest: Manifest, position: str) -> bool:
        raise AssertionError("these tests name times")

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        return False

    def log(self, manifest: Manifest) -> Sequence[str]:
        return [entry.path for entry in manifest.files]

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        """One that is told whole, and one of which nothing is known."""
        at = earlier.taken_at + (later.manifest.taken_at - earlier.taken_at) / 2
        rows, odd = TableChange("toy.page", 1, 2, 3), TableChange("toy.note", None, None, None, ("torn",))
        yield Transaction("log.1:4", None, "log.1:4", at, (rows, odd), ("CREATE PAGE '…'",), 2)
        yield Transaction("log.1:99", None, "log.1:99", at, untold=("in a language that is not known",))

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        return LoggedCopy(chain, sandbox.directory / "tree")


class LoggedCopy(toys.ToyCopy):
    """See ContinuousCopy. At the moment between, nothing of the log has been done yet."""

    def advance(self, log: Fetched, point: Point) -> Advanced:
        return Advanced("page 7 of the log", 312)

    def reopen(self) -> None:
        self.tree = Path(shutil.copytree(self.tree, self.tree.with_name("second")))

    def advance_to_witness(self, log: Fetched) -> None:
        shutil.copytree(log.data, self.tree, dirs_exist_ok=True)


def stray(copy: LoggedCopy, log: Fetched) -> None:
    """A log that does something else than the source did."""
    shutil.copytree(log.data, copy.tree, dirs_exist_ok=True)
    (copy.tree / "stray.txt").write_text("from nowhere")


def stops(copy: LoggedCopy, log: Fetched) -> None:
    raise Damaged("the log stopped at page 9", hint="nobody asks for this hint")


def full_disk(copy: LoggedCopy) -> None:
    raise LifeboatError("no room for a second copy", hint="free some space")


@pytest.fixture
def logged(toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> ToySite:
    """The toy site, whose toy has a log."""
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", ServiceType(toys.ToySettings, LoggedToy))
    return toy


@pytest.fixture
def between(logged: ToySite) -> str:
    """A moment between its two backups."""
    older, newer = logged.open().repository.backups()
    return (older.taken_at + (newer.taken_at - older.taken_at) / 2).isoformat()


@pytest.fixture
def typed(logged: ToySite, between: str, lifeboat: Callable[..., Said]) -> Callable[..., Said]:
    """`lifeboat restore toy --at BETWEEN …`."""
    return lambda *words: lifeboat("restore", "toy", "--at", between, *words, "--config", str(logged.folder / "lifeboat.yaml"))


def test_it_is_delivered_when_its_log_leads_on_to_the_next_witness(
    logged: ToySite, typed: Callable[..., Said], tmp_path: Path
) -> None:
    older, newer = (backup.id for backup in logged.open().repository.backups())
    planned = typed("--to", f"local:{tmp_path}/back", "--dry-run").out
    assert f"by a second replay of the same log that of {newer}" in " ".join(planned.split())
    said = typed("--to", f"local:{tmp_path}/back", "--runbook", str(tmp_path / "book.md"))
    assert said.code == 0, said.out + said.err
    first = said.out.splitlines()[0]
    assert first.startswith("between-witnesses between two witnesses that were both equal: ")
    assert f"equal to the witness of {older} before it" in first
    assert f"equal to the witness of {newer}" in first
    assert "the 312 transactions since" in first
    assert "proved the log, and delivered nothing" in said.out
    assert "verified" not in said.out + (tmp_path / "book.md").read_text()
    # What is delivered is the moment, not the copy that went on from there.
    assert (tmp_path / "back" / "log.txt").read_text() == "one\n" * 5000


def test_a_program_reads_how_it_was_reached(typed: Callable[..., Said], tmp_path: Path) -> None:
    result = json.loads(typed("--to", f"local:{tmp_path}/back", "--json").out)
    assert documented.differences(documented.examples("restore")[1], result) == []
    assert [phase["name"] for phase in result["phases"]][4:] == ["check", "advance", "settle", "second-replay", "deliver"]
    assert (result["moment"]["stands"], result["touched"], result["stopped"]) == ("page 7 of the log", True, False)


@dataclass(frozen=True)
class Case:
    """A step that goes wrong, how; what it says and ends with when withheld, and what is said when it is delivered anyway."""

    step: str
    fault: Any
    code: int
    withheld: str
    verdict: str
    said: str


CASES = {
    "another end": Case(
        "advance_to_witness", stray, 1, "its log does not lead to the witness of {newer}: 3 of ", "failed", "file stray.txt"
    ),
    "no end": Case(
        "advance_to_witness",
        stops,
        1,
        "its log does not lead to the witness of {newer}: the log stopped at page 9",
        "failed",
        "which does not lead to the witness of {newer}: the log stopped at page 9",
    ),
    "no room": Case(
        "reopen",
        full_disk,
        2,
        "whether its log leads to the witness of {newer} could not be tried: no room for a second copy",
        "unproven",
        "from the log and unproven: no room for a second copy",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_withheld_when_its_log_is_not_proven_and_delivered_only_anyway(
    case: Case, logged: ToySite, typed: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = (backup.id for backup in logged.open().repository.backups())
    monkeypatch.setattr(LoggedCopy, case.step, case.fault)
    refused = typed("--to", f"local:{tmp_path}/back")
    told = " ".join((refused.out + refused.err).split())
    assert refused.code == case.code, told
    assert " is withheld: " in told
    assert case.withheld.format(newer=newer) in told
    assert f"restore the proven backup before it: --backup {older}; or deliver the moment all the same: --anyway" in told
    assert "the target was not touched" in told
    assert "verified" not in told
    assert ("hint: free some space; or " in told) == (case.fault is full_disk)
    assert not (tmp_path / "back").exists()

    anyway = typed("--to", f"local:{tmp_path}/back", "--anyway")
    assert anyway.code == 1, anyway.out + anyway.err
    assert anyway.out.startswith(case.verdict)
    assert case.said.format(newer=newer) in anyway.out.splitlines()[0]
    assert "verified" not in anyway.out + anyway.err
    assert (tmp_path / "back" / "log.txt").read_text() == "one\n" * 5000


def test_the_second_replay_is_left_out_only_by_name(
    typed: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoggedCopy, "reopen", full_disk)
    said = typed("--to", f"local:{tmp_path}/back", "--no-second-replay")
    assert said.code == 1, said.out + said.err
    assert said.out.startswith("unproven")
    assert "was left out, as was asked for (--no-second-replay)" in said.out.splitlines()[0]
    assert "second-replay " not in said.out
    assert (tmp_path / "back" / "log.txt").is_file()


def test_a_copy_that_differs_before_the_moment_is_not_taken_further(
    typed: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = toys.ToyCopy.start
    monkeypatch.setattr(toys.ToyCopy, "start", lambda copy: ((copy.tree / "log.txt").write_text("other"), start(copy))[1])
    monkeypatch.setattr(LoggedCopy, "reopen", lambda _: pytest.fail("nothing more can be proven"))
    said = typed("--to", f"local:{tmp_path}/back", "--anyway")
    assert said.code == 1
    assert said.out.startswith("failed")
    assert "unproven: the copy was not equal to its own witness already" in said.out.splitlines()[0]


def test_a_drill_goes_to_the_moment_and_proves_the_backup_before_it_alone(
    logged: ToySite, between: str, lifeboat: Callable[..., Said], tmp_path: Path
) -> None:
    """An equal moment, then one whose log leads elsewhere: of the backup before it both prove the same."""
    site = logged.open()
    older, newer = (backup.id for backup in site.repository.backups())
    words = ("verify", "--at", between, "--out", str(tmp_path / "out"), "--config", str(logged.folder / "lifeboat.yaml"))
    said = lifeboat(*words)
    assert said.code == 0, said.out + said.err
    assert "verified" not in said.out
    assert "between two witnesses that were both equal" in " ".join(said.out.split())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    (drill,) = report["drills"]
    assert (report["verdict"], drill["selection"], drill["backup"]["id"]) == ("between-witnesses", "moment", older)
    assert [phase["name"] for phase in drill["phases"]][4:] == ["check", "advance", "second-replay"]
    assert "between two witnesses" in (tmp_path / "out" / "report.html").read_text()
    assert f"onward to {newer}" in (tmp_path / "out" / "junit.xml").read_text()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LoggedCopy, "advance_to_witness", stray)
        said = lifeboat(*words)
    assert said.code == 1, said.out + said.err
    assert f"the log does not lead to the witness of {newer}: 3 of " in " ".join(said.out.split())
    assert "<failure" in (tmp_path / "out" / "junit.xml").read_text()
    assert {backup: proof.verdict for backup, proof in store.proofs(site.repository, datetime.now(UTC)).items()} == {
        older: "verified"
    }


def test_of_a_service_without_a_log_the_drill_names_the_backup_that_it_took(
    toy: ToySite, lifeboat: Callable[..., Said], tmp_path: Path
) -> None:
    older, newer = toy.open().repository.backups()
    at = (older.taken_at + (newer.taken_at - older.taken_at) / 2).isoformat()
    said = lifeboat("verify", "--at", at, "--out", str(tmp_path), "--config", str(toy.folder / "lifeboat.yaml"))
    assert said.code == 0, said.out + said.err
    assert "the newest backup at or before it is of " in said.out
    assert f"equal to the witness of {older.id}" in " ".join(said.out.split())


def test_a_backup_without_a_witness_is_withheld_and_never_called_verified(
    toy: ToySite, lifeboat: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to compare it with: it is delivered when asked for, as what it is."""
    monkeypatch.setattr(toys, "facts", lambda _: [])
    toy.back_up("full")
    words = ("restore", "toy", "--to", f"local:{tmp_path}/back", "--config", str(toy.folder / "lifeboat.yaml"))
    said = lifeboat(*words)
    assert said.code == 1, said.out + said.err
    assert "has no witness to compare it with" in " ".join(said.err.split())
    assert not (tmp_path / "back").exists()
    said = lifeboat(*words, "--anyway")
    assert said.code == 1, said.out + said.err
    assert said.out.startswith("unproven nothing was compared with the witness of ")
    assert "verified" not in said.out
    assert (tmp_path / "back" / "log.txt").is_file()


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
        f"the log begins after {older.id}, of {older.taken_at:%Y-%m-%d %H:%M:%S} UTC",
        "back to the moment before one of them: lifeboat restore toy --before TRANSACTION --to PLACE",
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
        (("--since", "yesterday"), "--since 'yesterday' is neither a time nor a GTID"),
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
    said = lifeboat("log", "toy", "--json", "--config", str(toy.folder / "lifeboat.yaml"))
    assert (said.code, said.out) == (2, "")
    assert "the backups of toy hold no log: only those of a MySQL server by `method: clone` do" in said.err
    assert "hint: compare two backups instead: lifeboat diff toy A B" in said.err
