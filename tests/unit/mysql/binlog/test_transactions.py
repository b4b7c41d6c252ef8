"""A log is told transaction by transaction: exactly where its bytes are whole, by name and place where they are not."""

import base64
import random
import struct
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import pytest

from backups.errors import Damaged
from backups.services.mysql.binlog import rows
from backups.services.mysql.binlog.events import walk
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.binlog.transactions import Transaction, transactions

RECORDED = base64.b64decode((Path(__file__).parent / "recorded-9.7.base64").read_text())
"""A log file of MySQL 9.7: inserts, an update of two tables, a delete, ALTER, a minimal image, partial JSON, a compressed one, a statement."""
FILE = "binlog.000002"
TOLD = [
    (198, {"a": (3, 0, 0)}, [], ""),
    (559, {"b": (2, 0, 0)}, [], ""),
    (845, {"a": (0, 2, 0), "b": (0, 2, 0)}, [], ""),
    (1349, {"a": (0, 0, 1)}, [], ""),
    (1659, {}, ["ALTER TABLE b ADD c INT"], ""),
    (1847, {"b": (0, 1, 0)}, [], "rows without all of their columns (binlog_row_image is not FULL)"),
    (2136, {"a": None}, [], "JSON values that were logged in parts (binlog_row_value_options)"),
    (2507, {}, [], "a compressed transaction"),
    (2769, {}, ["DELETE FROM b WHERE id = 2"], ""),
]


def piece(directory: Path, content: bytes, start: int = 0) -> Piece:
    path = directory / "piece"
    path.write_bytes(content)
    return Piece(FILE, start, path)


def told(found: Iterable[Transaction]) -> list[tuple[int, dict[str, object], list[str], str]]:
    return [
        (
            each.start,
            {
                name: (changed.inserted, changed.updated, changed.deleted) if changed.counted else None
                for (_, name), changed in each.changed.items()
            },
            [statement.text for statement in each.statements],
            ", ".join(sorted({*each.odd, *(odd for changed in each.changed.values() for odd in changed.odd)})),
        )
        for each in found
    ]


def test_a_recorded_log_is_told_exactly(tmp_path: Path) -> None:
    found = list(transactions([piece(tmp_path, RECORDED)]))
    assert told(found) == TOLD
    assert [each.commit.number for each in found] == list(range(4, 13))
    assert [(left.commit.end, left.commit.time <= right.commit.time) for left, right in pairwise(found)] == [
        (right.start, True) for right in found[1:]
    ]
    assert {schema for each in found for schema, _ in each.changed} == {"shop"}


def test_a_piece_that_begins_with_any_transaction_tells_the_same_rest(tmp_path: Path) -> None:
    for number, (start, *_) in enumerate(TOLD):
        assert told(transactions([piece(tmp_path, RECORDED[start:], start)])) == TOLD[number:]


@pytest.mark.parametrize("start", [0, 845])
def test_no_flipped_byte_is_read_over(tmp_path: Path, start: int) -> None:
    r = random.Random(start)
    for at in r.sample(range(start, len(RECORDED)), 300):
        broken = bytearray(RECORDED)
        broken[at] ^= 1 << r.randrange(8)
        with pytest.raises(Damaged) as caught:
            list(transactions([piece(tmp_path, bytes(broken[start:]), start)]))
        assert FILE in caught.value.message


def test_no_cut_is_read_over_but_one_between_two_transactions(tmp_path: Path) -> None:
    whole = {0: 0, 4: 0, 127: 0, 198: 0, **{start: number for number, (start, *_) in enumerate(TOLD)}, 3066: 9, len(RECORDED): 9}
    for length, number in whole.items():
        assert told(transactions([piece(tmp_path, RECORDED[:length])])) == TOLD[:number]
    for length in random.Random(1).sample(sorted(set(range(len(RECORDED))) - whole.keys()), 300):
        with pytest.raises(Damaged, match=FILE):
            list(transactions([piece(tmp_path, RECORDED[:length])]))


def changed(event: Callable[[int, bytearray], bytearray | None]) -> bytes:
    """The recorded log with its events changed, or left out, and made whole again: offsets, lengths and checksums."""
    written, at = bytearray(RECORDED[:4]), 4
    sizes: list[tuple[int, int, int]] = []
    while at < len(RECORDED):
        (size,) = struct.unpack_from("<I", RECORDED, at + 9)
        new = event(RECORDED[at + 4], bytearray(RECORDED[at : at + size - 4]))
        if new is not None:
            sizes.append((len(written), len(new) + 4, at))
            struct.pack_into("<II", new, 9, len(new) + 4, len(written) + len(new) + 4)
            written += new + struct.pack("<I", crc32(new))
        at += size
    return bytes(written)


def one_of(content: bytes, directory: Path) -> str:
    return " ".join(odd for *_, odd in told(transactions([piece(directory, content)])))


def kind_of(old: int, new: int) -> Callable[[int, bytearray], bytearray]:
    def change(kind: int, event: bytearray) -> bytearray:
        event[4] = new if kind == old else kind
        return event

    return change


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (26, "an event of type 26"),
        (77, "an event of type 77, which is not known"),
        (162, "an event of type 162"),  # MariaDB's GTID, and its compressed rows
        (166, "an event of type 166"),
        (5, "rows that were logged as statements"),
        (18, "rows that were logged as statements"),
        (23, "rows in the form of servers before 5.6"),
    ],
)
def test_an_event_that_is_not_known_is_said_by_name(tmp_path: Path, new: int, words: str) -> None:
    assert words in one_of(changed(kind_of(32, new)), tmp_path)


def test_a_log_without_transactions_of_mysql_is_all_odd(tmp_path: Path) -> None:
    """As MariaDB's: its own first events are not known here."""
    found = list(transactions([piece(tmp_path, changed(kind_of(33, 162)))]))
    assert found
    assert all(each.odd and each.commit.gtid is None for each in found)


def test_rows_whose_table_the_log_does_not_describe_are_said(tmp_path: Path) -> None:
    def without_maps(kind: int, event: bytearray) -> bytearray | None:
        # Its place is kept, so that transactions stay as long as they say.
        event[4] = 28 if kind == 19 else kind
        return event

    assert "rows of a table that the log does not describe" in one_of(changed(without_maps), tmp_path)


@pytest.mark.parametrize("kind", [20, 243, 254])
def test_rows_with_a_column_of_an_unknown_type_are_not_counted(tmp_path: Path, kind: int) -> None:
    def change(of: int, event: bytearray) -> bytearray:
        if of == 19 and b"shop\0\x01b\0" in event:
            event[event.index(b"shop\0\x01b\0") + 9] = kind
        return event

    found = list(transactions([piece(tmp_path, changed(change))]))
    assert not found[1].changed["shop", "b"].counted
    assert any(odd.startswith("rows that cannot be counted") for odd in found[1].changed["shop", "b"].odd)


def test_an_image_that_is_longer_or_shorter_than_its_event_is_not_counted() -> None:
    table = rows.TableMap(1, "s", "t", bytes([3, 15]), b"\x10\0", b"\3")
    image = b"\0" + b"\1\0\0\0" + b"\2ab"
    for images, number in ((image * 3, 3), (image * 3 + b"\0", None), (image * 3 + image[:-1], None), (b"\1" + b"\2ab", 1)):
        event = rows.Rows(1, 0, 2, (b"\3", b"\3"), paired=False, extra=None, first=0, stop=len(images))
        if number is None:
            with pytest.raises((rows.UnknownForm, IndexError)):
                rows.count(event, table, images)
        else:
            assert rows.count(event, table, images) == number
    with pytest.raises(rows.UnknownForm):
        rows.count(rows.Rows(1, 0, 2, (b"\3", b"\3"), paired=True, extra=None, first=0, stop=len(image)), table, image)
    with pytest.raises(rows.UnknownForm):
        rows.count(rows.Rows(1, 0, 2, (b"\0", b"\0"), paired=False, extra=None, first=0, stop=len(image)), table, image)


def test_images_before_and_after_an_update_are_told_apart() -> None:
    """Of whatever length: NULLs, texts, bits; and an update that is cut off, or lacks its last image, is none."""
    table = rows.TableMap(1, "s", "t", bytes([3, 15, 1]), b"\x10\0", b"\7")
    r = random.Random(3)
    images = []
    for _ in range(40):
        text = r.randbytes(r.randrange(9))
        images.append(
            r.choice((b"\0" + r.randbytes(4) + bytes([len(text)]) + text + b"\7", b"\3\7", b"\7", b"\5\1\0", b"\4\1\2\3\4\0"))
        )
    for number in (0, 2, 40):
        log = b"head" + b"".join(images[:number])
        event = rows.Rows(1, 0, 3, (b"\7", b"\7"), paired=True, extra=None, first=4, stop=len(log))
        assert rows.count(event, table, log) == number
        assert rows.split(event, table, log) == (b"".join(images[:number:2]), b"".join(images[1:number:2]))
    for log in (b"".join(images[:3]), b"".join(images[:2]) + b"\0", b"\7" + b"\0\1\2"):
        event = rows.Rows(1, 0, 3, (b"\7", b"\7"), paired=True, extra=None, first=0, stop=len(log))
        with pytest.raises((rows.UnknownForm, IndexError)):
            rows.split(event, table, log)


def test_an_encrypted_file_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="encrypted"):
        list(walk([piece(tmp_path, b"\xfd" + RECORDED[1:])]))
