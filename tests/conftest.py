"""Fixtures that every level shares. Real servers are started by the modules of tests/servers/."""

import functools
import gc
import hashlib
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from backups.machine import runs
from backups.machine.runs import Run
from tests import side_by_side
from tests.servers import leftovers, restic

# Who starts us may have us ignore signals (a shell in the background, nohup), and with us every program that a test signals.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, signal.SIG_DFL)

# What is imported and collected stays until the end: a search for garbage among it finds none, and is a fifth of what it costs.
gc.disable()

# Grafana derives a key by 10,000 rounds of SHA-256 for each value that it seals: the same databases are built and looked at again and again.
pytest.MonkeyPatch().setattr(hashlib, "pbkdf2_hmac", functools.cache(hashlib.pbkdf2_hmac))

# No property is timed, and every run tries the same examples: what fails here fails again on the desk.
settings.register_profile("lifeboat", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lifeboat")
# What `make unit` tries, which is run at each commit; `make test` tries them all.
settings.register_profile("quick", settings.get_profile("lifeboat"), max_examples=25)

pytest_plugins = [
    "tests.servers.mysql",
    "tests.servers.mysql_chain",
    "tests.servers.mysql_operator",
    "tests.servers.prometheus",
    "tests.servers.grafana",
    "tests.servers.prefect",
    "tests.servers.repositories",
    "tests.servers.ssh",
]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test begins without the configuration of this machine; its umask, and how it logs, are not the next test's."""
    before = os.umask(0)
    os.umask(before)
    for name in [name for name in os.environ if name.startswith(("LIFEBOAT_", "RESTIC_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    yield
    os.umask(before)
    logging.setLogRecordFactory(logging.LogRecord)


ROOT = Path(__file__).parents[1]
FIELD_DATA = ROOT.parent / "shared" / "field-data"


def pytest_configure(config: pytest.Config) -> None:
    """Begin on a clean machine, and give the tests, and whatever they start, a `restic` whose keys cost nothing."""
    if hasattr(config, "workerinput"):
        # A worker has it from whoever started it.
        return
    leftovers.clear()
    config.add_cleanup(leftovers.clear)
    folder = restic.install()
    config.add_cleanup(lambda: shutil.rmtree(folder))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Field data is real data that may be absent; everything else always runs."""
    if FIELD_DATA.is_dir():
        return
    for item in items:
        if item.get_closest_marker("field"):
            item.add_marker(pytest.mark.skip(reason="../shared/field-data is not on this machine"))


def pytest_collection_finish() -> None:
    """From here on garbage is searched for as always, but not among what is there already."""
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before each test."""
    side_by_side.require_listed(item)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After each test, and after what is torn down with it."""
    # Only a worker gets the files that share something one after the other; one by one, others come between, and it ends with the session.
    if hasattr(item.config, "workerinput"):
        side_by_side.end(item, nextitem)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> side_by_side.Scheduling:
    """How tests are given to workers."""
    return side_by_side.Scheduling(config, log)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory of its own, which servers in containers may walk through."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o711)
    for parent in (directory, *directory.parents):
        if parent.owner() == "root" and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    return directory


@pytest.fixture
def run(state: Path) -> Iterator[Run]:
    """A live run, cleared at the end."""
    with runs.start(state) as live:
        yield live


@pytest.fixture
def docker_cli() -> object:
    """Docker as a person at the keyboard would use it."""

    def call(*arguments: str) -> str:
        return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()

    return call
