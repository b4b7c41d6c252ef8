"""What a kit installs: this very Lifeboat, all of it, and the packages that it runs with and no others."""

import base64
import hashlib
import io
import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from verification.rescue import program
from verification.rescue.page import commands

ROOT = Path(__file__).parents[4]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", each)[0].lower() for each in requirements}


@pytest.fixture(scope="module")
def wheel() -> zipfile.ZipFile:
    name, content = program.built()
    assert re.fullmatch(r"lifeboat-[0-9.]+-py3-none-any\.whl", name)
    return zipfile.ZipFile(io.BytesIO(content))


def test_the_wheel_holds_every_file_of_every_package(wheel: zipfile.ZipFile) -> None:
    packages = [each.removesuffix("*") for each in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]
    here = {
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    there = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert there == here


def test_its_record_names_each_file_with_its_digest(wheel: zipfile.ZipFile) -> None:
    (record,) = [name for name in wheel.namelist() if name.endswith("/RECORD")]
    lines = dict(line.split(",", 1) for line in wheel.read(record).decode().splitlines())
    assert lines.keys() == set(wheel.namelist())
    for name, stated in lines.items():
        content = wheel.read(name)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert stated == ("," if name == record else f"sha256={digest},{len(content)}")


def test_it_has_the_command_and_the_same_program_makes_the_same_wheel(wheel: zipfile.ZipFile) -> None:
    (points,) = [name for name in wheel.namelist() if name.endswith("/entry_points.txt")]
    assert "lifeboat = flows.commands.main:main" in wheel.read(points).decode()
    assert program.built() == program.built()


def test_the_lock_names_what_it_runs_with_and_nothing_of_its_developers() -> None:
    kept = set(program._entries(program.needed(LOCK)))
    assert names(PROJECT["project"]["dependencies"]) <= kept
    only_of_developers = names(PROJECT["dependency-groups"]["dev"]) - names(PROJECT["project"]["dependencies"])
    assert only_of_developers
    assert not only_of_developers & kept
    assert {"starlette", "cffi"} <= kept, "what the dependencies need themselves"


def test_a_lock_keeps_what_is_needed_at_second_hand_and_drops_the_rest() -> None:
    lock = (
        "a==1 \\\n    --hash=sha256:aa\n    # via lifeboat (pyproject.toml)\n"
        "b==1 \\\n    --hash=sha256:bb\n    # via\n    #   a\n    #   x\n"
        "c==1 ; python_full_version < '3.12' \\\n    --hash=sha256:cc\n    # via b\n"
        "c==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:dd\n    # via b\n"
        "d==1 \\\n    --hash=sha256:ee\n    # via x\n"
        "x==1 \\\n    --hash=sha256:ff\n    # via lifeboat (pyproject.toml:dev)\n"
    )
    kept = program.needed(lock)
    assert re.findall(r"^(\w)==(\d)", kept, re.MULTILINE) == [("a", "1"), ("b", "1"), ("c", "1"), ("c", "2")]
    assert re.findall(r"^(\w)==(\d) \\$", program.for_python(kept, "3.13"), re.MULTILINE) == [("a", "1"), ("b", "1"), ("c", "2")]
    assert "sha256:cc" not in program.for_python(kept, "3.13")


@pytest.mark.parametrize("python", ["3", "3.13.1", "../3", "2.7", ""])
def test_what_is_no_version_of_python_is_told_before_anything_is_fetched(python: str) -> None:
    with pytest.raises(LifeboatError, match="is no version of Python"):
        program.files([python])


def test_without_its_lock_it_cannot_be_carried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(program, "_ROOT", tmp_path)
    with pytest.raises(LifeboatError, match="cannot carry Lifeboat itself"):
        program.files()


def test_the_script_is_one_that_a_shell_reads() -> None:
    subprocess.run(["sh", "-n"], input=program._SCRIPT.encode(), check=True)
    assert program.FOLDER in commands("kit.age")[2][0]
    assert f"{program.FOLDER}/{program.INSTALL}" in commands("kit.age")[3][0]
