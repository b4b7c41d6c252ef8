"""A volume that a restore makes is its own: one that is there already is somebody's."""

from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.places.base import Ownership
from backups.places.container import NewVolume


class Engine:
    """Docker that has a volume of every name, and writes down what it is told to do."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def has_volume(self, name: str) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        self.told.append(name)
        raise AssertionError(name)


def test_nothing_is_put_into_a_volume_that_is_there(tmp_path: Path) -> None:
    docker = Engine()
    volume = NewVolume(cast("Any", docker), "n-outside-2")
    with pytest.raises(LifeboatError, match="docker volume n-outside-2 is there already"):
        volume.put(tmp_path, Ownership("", 0, 0, 0o700))
    assert docker.told == []
