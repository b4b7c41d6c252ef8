"""When the backups that prune deleted had been taken: what is kept, for how long, and what a damaged file means."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups import deleted
from backups.errors import LifeboatError
from backups.retention import Rules

NOW = datetime(2027, 6, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules(keep=21 * DAY, delete_after=31 * DAY, silence=4 * DAY)


def test_times_are_kept_while_a_silence_that_matters_can_begin_with_them(tmp_path: Path) -> None:
    file = deleted.file(tmp_path / "state", None)
    assert deleted.read(file) == []
    deleted.remember(file, [NOW - 22 * DAY, NOW - 25 * DAY, NOW - 25.1 * DAY], now=NOW, rules=RULES)
    assert deleted.read(file) == [NOW - 25 * DAY, NOW - 22 * DAY]
    deleted.remember(file, [NOW - 20 * DAY], now=NOW + DAY, rules=RULES)
    assert deleted.read(file) == [NOW - 22 * DAY, NOW - 20 * DAY]


def test_what_a_clock_that_was_ahead_had_dated_is_forgotten_once_it_is_right(tmp_path: Path) -> None:
    """Else it would hide a second jump to the same time."""
    file = deleted.file(tmp_path, "offsite")
    deleted.remember(file, [NOW + 300 * DAY], now=NOW + 320 * DAY, rules=RULES)
    assert deleted.read(file) == [NOW + 300 * DAY]
    deleted.remember(file, [NOW - 21 * DAY], now=NOW, rules=RULES)
    assert deleted.read(file) == [NOW - 21 * DAY]


def test_each_repository_has_its_own(tmp_path: Path) -> None:
    assert deleted.file(tmp_path, None) != deleted.file(tmp_path, "offsite") != deleted.file(tmp_path, "attic")


@pytest.mark.parametrize("content", [b"yesterday\n", b"\xff\xfe", b"2027-05-10T05:00:00\n"])
def test_a_damaged_file_is_named_and_counts_for_nothing(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    file = deleted.file(tmp_path, None)
    file.write_bytes(content)
    assert deleted.read(file) == []
    [warning] = [each.getMessage() for each in caplog.records]
    assert warning.startswith(f"{file}, which says when the backups that prune deleted had been taken, cannot be read: ")
    deleted.remember(file, [NOW - DAY], now=NOW, rules=RULES)
    assert deleted.read(file) == [NOW - DAY]
    assert len(caplog.records) == 1, "whoever writes it anew has read it before"


def test_a_state_directory_that_cannot_be_written_is_said_before_anything_goes(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    with pytest.raises(LifeboatError, match="cannot be written") as caught:
        deleted.remember(deleted.file(tmp_path / "state", None), [NOW], now=NOW, rules=RULES)
    assert caught.value.hint
