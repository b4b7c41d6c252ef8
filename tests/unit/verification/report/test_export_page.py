"""The folder for an auditor: its index says what was kept of what was promised, and everything in it is signed."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from backups.config.settings import Objectives
from backups.errors import Damaged, LifeboatError
from backups.repository.listing import Snapshot
from tests.unit.verification.report.pages import Parsed
from tests.unit.verification.report.test_history_page import weeks
from tests.unit.verification.samples import MONDAY, evidence, lost_row, result
from verification.evidence import export as exporting
from verification.evidence import signed
from verification.evidence.export import Exported
from verification.report import export, files
from verification.report.export import Period

SIGNER, OTHER = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
BEGIN, END = MONDAY - timedelta(weeks=4), MONDAY + timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A verification signed here, one of another machine, and one of before signatures with a page that somebody made."""
    good, other, older = evidence(result(), triggered_by="root <b>"), evidence(lost_row()), evidence(result("shop"))
    files.write(good, tmp_path / "2026-11-23-060300-aaaaaaaa", signer=SIGNER)
    files.write(other, tmp_path / "2026-11-16-060300-bbbbbbbb", signer=OTHER)
    files.write(older, tmp_path / "2026-11-09-060300-cccccccc")
    (tmp_path / "2026-11-09-060300-cccccccc" / "report.html").write_text("<script>alert(1)</script>")
    exported = [
        exporting._checked(tmp_path, name, report, Snapshot("a", report.finished_at, ()), SIGNER.public_key)
        for name, report in (
            ("2026-11-09-060300-cccccccc", older), ("2026-11-16-060300-bbbbbbbb", other), ("2026-11-23-060300-aaaaaaaa", good),
        )
    ]  # fmt: skip
    assert [each.signed for each in exported] == [False, False, True]
    period = Period(begin=BEGIN, end=END, lifeboat="0.1.0", host="lighthouse", at=MONDAY + timedelta(hours=3))
    export.write(tmp_path, period, exported, [weeks(8, missed=(2,)).within(BEGIN, END, Objectives())], Objectives(), SIGNER)
    return tmp_path


def test_the_index_says_what_was_promised_and_what_was_kept_of_it(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    read = Parsed(page)
    assert not read.open
    assert not {"script", "link", "img", "b"} & set(read.tags)
    assert all((folder / reference).is_file() for reference in read.references)
    assert not re.search(r"url\(|@import|https?:", page)
    text = read.text
    assert "3 verifications, 1 of them signed with the key " in text
    assert "Promised are a backup of each service within 26 h 00 min (RPO), a drill of its backups within 8 d 0 h" in text
    assert "no backup for 8 d 0 h after 2026-11-02 06:00:00 UTC: none is kept: missed, or deleted since" in text
    assert "no drill for 14 d 0 h after 2026-11-02 06:00:00 UTC: missed" in text
    assert "started by root <b>" in text
    assert "unsigned: by an older Lifeboat" in text
    assert f"is not signed by this key: the key is {SIGNER.public_key.keyid[:16]}" in text


def test_what_is_not_signed_here_is_shown_by_a_page_made_anew(folder: Path) -> None:
    references = Parsed((folder / "index.html").read_text()).references
    assert references == [
        "history.html", "2026-11-09-060300-cccccccc.html", "2026-11-16-060300-bbbbbbbb.html", "2026-11-23-060300-aaaaaaaa/report.html",
    ]  # fmt: skip
    assert "<script" not in (folder / "2026-11-09-060300-cccccccc.html").read_text()


def test_every_file_is_signed_and_another_machines_signature_is_told(folder: Path) -> None:
    checked = signed.check(folder, SIGNER.public_key)
    every = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {subject.name for subject in checked.statement.subject} == every - {signed.FILE}
    assert [re.findall(r"-([a-c])\w{7}/", other) for other in checked.others] == [["b"]]
    (folder / "2026-11-09-060300-cccccccc" / "report.json").write_text("{}")
    with pytest.raises(Damaged, match=r"cccccccc/report\.json was changed after it was signed"):
        signed.check(folder, SIGNER.public_key)


def test_nothing_of_a_period_is_told_as_nothing(tmp_path: Path) -> None:
    period = Period(begin=BEGIN, end=END, lifeboat="0.1.0", host="lighthouse", at=MONDAY)
    export.write(tmp_path, period, [], [], Objectives(), SIGNER)
    assert "There is no evidence of this period in the repository." in Parsed((tmp_path / "index.html").read_text()).text


def test_a_service_that_was_never_drilled_is_no_service_that_kept_all(tmp_path: Path) -> None:
    """Nor one without a backup: without a first one there is no gap after it."""
    period = Period(begin=BEGIN, end=END, lifeboat="0.1.0", host="lighthouse", at=MONDAY)
    whole = weeks(8).within(BEGIN, END, Objectives())
    for update, words in (
        ({}, "nothing"),
        ({"drills": ()}, "there is no drill of this period"),
        ({"backups": ()}, "there is no backup of this period"),
    ):
        export.write(tmp_path, period, [], [whole.model_copy(update=update)], Objectives(), SIGNER)
        row = (tmp_path / "index.html").read_text().partition("<tr><td>agama")[2].partition("</tr>")[0]
        assert ("nothing" in row, "there is no" in row) == (words == "nothing", words != "nothing")
        assert words in row


def test_only_what_lies_in_the_period_is_chosen_and_gaps_that_reach_into_it() -> None:
    whole = weeks(8, missed=(2, 6))
    found = whole.within(BEGIN, END, Objectives())
    assert all(BEGIN <= each.at < END for each in (*found.backups, *found.drills))
    assert (len(whole.missed_drills), len(found.missed_drills)) == (2, 1)
    assert whole.within(whole.missed_drills[0].after + timedelta(days=1), END, Objectives()).missed_drills == whole.missed_drills


def test_a_folder_that_holds_anything_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("theirs")
    with pytest.raises(LifeboatError, match="is there, and is no empty folder"):
        exporting.require_empty(tmp_path)
    with pytest.raises(LifeboatError, match="is there, and is no empty folder"):
        exporting.require_empty(tmp_path / "x")
    exporting.require_empty(tmp_path / "new" / "one")
    assert (tmp_path / "new" / "one").is_dir()


def test_a_page_of_its_own_is_opened_only_where_the_signature_is_right() -> None:
    bare = evidence(result())
    assert Exported("f", bare, signed=True, words="").page == "f/report.html"
    assert Exported("f", bare, signed=False, words="").page == "f.html"
