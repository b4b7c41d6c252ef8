"""A zone is read to the second of every change of its clocks, and written so that a C library gives the same local times."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from backups.services.mysql.copy.zone_file import zone_file
from backups.services.mysql.source import zone
from backups.services.mysql.source.connection import Session

END = 2**31 - 1
ZONES = [
    "America/New_York",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Monrovia",
]


def server_in(name: str, *, last: int = END) -> Callable[..., list[tuple[object, ...]]]:
    """Answer as a server in that zone does; with NULL beyond `last`."""

    def rows(session: Session, statement: str, arguments: object = None) -> list[tuple[object, ...]]:
        moments = [int(each) for each in re.findall(r"FROM_UNIXTIME\((\d+)\)", statement)]
        if not moments:
            return [("SYSTEM",)]
        at = [datetime.fromtimestamp(moment, ZoneInfo(name)).replace(tzinfo=None) for moment in moments]
        assert statement == f"SELECT CONCAT_WS(',', {', '.join(f'FROM_UNIXTIME({moment})' for moment in moments)})"
        return [(",".join(str(local) for moment, local in zip(moments, at, strict=True) if moment <= last),)]

    return rows


def read(monkeypatch: pytest.MonkeyPatch, name: str, *, last: int = END) -> zone.Zone | None:
    """Read the zone of a server there."""
    monkeypatch.setattr(zone, "rows", server_in(name, last=last))
    return zone.read(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ZONES)
def test_a_copy_has_every_local_time_of_its_source(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, at and after each change, and in between, from 1970 to 2038; the file is read as the C library reads it."""
    found = read(monkeypatch, name)
    assert found
    real, ours = ZoneInfo(name), ZoneInfo.from_file(io.BytesIO(zone_file(found)))
    moments = [*range(0, END, 40 * 3600 + 7), *(begin + step for begin, _ in found[1:] for step in (-3601, -1, 0, 1, 3601)), END]
    different = [
        moment
        for moment in moments
        if datetime.fromtimestamp(moment, real).utcoffset() != datetime.fromtimestamp(moment, ours).utcoffset()
    ]
    assert different == []


def test_new_yorks_clocks_change_when_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right values, by hand: in 2026 on 8 March and 1 November at 02:00."""
    found = dict(read(monkeypatch, "America/New_York") or ())
    assert found[0] == -5 * 3600
    assert found[int(datetime(2026, 3, 8, 7, tzinfo=UTC).timestamp())] == -4 * 3600
    assert found[int(datetime(2026, 11, 1, 6, tzinfo=UTC).timestamp())] == -5 * 3600


@pytest.mark.parametrize("name", ["UTC", "Asia/Kolkata", "Etc/GMT+12"])
def test_a_zone_without_changes_is_its_offset_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to keep."""
    assert read(monkeypatch, name) == ()


def test_a_server_that_does_not_answer_for_every_moment_gives_no_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the backup says so; half a zone would be a wrong one."""
    assert read(monkeypatch, "America/New_York", last=10**9) is None
