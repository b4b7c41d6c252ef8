"""Whether a backup's moment comes after a transaction, which is named by its GTID or by where it begins in the log."""

from typing import Any, cast

import pytest

from backups.manifest import Manifest
from backups.services.mysql.binlog import coverage
from backups.services.mysql.details import Position

SOURCE = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
OTHER = "4e11fa47-71ca-11e1-9e33-c80aa9429562"


@pytest.fixture(autouse=True)
def _details(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest is its details, of which the end alone counts; None: a dump's."""

    def details(manifest: Any) -> Any:
        return manifest and type("Details", (), {"end": manifest})

    monkeypatch.setattr(coverage, "details_of", details)


def holds(end: Position | None, position: str) -> bool:
    return coverage.holds(cast("Manifest", end), position)


@pytest.mark.parametrize(
    ("position", "held"),
    [
        (f"{SOURCE}:1", True),
        (f"{SOURCE.upper()}:9", True),
        (f"{SOURCE}:10", False),
        (f"{SOURCE}:tagged:3", True),
        (f"{SOURCE}:tagged:4", False),
        (f"{OTHER}:1", False),
        (f"{SOURCE}:", False),
        ("nothing", False),
        ("binlog.000007:4710", True),
        ("binlog.000007:4711", False),
        ("binlog.000006:999999", True),
        ("binlog.000010:4", False),
        ("binlog.10:4", False),
        ("other.000006:4", False),
        ("binlog.x:4", False),
    ],
)
def test_a_transaction_is_held_up_to_the_end(position: str, held: bool) -> None:
    end = Position(file="binlog.000007", offset=4711, gtid_executed=f"{SOURCE}:1-9:tagged:1-3")
    assert holds(end, position) == held
    assert not holds(None, position)


def test_files_are_counted_and_not_spelt() -> None:
    """After binlog.999999 comes binlog.1000000."""
    end = Position(file="binlog.1000000", offset=100)
    assert holds(end, "binlog.999999:5000")
    assert not holds(end, "binlog.1000001:4")
    assert not holds(end, f"{SOURCE}:1")
