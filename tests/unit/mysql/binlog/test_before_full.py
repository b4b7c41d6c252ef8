"""The bridge to the chain before: whatever goes wrong with it, the full is taken, and says what it lacks."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pymysql.err
import pytest

from backups.errors import ChainBroken, Damaged, LifeboatError, Transient
from backups.manifest import Manifest, Source
from backups.services.base import Job
from backups.services.mysql.binlog import before_full, coverage, pull
from backups.services.mysql.binlog.before_full import Before
from backups.services.mysql.binlog.pull import Pulled
from backups.services.mysql.binlog.stream import LogError
from backups.services.mysql.details import LogSegment, MySQLDetails, Position
from backups.services.mysql.methods import clone
from tests.unit.mysql.binlog.test_locate import SOURCE, Log
from tests.unit.mysql.binlog.test_replayable import BAD, REASON, statement

WHEN = datetime(2026, 11, 23, tzinfo=UTC)
START = Position(file="binlog.000002", offset=0)
CHAIN_END = Position(file="binlog.000001", offset=0, gtid_executed=f"{SOURCE}:1-2")
DETAILS = MySQLDetails(
    server_uuid="u", gtid=True, start=CHAIN_END, end=CHAIN_END, log_created=1, segments=(), variables={}, plugins=(),
    lock_seconds=0, lock_attempts=1,
)  # fmt: skip


def manifest(details: dict[str, Any]) -> Manifest:
    return Manifest(
        lifeboat="0", id="agama-20261123T000001Z", service="agama", type="mysql", kind="full", chain="agama-20261123T000001Z", sequence=0, parent=None,
        started_at=WHEN, taken_at=WHEN, finished_at=WHEN, source=Source(version="9.7.4", image="i"), files=(), details=details,
        witness=(),
    )  # fmt: skip


class Bridging:
    """Reaches back to a chain whose log `script` pulls."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.said: list[str] = []
        self._patch = monkeypatch

    def __call__(
        self, script: Callable[[Path], Pulled], *, details: dict[str, Any] | None = None, executed: str | None = f"{SOURCE}:1-3"
    ) -> Before:
        self._patch.setattr(pull, "require_continuation", lambda *_: None)
        self._patch.setattr(pull, "pull", lambda connect, start, end, directory: script(directory))
        before = manifest(DETAILS.model_dump() if details is None else details)
        job = Job("full", self.directory, self.directory, (), cast("Any", None), self.directory, self.said.append, before=before)
        return before_full.pull_bridge(lambda: cast("Any", None), job, START, executed)


@pytest.fixture
def bridging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bridging:
    return Bridging(tmp_path, monkeypatch)


def written(write: Callable[[Log], object]) -> Callable[[Path], Pulled]:
    """Pull a log that `write` writes."""

    def script(directory: Path) -> Pulled:
        (directory / "log").mkdir()
        log = Log(directory / "log" / "1", "binlog.000001")
        write(log)
        size = log.done().path.stat().st_size
        return Pulled((LogSegment(file="binlog.000001", start=0, end=size, path="log/1"),), None)

    return script


ERRORS = [
    ChainBroken("binlog.000001 is gone"),
    LogError("the binary log cannot be read"),
    Transient("the server is away"),
    Damaged("these bytes are no log"),
    LifeboatError("anything else"),
    pymysql.err.OperationalError(1236, "cannot read"),
    pymysql.err.InterfaceError(0, ""),
    OSError(28, "No space left on device"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_is_told_and_is_a_limit_and_leaves_no_file(bridging: Bridging, error: Exception) -> None:
    def script(directory: Path) -> Pulled:
        (directory / "log").mkdir()
        (directory / "log" / "half").write_bytes(b"x")
        raise error

    found = bridging(script)
    assert found.bridge is None
    (limit,) = found.limits
    assert limit.startswith(
        "no moment between agama-20261123T000001Z and this full can be brought back, unless its log was followed: "
    )
    assert getattr(error, "message", "") in limit
    assert bridging.said[-1] == limit
    assert not (bridging.directory / "log").exists()


def test_a_bug_is_no_limit(bridging: Bridging) -> None:
    """It is to be seen, not hidden."""
    with pytest.raises(ZeroDivisionError):
        bridging(lambda directory: cast("Pulled", 1 / 0))


def test_a_log_that_holds_all_is_a_bridge_without_limits(bridging: Bridging) -> None:
    found = bridging(written(lambda log: log.transaction(0, 3)))
    assert found.bridge is not None
    assert (found.bridge.backup, found.bridge.start, found.limits) == ("agama-20261123T000001Z", CHAIN_END, ())


def test_a_log_that_lacks_a_transaction_is_no_bridge(bridging: Bridging) -> None:
    found = bridging(written(lambda log: log.transaction(0, 3)), executed=f"{SOURCE}:1-4")
    lost = f"the source has transactions that its log does not hold: {SOURCE}:4"
    assert found == Before(
        None,
        (f"no moment between agama-20261123T000001Z and this full can be brought back, unless its log was followed: {lost}",),
    )


def test_a_log_with_an_obstacle_leads_up_to_it(bridging: Bridging) -> None:
    def write(log: Log) -> None:
        log.transaction(90, 3)
        statement(log, BAD)

    found = bridging(written(write))
    assert found.bridge is not None
    (limit,) = found.limits
    assert limit.startswith("no moment from 2026-11-23 12:01:30 UTC up to this full can be brought back: the log holds")
    assert REASON in limit


UNREADABLE: list[dict[str, Any]] = [
    {"file": "binlog.000001"},
    DETAILS.model_dump() | {"end": None},
    DETAILS.model_dump() | {"of a later version": 1},
    {},
]


@pytest.mark.parametrize("details", UNREADABLE)
def test_a_manifest_that_is_not_readable_is_named_and_stops_no_full(bridging: Bridging, details: dict[str, Any]) -> None:
    with pytest.raises(Damaged, match=r"the manifest of agama-20261123T000001Z is not a MySQL backup's: \w+"):
        coverage.details_of(manifest(details))
    found = bridging(lambda directory: Pulled((), None), details=details)
    assert "the manifest of agama-20261123T000001Z is not a MySQL backup's" in found.limits[0]
    with pytest.raises(ChainBroken, match="the manifest of agama-20261123T000001Z is not a MySQL backup's"):
        clone._parent(manifest(details))


@pytest.mark.parametrize(("row", "end"), [((700,), 700), ((700, "No"), 700), ((700, "Yes"), 188)])
def test_an_encrypted_files_header_is_in_no_position(row: tuple[Any, ...], end: int) -> None:
    assert pull._end(*row) == end
