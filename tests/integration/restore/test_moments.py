"""A moment between two backups, with a toy that has a log: what is delivered, what is withheld, and what is said of each."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from backups.services.base import Fetched
from backups.services.continuous import Expected
from backups.witness import Fact
from tests import documented
from tests.contract import toy as toys
from tests.contract.logged_toy import LoggedCopy
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said
from verification.evidence import store


def stray(copy: LoggedCopy, log: Fetched) -> None:
    """A log that does something else than the source did."""
    shutil.copytree(log.data, copy.tree, dirs_exist_ok=True)
    (copy.tree / "stray.txt").write_text("from nowhere")


def stops(copy: LoggedCopy, log: Fetched) -> None:
    raise Damaged("the log stopped at page 9", hint="nobody asks for this hint")


def full_disk(copy: LoggedCopy) -> None:
    raise LifeboatError("no room for a second copy", hint="free some space")


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
    assert [phase["name"] for phase in result["phases"]][4:] == [
        "check",
        "advance",
        "there",
        "settle",
        "second-replay",
        "deliver",
    ]
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


def another(copy: LoggedCopy, log: Fetched) -> Expected:
    """A log by which the copy should hold something else where it stands."""
    return Expected((Fact("file log.txt", "bytes", 7),), {})


CASES = {
    "another moment": Case(
        "expected",
        another,
        1,
        "it is not what the log makes of the witness before it: 1 of 1 checks failed, first file log.txt bytes: expected 7, observed 20000",
        "failed",
        "and the moment is not what it makes of that witness: at the moment itself 0 of 1 table equal",
    ),
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


def test_where_the_log_cannot_be_hashed_the_witnesses_around_the_moment_still_prove_it(
    typed: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine stands in the way, and no proof is lost that there was before: it is said that there is none of the moment."""

    def no_memory(copy: LoggedCopy, log: Fetched) -> Expected:
        raise LifeboatError("no memory for a throw-away server")

    monkeypatch.setattr(LoggedCopy, "expected", no_memory)
    said = typed("--to", f"local:{tmp_path}/back")
    assert said.code == 0, said.out + said.err
    first = said.out.splitlines()[0]
    assert first.startswith("between-witnesses ")
    assert "compared with nothing: the log alone does not tell of every table (no memory for a throw-away server)" in first


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
    assert [phase["name"] for phase in drill["phases"]][4:] == ["check", "advance", "there", "second-replay"]
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
