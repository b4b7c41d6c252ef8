"""The reader of tar streams against Python's writer and GNU tar: any names and sizes, whatever pieces they come in, and no short file."""

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.places.remote.tar_stream import members

CONTENT = {
    "a": b"",
    "b": b"x" * 511,
    "c": b"y" * 512,
    "d": bytes(range(256)) * 5,
    "deep/" * 60 + "e": b"long name",
    "odd\nname \udcff": b"odd",
    "exactly-" + "n" * 92: b"hundred",
}


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape") as writer:
        directory = tarfile.TarInfo("directory")
        directory.type = tarfile.DIRTYPE
        writer.addfile(directory)
        for name, content in CONTENT.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            writer.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pieces(data: bytes, size: int) -> Callable[[int], bytes]:
    stream = io.BytesIO(data)
    return lambda most: stream.read(min(most, size))


def unpacked(read: Callable[[int], bytes], directory: Path) -> dict[str, bytes]:
    found = {}
    for member, content in members(read):
        if member.isreg():
            with (directory / "file").open("wb", buffering=0) as file:
                content.copy(member.size, file)
            found[member.name] = (directory / "file").read_bytes()
    return found


@pytest.mark.parametrize("size", [1, 7, 512, 1 << 20])
def test_whatever_pieces_it_comes_in(size: int, tmp_path: Path) -> None:
    assert unpacked(pieces(archive(), size), tmp_path) == CONTENT


def test_members_that_nobody_wants_are_passed_over() -> None:
    assert [member.name for member, _ in members(pieces(archive(), 100))] == ["directory", *CONTENT]


def test_what_gnu_tar_writes_is_read(tmp_path: Path) -> None:
    for name, content in CONTENT.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    command = ["tar", "-C", str(tmp_path / "tree"), "--format=gnu", "-cf", "-", "."]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert {name.removeprefix("./"): content for name, content in unpacked(pieces(data, 999), tmp_path).items()} == CONTENT


def test_a_stream_that_ends_too_early_is_an_error_and_gives_no_whole_file(tmp_path: Path) -> None:
    data = archive()
    end = data.rindex(b"hundred")
    for cut in (0, 100, 512, 1024, 1600, end + 3):
        with pytest.raises(tarfile.ReadError, match="unexpected end of data"):
            unpacked(pieces(data[:cut], 300), tmp_path)


def test_what_is_no_tar_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(tarfile.TarError):
        unpacked(pieces(b"login: " * 1000, 300), tmp_path)
