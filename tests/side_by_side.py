"""Tests side by side (`-n 4`): a file's tests on one worker, and so the files that share what takes a minute to make.

pytest-xdist's own groups (`--dist loadgroup`) do nothing under pytest 9.2: it writes them into an attribute that is there no more.
"""

from contextlib import ExitStack

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED = {
    "station": tuple(f"tests/e2e/server/test_{name}.py" for name in ("ending", "fleet", "fleet_retry", "password", "running")),
    "rehearsed": ("tests/e2e/test_demo.py", "tests/e2e/test_drills_that_must_fail.py", "tests/e2e/test_together.py"),
    "prefect_server": ("tests/integration/flows/test_flows.py", "tests/integration/flows/test_restore_flow.py"),
    "prefect_process": (
        "tests/integration/alerts/test_alerts.py",
        "tests/integration/server/test_fleet_post.py",
        "tests/integration/watch/test_watching.py",
    ),
    "prometheus_chain": tuple(f"tests/integration/prometheus/test_{name}.py" for name in ("chain", "faults", "handed_over")),
}
"""Fixture -> the files that use it. Each takes from a quarter of a minute to two to make, and some go on using the machine."""

_ends: dict[str, ExitStack] = {}

_GROUPS = {path: fixture for fixture, paths in SHARED.items() for path in paths}


class Scheduling(LoadScopeScheduling):
    """Gives a worker one file, or all files that share a fixture, at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def until_their_end(fixture: str) -> ExitStack:
    """What a shared fixture ends on: after the last test of its files, where a session would go on with what computes all the time."""
    return _ends.setdefault(fixture, ExitStack())


def end(item: pytest.Item, following: pytest.Item | None) -> None:
    """Between two tests: end what the first one's files shared when the next one is of another file."""
    group = _group(item.nodeid)
    if following is None or _group(following.nodeid) != group:
        _ends.pop(group, ExitStack()).close()


def _group(nodeid: str) -> str:
    path = nodeid.split("::", 1)[0]
    return _GROUPS.get(path, path)


def require_listed(item: pytest.Item) -> None:
    """Fail a test that uses one of the shared fixtures in a file that is not listed: it would be made once more for that file."""
    path = item.nodeid.split("::", 1)[0]
    for fixture in SHARED.keys() & set(getattr(item, "fixturenames", ())):
        if path not in SHARED[fixture]:
            pytest.fail(f"{path} uses the fixture {fixture}: list it in tests/side_by_side.py", pytrace=False)
