"""A log whose events are not where they say is found before it is replayed; one that is as a server wrote it is not."""

import base64
import random
import struct
from pathlib import Path

import pytest

from backups.errors import Damaged
from backups.services.mysql.binlog import in_place
from backups.services.mysql.binlog.chain import RelayLog
from backups.services.mysql.binlog.stream import FIRST

RECORDED = base64.b64decode((Path(__file__).parent / "recorded-9.7.base64").read_text())


def look(directory: Path, content: bytes) -> None:
    (directory / "relay.000001").write_bytes(content)
    in_place.require(directory, [RelayLog("binlog.000003", "relay.000001", len(content), FIRST)])


def events(content: bytes) -> list[bytes]:
    found, at = [], FIRST
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at + 9)
        found.append(content[at : at + length])
        at += length
    return found


@pytest.mark.parametrize("content", [RECORDED, RECORDED[:FIRST], b""])
def test_a_log_as_a_server_wrote_it_is_in_place(tmp_path: Path, content: bytes) -> None:
    look(tmp_path, content)


def test_what_was_moved_left_out_or_doubled_is_named_with_its_offset(tmp_path: Path) -> None:
    """Any event, any of the three: the first one that is not in its place is named."""
    every, chance = events(RECORDED), random.Random(5)
    for _ in range(60):
        at = chance.randrange(len(every) - 1)
        begin = FIRST + sum(map(len, every[:at]))
        swapped = [*every[:at], every[at + 1], every[at], *every[at + 2 :]]
        left_out = [*every[:at], *every[at + 1 :]]
        doubled = [*every[: at + 1], *every[at:]]
        for changed, where in ((swapped, begin), (left_out, begin), (doubled, begin + len(every[at]))):
            if changed == every:
                continue
            with pytest.raises(Damaged, match=rf"cannot be read at binlog\.000003:{where}: an event of \d+ bytes says"):
                look(tmp_path, RECORDED[:FIRST] + b"".join(changed))


@pytest.mark.parametrize("cut", [1, 18, 19, 25])
def test_one_that_is_cut_is_found(tmp_path: Path, cut: int) -> None:
    with pytest.raises(Damaged, match=r"binlog\.000003:"):
        look(tmp_path, RECORDED[:-cut])


def test_a_file_of_more_than_four_gibibytes_is_not_called_damaged(tmp_path: Path) -> None:
    """Offsets have four bytes: they begin anew. A sparse file, whose first event is as long as an event can be."""
    path = tmp_path / "relay.000001"
    first = 0xFFFFFF00
    with path.open("wb") as file:
        for at, length in ((FIRST, first), (FIRST + first, 0x200)):
            file.seek(at)
            file.write(struct.pack("<4xB4xIIH", 2, length, (at + length) & 0xFFFFFFFF, 0))
        file.truncate(FIRST + first + 0x200)
    in_place.require(tmp_path, [RelayLog("binlog.000003", "relay.000001", FIRST + first + 0x200, FIRST)])
