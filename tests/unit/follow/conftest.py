"""A source to follow, and a machine that follows it."""

import random
from pathlib import Path

import pytest

from tests.unit.follow.followed import Followed, Machine


@pytest.fixture
def source(tmp_path: Path) -> Followed:
    made = Followed(tmp_path / "repository", random.Random(1))
    made.directory.mkdir()
    return made


@pytest.fixture
def machine(source: Followed, tmp_path: Path) -> Machine:
    return Machine(source, tmp_path)
