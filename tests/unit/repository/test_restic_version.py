"""Which restic is installed, and what each is asked to do otherwise."""

import os
from pathlib import Path

import pytest

from backups.repository import restic_version


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("restic 0.14.0 compiled with go1.19.8 on linux/amd64\n", (0, 14)),
        ("restic 0.19.1 compiled with go1.26.4 on linux/amd64\n", (0, 19)),
        ("restic 1.0", (1, 0)),
        ("restic 0.15.0-dev (compiled manually)", None),
        ("rustic 0.14.0", None),
        ("restic 0.14rc", None),
        ("", None),
    ],
)
def test_a_version_is_read_to_its_second_number(printed: str, version: tuple[int, int] | None) -> None:
    assert restic_version.read(printed) == version


def test_each_is_given_what_it_knows_alone() -> None:
    given = {version: set(restic_version.environment((0, version))) for version in range(14, 22)}
    assert {version for version, names in given.items() if "RESTIC_COMPRESSION" in names} == {19, 20, 21}
    assert restic_version.environment(None) == {}


def test_another_program_in_its_place_is_asked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for number, when in ((14, 1), (19, 2)):
        program = tmp_path / "restic"
        program.write_text(f"#!/bin/sh\necho restic 0.{number}.0 compiled\n")
        program.chmod(0o755)
        os.utime(program, (when, when))
        assert restic_version.installed() == (0, number)
