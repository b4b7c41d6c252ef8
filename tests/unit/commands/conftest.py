"""The command line as a function, in this process and in one of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.flows.conftest import Said, lifeboat

__all__ = ["Said", "lifeboat"]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run Python code with arguments in a process of its own, in an empty directory."""

    def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "COLUMNS": "100"}
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
        )

    return run
