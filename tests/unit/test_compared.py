"""What a backup is compared with, as it is taken: the newest that is believed; what cannot be compared fails nothing, and is told."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from backups.compared import with_past
from backups.errors import Damaged
from backups.manifest import BackupRecord, FileEntry, Manifest
from backups.witness import Fact
from tests.unit.test_manifest import manifest
from tests.unit.test_suspicion import record

EARLIER = [record(0, "full", 1), record(2, "full", 1), record(1, "incremental", 1)]
NEWEST = manifest(id=EARLIER[1].id, chain=EARLIER[1].id, witness=(Fact("a.b", "rows", 500),))


class Read:
    """A repository that counts what is read of it, or says that it is damaged."""

    def __init__(self, *, damaged: bool = False) -> None:
        self.damaged = damaged
        self.asked: list[str] = []

    def manifest(self, backup: BackupRecord) -> Manifest:
        self.asked.append(backup.id)
        if self.damaged:
            raise Damaged("it is gone")
        return NEWEST


def compared(tmp_path: Path, repository: Read, believed: Sequence[BackupRecord]) -> Manifest:
    (tmp_path / "a").write_bytes(b"0123456789" * 500)
    new = manifest(files=(FileEntry(path="a", size=5000),), witness=(Fact("a.b", "rows", 3),))
    return with_past(new, tmp_path, believed, repository.manifest)


def test_it_is_compared_with_the_newest_which_alone_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    repository = Read()
    past = compared(tmp_path, repository, EARLIER).past
    assert past is not None
    assert (past.compared, repository.asked) == (NEWEST.id, [NEWEST.id])
    assert [(sign.kind, sign.found, sign.usual) for sign in past.signs] == [("rows", 3, 500)]
    assert f"agama: half of the rows or more are gone since {NEWEST.id} of 1 table: a.b (500 to 3)" in caplog.text
    assert "it looked suspicious when it was taken" in compared(tmp_path, repository, EARLIER).limits[-1]


def test_one_that_cannot_be_read_is_told_and_fails_no_backup(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    past = compared(tmp_path, Read(damaged=True), EARLIER).past
    assert past is not None
    assert (past.compared, past.signs) == (None, ())
    assert f"what is gone since {NEWEST.id} is not known: it is gone" in caplog.text


def test_the_first_backup_is_compared_with_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    repository = Read()
    new = compared(tmp_path, repository, [])
    assert new.past is not None
    assert (new.past.compared, new.past.judged, new.limits, repository.asked) == (None, False, (), [])
    assert "agama: nothing of it is unusual yet: 0 earlier fulls, 3 are needed" in caplog.text
