"""What the core's tests share: repositories, a tiny disk, and processes that can be killed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.machine.docker import STATE_LABEL, Docker
from backups.repository.repository import Repository
from backups.secret import Secret

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 23, 0, 0, 5, tzinfo=UTC)

Child = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def _empty_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: restic spends seconds on deriving its key."""
    directory = tmp_path_factory.mktemp("empty")
    repository_at(directory / "repository").ensure()
    return directory / "repository"


def repository_at(path: Path, password: str = "correct horse") -> Repository:
    return Repository(str(path), path.parent / "cache" / "restic", password=Secret(password), patience=20)


@pytest.fixture
def repository(_empty_repository: Path, tmp_path: Path) -> Repository:
    """An empty restic repository of the test's own."""
    subprocess.run(["cp", "-r", str(_empty_repository), str(tmp_path / "repository")], check=True)
    return repository_at(tmp_path / "repository")


def children(process: "subprocess.Popen[str]") -> list[int]:
    """The process ids of what a process has begun and that has not ended."""
    return [int(pid) for path in Path(f"/proc/{process.pid}/task").glob("*/children") for pid in path.read_text().split()]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    disk = tmp_path / "small-disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """Start a Python process that runs the given code in this checkout; it is gone when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
        script = tmp_path / f"child-{len(started)}.py"
        script.write_text(code)
        process = subprocess.Popen(
            [sys.executable, "-u", str(script), *map(str, arguments)],
            cwd=ROOT,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    # Only a test that fails leaves some: a killed child's containers are what the reaper is tested on.
    Docker().remove_labelled(f"{STATE_LABEL}={tmp_path / 'state'}")


def said(process: "subprocess.Popen[str]") -> str:
    """The next line that a child prints; waits for it."""
    assert process.stdout
    line = process.stdout.readline().strip()
    assert line, f"the child said nothing; it ended with {process.poll()}"
    return line
