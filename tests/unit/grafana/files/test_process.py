"""The Grafana that runs on a place is seen by its process, when it is the only one that does."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.places.local.place import LocalPlace
from backups.services.grafana.files import process


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    """Start processes that are called grafana, with arguments and an environment, and end them again."""
    started: list[subprocess.Popen[bytes]] = []
    (tmp_path / "grafana").symlink_to("/bin/sh")

    def begin(*arguments: str, **environment: str) -> None:
        command = [str(tmp_path / "grafana"), "-c", "read nothing; :", "server", *arguments]
        child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)
        started.append(child)

    yield begin
    for child in started:
        child.communicate()


def test_a_process_is_known_by_its_data_directory(tmp_path: Path, start: object) -> None:
    assert callable(start)
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    other.mkdir()
    (tmp_path / "link").symlink_to(data)
    start("cfg:default.paths.data=/nowhere", GF_DATABASE_TYPE="postgres")
    start(f"--config={other}/grafana.ini", f"cfg:default.paths.data={tmp_path / 'link'}", GF_DATABASE_TYPE="mysql", ODD="a=b\nc")

    found = process.of_machine(LocalPlace(data))

    assert found is not None
    assert (found.environment["GF_DATABASE_TYPE"], found.environment["ODD"]) == ("mysql", "a=b\nc")
    assert found.arguments[-1] == f"cfg:default.paths.data={tmp_path / 'link'}"
    assert process.of_machine(LocalPlace(other)) is None


def test_of_two_on_one_directory_neither_is_believed(tmp_path: Path, start: object) -> None:
    assert callable(start)
    for kind in ("mysql", "sqlite3"):
        start(GF_PATHS_DATA=str(tmp_path), GF_DATABASE_TYPE=kind)

    assert process.of_machine(LocalPlace(tmp_path)) is None


@pytest.mark.parametrize(
    ("arguments", "environment", "is_it"),
    [
        (["cfg:paths.data={data}", "cfg:default.paths.data=/x"], {"GF_PATHS_DATA": "/y"}, True),
        (["cfg:default.paths.data=/x"], {"GF_PATHS_DATA": "{data}"}, True),
        (["cfg:default.paths.data=data"], {}, False),
        ([], {}, False),
    ],
)
def test_what_it_says_of_its_data_counts_in_grafanas_order(
    tmp_path: Path, start: object, arguments: list[str], environment: dict[str, str], is_it: bool
) -> None:
    assert callable(start)
    start(*(one.format(data=tmp_path) for one in arguments), **{name: v.format(data=tmp_path) for name, v in environment.items()})

    assert (process.of_machine(LocalPlace(tmp_path)) is not None) == is_it


class Refusing(LocalPlace):
    """A machine that runs nothing for us, or prints nonsense."""

    said: str | None = None

    def run(self, command: str, *, seconds: float) -> tuple[int, str]:
        if self.said is None:
            raise LifeboatError(f"{command[:3]} within {seconds}", hint="no")
        return 0, self.said


@pytest.mark.parametrize("said", [None, "", "nonsense", "1 ! !", "x YQ== YQ==", "1 YQ== ", "1 YQ== YQ== YQ=="])
def test_a_machine_that_shows_nothing(tmp_path: Path, said: str | None) -> None:
    place = Refusing(tmp_path)
    place.said = said

    assert process.of_machine(place) is None
