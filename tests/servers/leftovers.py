"""What tests that were interrupted or killed left behind: their servers, in containers and as processes.

The next run clears it, and one that is interrupted itself: its workers have ten seconds to end then, too few for all their servers.
"""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

LABEL = "lifeboat.test.process"
"""Of containers: the process id of the tests that started them."""
VARIABLE = "TESTS_OF_LIFEBOAT"
"""The same, in the environment of processes that live on by themselves."""


def clear() -> None:
    """Remove the containers and end the processes whose tests are gone."""
    for container, owner in _containers():
        if not alive(owner):
            subprocess.run(["docker", "rm", "-f", "-v", container], check=False, capture_output=True)
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and (owner := _owner(process)) and not alive(owner):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _containers() -> list[tuple[str, int]]:
    """Every container that tests have started, and their process id."""
    command = ["docker", "ps", "-a", "--filter", f"label={LABEL}", "--format", f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}']
    # Where there is no Docker, no test has left anything in it.
    with contextlib.suppress(FileNotFoundError):
        lines = subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()
        return [(container, int(owner)) for container, owner in (line.split() for line in lines)]
    return []


def _owner(process: Path) -> int | None:
    with contextlib.suppress(OSError):
        for entry in (process / "environ").read_bytes().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == VARIABLE.encode():
                return int(value)
    return None
