"""Every byte of a chunk file is covered: by a checksum that Prometheus wrote, or by the shape of the file."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.services.prometheus import chunks
from backups.services.prometheus.details import Block, BlockFile


def crc32c(data: bytes) -> int:
    """Bit by bit, by the book."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def file_of(contents: list[bytes]) -> bytes:
    """A chunk file as Prometheus writes it."""
    out = bytes.fromhex("85bd40dd01000000")
    for number, data in enumerate(contents):
        body = bytes([1 + number % 3]) + data
        out += varint(len(data)) + body + crc32c(body).to_bytes(4, "big")
    return out


def test_the_checksum_is_the_one_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_whatever_chunks_hold_a_whole_file_is_whole(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("chunks") / "000001"
    path.write_bytes(file_of(contents))
    assert chunks.damage(path) is None


@pytest.mark.long
@pytest.mark.parametrize(
    ("batch", "lengths"),
    # As it is, and ending within the file, which takes no long chunk.
    [(65536, (0, 1, 5, 127, 128, 300, 5)), (3, (0, 1, 5, 127, 128, 3, 5)), (1, (0, 1, 5, 127, 128, 3, 5))],
)
def test_whichever_bit_is_flipped_it_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, lengths: tuple[int, ...]
) -> None:
    monkeypatch.setattr(chunks, "_BATCH", batch)
    chance = random.Random(7)
    whole = file_of([chance.randbytes(length) for length in lengths])
    path = tmp_path / "000001"
    path.write_bytes(whole)
    assert chunks.damage(path) is None
    with path.open("r+b", buffering=0) as file:
        # The rest of the header is a version and padding, which Prometheus itself does not check.
        for position in [*range(4), *range(8, len(whole))]:
            file.seek(position)
            file.write(bytes([whole[position] ^ 1 << chance.randrange(8)]))
            assert chunks.damage(path) is not None, position
            file.seek(position)
            file.write(whole[position : position + 1])
    assert path.read_bytes() == whole
    assert chunks.damage(path) is None


def test_it_says_how_many_and_where(tmp_path: Path) -> None:
    whole = bytearray(file_of([b"a" * 10, b"b" * 10, b"c" * 10]))
    whole[8 + 2 * 16 + 5] ^= 1
    (tmp_path / "000001").write_bytes(whole)
    assert chunks.damage(tmp_path / "000001") == (
        "1 of its 3 chunks have another checksum than was written with them, first at byte 41"
    )
    (tmp_path / "000001").write_bytes(whole[:-3])
    assert str(chunks.damage(tmp_path / "000001")).startswith("it ends in the middle of a chunk, at byte 40")


@pytest.mark.parametrize("content", [b"", b"\x85\xbd", b"\0" * 64])
def test_what_is_no_chunk_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "000001").write_bytes(content)
    assert chunks.damage(tmp_path / "000001") == "it does not begin as a chunk file does"


def test_what_was_looked_at_once_is_known_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, rotten, kept = tmp_path / "whole", tmp_path / "rotten", tmp_path / "state" / "chunks.json"
    whole.write_bytes(file_of([b"a"]))
    rotten.write_bytes(file_of([b"a"])[:-1])
    kept.parent.mkdir()
    kept.write_text("cut off in the mid")
    checked = chunks.Checked(kept)
    assert checked.damage(whole, "1") is None
    assert str(checked.damage(rotten, "2")).startswith("it ends in the middle")
    checked.keep()
    monkeypatch.setattr(chunks, "look", lambda _: pytest.fail("looked at again"))
    again = chunks.Checked(kept)
    assert again.damage(whole, "1") is None
    assert str(again.damage(rotten, "2")).startswith("it ends in the middle")


@pytest.mark.parametrize("earlier", ['{"1": null}', '{"1": "rotten"}', "[]", '{"1": [null]}'])
def test_what_an_earlier_lifeboat_has_found_is_looked_at_again(earlier: str, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text(earlier)
    (tmp_path / "000001").write_bytes(file_of([b"a"]))
    assert chunks.Checked(tmp_path / "kept").damage(tmp_path / "000001", "1") is None


@pytest.mark.parametrize(
    ("files", "lack"),
    [
        ({"chunks/000001": [b"a", b"b"], "chunks/000002": [b"c"]}, None),
        ({"chunks/000001": [b"a", b"b"]}, "its chunk files hold 2 of its 3 chunks"),
        ({"index": [b"a", b"b", b"c"], "chunks/other": [b"a", b"b", b"c"]}, "its chunk files hold 0 of its 3 chunks"),
    ],
)
def test_chunk_files_that_are_gone_are_missed(files: dict[str, list[bytes]], lack: str | None, tmp_path: Path) -> None:
    """The source goes on with them until it is restarted, and its copy cannot answer."""
    checked = chunks.Checked(tmp_path / "kept")
    for number, content in enumerate(files.values()):
        (tmp_path / str(number)).write_bytes(file_of(content))
        checked.damage(tmp_path / str(number), str(number))
    held = tuple(
        BlockFile.model_construct(path=path, size=1, sha256=str(number), backup=None, damage=None)
        for number, path in enumerate(files)
    )
    block = Block.model_construct(ulid="x", min_time=0, max_time=1, files=held)
    assert checked.lacking(block, 3) == lack
    unknown = chunks.Checked(tmp_path / "none")
    assert unknown.lacking(block, 3) == (lack if "0 of" in str(lack) else None)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("chunks/000001", True), ("chunks/1", True), ("chunks/.nfs0001", False), ("chunks/README.txt", False), ("chunks/", False),
     ("chunks/00001.tmp", False), ("chunks/²", False), ("index", False), ("000001", False)],
)  # fmt: skip
def test_what_else_lies_beside_the_chunk_files_is_none(path: str, is_one: bool) -> None:
    """Prometheus passes it by: it is no damage of the history."""
    assert chunks.is_segment(path) is is_one
