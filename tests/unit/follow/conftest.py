"""A source to follow, and a machine that follows it."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.follow.followed import Followed, Machine


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where the machine lets us: thousands of renames, each of which a disk's file system would write down at once."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as directory:
        yield Path(directory)


@pytest.fixture
def source(tmp_path: Path) -> Followed:
    made = Followed(tmp_path / "repository", random.Random(1))
    made.directory.mkdir()
    return made


@pytest.fixture
def machine(source: Followed, tmp_path: Path) -> Machine:
    return Machine(source, tmp_path)
