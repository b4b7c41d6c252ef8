"""A manifest is read back as it was written, and a damaged one is told."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from backups.errors import Damaged
from backups.manifest import FILE_NAME, BackupRecord, FileEntry, Manifest, Source
from backups.witness import Fact

AT = datetime(2026, 11, 23, 0, 0, 5, 123456, tzinfo=UTC)


def manifest(**changes: object) -> Manifest:
    return Manifest.model_validate(
        {
            "lifeboat": "0.1.0",
            "id": "agama-20261123T000000Z",
            "service": "agama",
            "type": "mysql",
            "kind": "full",
            "chain": "agama-20261123T000000Z",
            "sequence": 0,
            "parent": None,
            "started_at": AT,
            "taken_at": AT + timedelta(seconds=1),
            "finished_at": AT + timedelta(seconds=2),
            "source": Source(version="9.7.0", image="mysql:9.7"),
            "files": (FileEntry(path="ibdata1", size=10), FileEntry(path="ü/b", size=32)),
            "details": {"position": 4, "nested": {"gtid": "x:1-5"}},
            "witness": (Fact("agama.client", "rows", 120), Fact("a", "ratio", 0.1), Fact("b", "on", True), Fact("c", "d", None)),
            **changes,
        }
    )


def test_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = manifest()
    written.write(tmp_path)
    again = Manifest.read((tmp_path / FILE_NAME).read_bytes(), "x")
    assert again == written
    assert [type(fact.value) for fact in again.witness] == [int, float, bool, type(None)]
    assert again.size == 42


def test_what_list_needs_is_in_the_tags() -> None:
    written = manifest(standalone=True, taken_at=AT.astimezone(timezone(timedelta(hours=5))))
    record = BackupRecord.from_tags("0123456789abcdef", written.tags())
    assert record == BackupRecord(
        snapshot="0123456789abcdef",
        id=written.id,
        service="agama",
        type="mysql",
        kind="full",
        chain=written.chain,
        sequence=0,
        taken_at=AT,
        size=42,
        standalone=True,
        limits=0,
        holds="rows:120",
    )
    locked = manifest(details={"lock_seconds": 0.0212345678})
    read = BackupRecord.from_tags("0123456789abcdef", locked.tags())
    assert read is not None
    assert (read.lock_seconds, read.holds) == (0.021235, "rows:120")
    read.require_same(locked)
    read.model_copy(update={"lock_seconds": None, "holds": None}).require_same(locked)
    assert not [tag for tag in written.tags() if "," in tag]


@pytest.mark.parametrize("tags", [[], ["backup=x"], ["lifeboat-evidence", "verdict=verified"]])
def test_tags_of_something_else_are_no_backup(tags: list[str]) -> None:
    assert BackupRecord.from_tags("s", tags) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind=full", "kind=half", "kind: Input should be 'full' or 'incremental'"),
        ("sequence=0", "sequence=first", "sequence: Input should be a valid integer"),
        ("bytes=42", "size=42", "size: Field required"),
    ],
)
def test_edited_tags_are_reported_with_the_snapshot(old: str, new: str, words: str) -> None:
    tags = [new if tag == old else tag for tag in manifest().tags()]
    with pytest.raises(Damaged) as fault:
        BackupRecord.from_tags("0123456789abcdef", tags)
    assert fault.value.message.startswith("the tags of snapshot 01234567 are not a backup's: ")
    assert words in fault.value.message
    assert "\n" not in fault.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Invalid JSON"),
        (manifest().model_dump_json()[:-20], "Invalid JSON"),
        (manifest().model_dump_json().replace('"schema_version":1', '"schema_version":2'), "schema_version: Input should be 1"),
        (manifest().model_dump_json().replace('"chain":', '"chane":'), "chain: Field required"),
        (manifest().model_dump_json().replace("2026-11-23T00:00:05.123456Z", "2026-11-23T00:00:05"), "started_at: Input should have timezone"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_reported_with_its_backup(text: str, words: str) -> None:
    with pytest.raises(Damaged) as fault:
        Manifest.read(text, "backup agama-1")
    assert fault.value.message.startswith("the manifest of backup agama-1 cannot be read: ")
    assert words in fault.value.message
    assert ": :" not in fault.value.message


_LINE = "org 2: data sources are not in the backup: GET /api/datasources: HTTP 403"


@pytest.mark.parametrize(
    ("details", "partial"),
    [
        ({}, None),
        ({"partial": ["7 of 7 secrets cannot be opened"]}, "7 of 7 secrets cannot be opened"),
        ({"partial": [], "limits": [_LINE]}, None),
        ({"limits": [_LINE]}, "data sources of org 2 could not be read"),
        ({"limits": ["plugins, to be installed again: clock 2.1", _LINE, _LINE.replace("data sources", "teams")]},
         "data sources of org 2 could not be read; teams of org 2 could not be read"),
        ({"limits": ["org 2: playlists are not in the backup: GET /api/playlists: HTTP 404"]}, None),
        ({"limits": ["grafana: users are not in the backup: the server's users are told to its administrator only"]}, None),
    ],
)  # fmt: skip
def test_an_older_backup_that_was_refused_something_is_partial_too(details: dict[str, object], partial: str | None) -> None:
    """Before there was the word, only its limits told."""
    assert manifest(details=details).partial == partial
