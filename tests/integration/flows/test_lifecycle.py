"""How a flow's process ends when its worker is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.prefect import ROOT, clean_environment

FLOW = """
import sys
from pathlib import Path
from flows import lifecycle
from prefect.logging import get_logger
from prefect.logging.configuration import setup_logging
setup_logging()
lifecycle.begin()
print("begun", flush=True)
sys.stdin.readline()
get_logger("engine").error("Crash detected!")
Path(sys.argv[1]).write_text("reported")
"""


@pytest.mark.parametrize("under_a_worker", [True, False])
def test_a_flow_reports_its_end_also_when_nobody_reads_what_it_prints(tmp_path: Path, under_a_worker: bool) -> None:
    """The worker that read it was killed. Without the worker rich ends the process, as it does any command in a pipe."""
    mark = {"PREFECT__FLOW_RUN_ID": "0"} if under_a_worker else {}
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", FLOW, str(tmp_path / "said")],
        cwd=ROOT, env={**clean_environment(), "PREFECT_HOME": str(tmp_path), **mark}, stdin=subprocess.PIPE, stdout=write, stderr=write,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read, "rb") as reader:
        for line in reader:
            if line == b"begun\n":
                break
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    process.wait()
    assert (tmp_path / "said").exists() == under_a_worker
