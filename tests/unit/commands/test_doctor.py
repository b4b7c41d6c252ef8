"""What the doctor says of the machine's own programs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.commands.doctor import restic_found, state_found


@pytest.mark.parametrize("version", ["0.19.0", "0.19.1", "0.19"])
def test_the_restic_of_the_tests_is_named_and_nothing_is_said_of_it(version: str) -> None:
    found = restic_found(f"restic {version} compiled with go1.19.8 on linux/amd64\n")
    assert (found.ok, found.message) == (True, f"restic {version}")


@pytest.mark.parametrize("version", ["0.14.0", "0.14.7", "0.14"])
def test_of_the_old_one_it_is_said_what_the_new_one_brings(version: str) -> None:
    found = restic_found(f"restic {version} compiled with go1.19.8 on linux/amd64\n")
    assert found.ok
    assert found.message.startswith(f"restic {version}; 0.19 saves in two thirds of the time")


@pytest.mark.parametrize("version", ["0.20.0", "0.190.0", "1.14.0", "0.9.6", "0.15.0-dev", "0.1.14", "0.140.0"])
def test_of_any_other_it_is_said_what_is_not_proven(version: str) -> None:
    found = restic_found(f"restic {version} compiled with go1.26.4 on linux/amd64\n")
    assert found.ok
    assert f"restic {version}, which Lifeboat is not tested with (0.14 and 0.19 are)" in found.message


@pytest.mark.parametrize("printed", ["", "\n", "restic", "rustic 0.14.0", "restic 0.14rc"])
def test_what_is_no_version_is_not_taken_for_the_one_of_the_tests(printed: str) -> None:
    assert "not tested with" in restic_found(printed).message


@pytest.mark.parametrize("there", [True, False])
def test_a_state_directory_that_cannot_be_written_is_not_well(tmp_path: Path, *, there: bool) -> None:
    """Also where it is not there yet: then what is above it is asked."""
    site = cast("Any", SimpleNamespace(state=tmp_path if there else tmp_path / "not" / "yet"))
    assert state_found(site).ok
    refused = state_found(site, lambda path, _: path != tmp_path)
    assert not refused.ok
    assert refused.message == f"{tmp_path} cannot be written by this user"
