"""`lifeboat backup` whose service never answers: a signal ends the command within seconds, and the next one works."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backups.machine import ending, runs
from backups.machine.wait import wait_until
from tests.contract.toy_site import ToySite
from tests.servers import restic
from tests.servers.prefect import ROOT, clean_environment

DEAF = """
from backups.services import registry
from backups.services.registry import ServiceType
from tests.e2e.server import slow_toy
registry.SERVICE_TYPES["toy"] = ServiceType(slow_toy.SlowToySettings, slow_toy.make)
from flows.commands.main import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_backup_of_a_service_that_never_answers_ends_and_leaves_nothing(
    toy: ToySite, tmp_path: Path, number: signal.Signals
) -> None:
    before = [backup.id for backup in toy.open().repository.backups()]
    written = toy.folder / "lifeboat.yaml"
    written.write_text(written.read_text().replace("type: toy,", "type: toy, dwell: deaf,"))
    told = (tmp_path / "said").read_text
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", DEAF, "backup", "--verbose", "--config", str(toy.folder / "lifeboat.yaml")],
            cwd=ROOT,
            env={**clean_environment(), "PREFECT_HOME": str(tmp_path / "none")},
            stdout=said,
            stderr=said,
        )
    try:
        assert wait_until(lambda: "toy: deaf" in told(), seconds=120), told()
        process.send_signal(number)
        assert wait_until(lambda: process.poll() is not None, seconds=60), "it hangs"
    finally:
        process.kill()
        process.wait()
    assert process.returncode == ending.EXIT_CODE, told()
    assert told().count("lifeboat: interrupted; no half backup was kept, nothing is left running") == 1
    assert list((toy.folder / "state" / "runs").iterdir()) == []
    with runs.one_at_a_time(toy.folder / "state", "toy"):
        """Its lock is free."""
    site = toy.configure()
    assert [backup.id for backup in site.repository.backups()] == before
    assert restic.locks(toy.repository) == []
