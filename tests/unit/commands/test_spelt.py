"""A moment that goes to a flow as text comes out of it as the same moment."""

import inspect
from datetime import UTC, datetime, timedelta

import pytest

from backups.services.base import Point
from flows.commands.options import spelt
from verification.restore import arguments

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GTID = "3e11fa47-71ca-11e1-9e33-c80aa9429562:23"


@pytest.mark.parametrize(
    "moment",
    [
        None,
        NOW,
        NOW.replace(microsecond=5),
        *(Point(position=name, before=before) for name in (GTID, "binlog.000007:4711") for before in (True, False)),
    ],
    ids=str,
)
def test_a_moment_is_the_same_on_the_other_side_of_a_flow(moment: datetime | Point | None) -> None:
    words = spelt(moment)
    assert arguments.asked(words["at"], words["before"], "America/New_York", NOW + timedelta(days=1)) == moment
    # Imported here: Prefect takes a second, and every worker of pytest's imports what every file does at its top.
    from flows.restore import restore_service
    from flows.verify import verify_restores

    for flow in (restore_service, verify_restores):
        assert words.keys() <= inspect.signature(flow.fn).parameters.keys()
