"""The reader of the binary log's wire format, on streams written here: what is whole comes through, and nothing else does."""

import struct
from collections.abc import Callable, Iterator
from itertools import count
from zlib import crc32

import pymysql.err
import pytest

from backups.services.mysql.binlog.stream import MAGIC, LogError, LogReader

ROTATE, DESCRIPTION, ROWS, HEARTBEAT = 4, 15, 30, 27
ARTIFICIAL = 0x20
PACKET_MAX = 0xFFFFFF


def event(kind: int, body: bytes, end: int, *, flags: int = 0, when: int = 1000, checksum: bool = True) -> bytes:
    """An event as the file holds it; `end` is the offset after it."""
    size = 19 + len(body) + (4 if checksum else 0)
    plain = struct.pack("<IBIIIH", when, kind, 1, size, end & 0xFFFFFFFF, flags) + body
    return plain + struct.pack("<I", crc32(plain)) if checksum else plain


def description(end: int | None = None, *, checksum: bool = True, when: int = 1234) -> bytes:
    """A format description event; `end` 0: as it is sent for a start inside the file."""
    body = b"\x04\x009.7.4" + bytes(20) + bytes([checksum])
    end = 4 + 19 + len(body) + 4 if end is None else end
    plain = struct.pack("<IBIIIH", when, DESCRIPTION, 1, 19 + len(body) + 4, end, 0) + body
    return plain + struct.pack("<I", crc32(plain))


def turn(file: str, offset: int = 4) -> bytes:
    """The artificial rotate event that a dump, and each of its files, begins with."""
    return event(ROTATE, struct.pack("<Q", offset) + file.encode(), 0, flags=ARTIFICIAL)


def events(start: int, *bodies: bytes, checksum: bool = True) -> list[bytes]:
    """Row events, one after the other from offset `start`."""
    result = []
    for body in bodies:
        start += 19 + len(body) + (4 if checksum else 0)
        result.append(event(ROWS, body, start, checksum=checksum))
    return result


def packets(*payloads: bytes) -> bytes:
    """Payloads as packets, the long ones split, numbered from 1."""
    stream, numbers = bytearray(), count(1)
    for payload in payloads:
        rest, length = payload, PACKET_MAX
        while length == PACKET_MAX:
            length = min(len(rest), PACKET_MAX)
            stream += length.to_bytes(3, "little") + bytes([next(numbers) & 0xFF]) + rest[:length]
            rest = rest[length:]
    return bytes(stream)


def sent(*parts: bytes) -> bytes:
    """Events as a server sends them, then the packet that says that this is all."""
    return packets(*(b"\x00" + part for part in parts), b"\xfe\x00\x00\x02\x00")


def arriving(stream: bytes, size: int = 1 << 16) -> Callable[[memoryview], int]:
    """A connection on which `stream` arrives, `size` bytes at a time, before it is closed."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(stream), size):
            yield stream[start : start + size]

    waiting = pieces()

    def receive(buffer: memoryview) -> int:
        piece = next(waiting, b"")
        buffer[: len(piece)] = piece
        return len(piece)

    return receive


class Files(dict[tuple[str, int], bytearray]):
    """Keeps what is read, by file and offset."""

    def begin(self, file: str, offset: int) -> None:
        self._now = self[file, offset] = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        self._now += data


def read(stream: bytes, until: tuple[str, int], size: int = 1 << 16) -> Files:
    files = Files()
    LogReader(arriving(stream, size), files, until).run()
    return files


FDE = description()
START = 4 + len(FDE)


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 16])
def test_files_come_through_whole_however_they_arrive(size: int) -> None:
    """Two files, split anywhere."""
    first = events(START, *(bytes([number]) * number for number in range(120)))
    end = START + sum(map(len, first))
    rotate = event(ROTATE, struct.pack("<Q", 4) + b"log.2", end + 19 + 8 + 5 + 4)
    second = events(START, b"x", b"yy")
    stream = sent(turn("log.1"), FDE, *first, rotate, turn("log.2"), FDE, *second, *events(START + 51, b"later"))
    files = read(stream, ("log.2", START + sum(map(len, second))), size)
    assert files == {("log.1", 0): MAGIC + FDE + b"".join(first) + rotate, ("log.2", 0): MAGIC + FDE + b"".join(second)}


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_up_to_a_files_beginning_is_all_before_it_whatever_the_files_sizes_are(size: int) -> None:
    """A file that a crash ended has no rotate event; of the wanted file nothing is kept."""
    first, second = events(START, b"a"), events(START, b"b", b"c")
    stream = sent(turn("log.1"), FDE, *first, turn("log.2"), FDE, *second, turn("log.3"), FDE, *events(START, b"later"))
    files = read(stream, ("log.3", 0), size)
    assert files == {("log.1", 0): MAGIC + FDE + b"".join(first), ("log.2", 0): MAGIC + FDE + b"".join(second)}
    with pytest.raises(LogError, match=r"the log ended there; wanted up to log\.4:0"):
        read(stream, ("log.4", 0), size)


def test_a_start_inside_a_file_takes_bare_events() -> None:
    """The description that the server sends there is not part of the file."""
    wanted = events(5000, b"a", b"b")
    stream = sent(turn("log.7", 5000), description(0), event(HEARTBEAT, b"log.7", 5000), *wanted)
    assert read(stream, ("log.7", 5000 + sum(map(len, wanted)))) == {("log.7", 5000): b"".join(wanted)}


@pytest.mark.parametrize("length", [PACKET_MAX - 24, PACKET_MAX - 25, PACKET_MAX, 2 * PACKET_MAX + 10])
def test_events_beyond_a_packet_come_through_whole(length: int) -> None:
    """Also the one that fills its packet to the last byte, after which an empty packet follows."""
    wanted = events(START, b"before", bytes(length), b"after")
    stream = sent(turn("log.1"), FDE, *wanted)
    files = read(stream, ("log.1", START + sum(map(len, wanted))), 1 << 20)
    assert files["log.1", 0] == MAGIC + FDE + b"".join(wanted)


def test_a_log_without_checksums_comes_through() -> None:
    """The file's description says that there are none."""
    plain = description(checksum=False)
    wanted = events(4 + len(plain), b"a", b"b", checksum=False)
    files = read(sent(turn("log.1"), plain, *wanted), ("log.1", 4 + len(plain) + sum(map(len, wanted))))
    assert files["log.1", 0] == MAGIC + plain + b"".join(wanted)


def test_positions_beyond_four_gibibytes_wrap_and_are_followed() -> None:
    """An event's own position has four bytes; the file is longer."""
    start = (1 << 32) - 30
    wanted = events(start, b"a", b"b", b"c")
    end = start + sum(map(len, wanted))
    assert read(sent(turn("log.1", start), description(0), *wanted), ("log.1", end))["log.1", start] == b"".join(wanted)


def test_without_a_position_only_the_creation_stamp_is_read() -> None:
    """What is asked of a file to know it again."""
    reader = LogReader(arriving(sent(turn("log.1"), FDE, *events(START, b"a"))))
    reader.run()
    assert (reader.file, reader.created) == ("log.1", 1234)


THREE = events(START, b"one", b"two", b"three")
END = START + sum(map(len, THREE))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("stream", "until", "words"),
    [
        (sent(turn("log.1"), FDE, THREE[0], flipped(THREE[1], 20), THREE[2]), END, "checksum of the event"),
        (sent(turn("log.1"), flipped(FDE, 25), *THREE), END, "checksum of the file's description"),
        (sent(turn("log.1"), FDE, THREE[0], THREE[2]), END, "says that it ends at"),
        (sent(turn("log.1"), FDE, THREE[0], THREE[1]), END, "the log ended there"),
        (sent(turn("log.1"), FDE, THREE[0], THREE[1][:-1], THREE[2]), END, "1 bytes shorter than it says"),
        (sent(turn("log.1"), FDE, THREE[0], THREE[1] + b"x", THREE[2]), END, "1 bytes longer than it says"),
        (sent(turn("log.1"), FDE, b"short"), END, "5 bytes are too few for an event"),
        (sent(turn("log.1"), FDE, *THREE), END - 1, "is inside an event"),
        (sent(turn("log.1"), FDE, *THREE, turn("log.2"), FDE), END + 1, "the file ended there"),
        (sent(turn("log.1"), FDE, *THREE)[:-60], END, "the server ended the connection"),
        (packets(*(b"\x00" + part for part in (turn("log.1"), FDE))) + sent(*THREE), END, "packet 1 came instead of 3"),
        (sent(turn("log.1", 200), FDE, *THREE), END, "the file's description says that it ends at"),
    ],
)
def test_a_log_that_is_not_whole_is_refused(stream: bytes, until: int, words: str) -> None:
    """Each way in which bytes may be lost, doubled or changed on their way, and a position that no event ends at."""
    with pytest.raises(LogError) as caught:
        read(stream, ("log.1", until))
    assert words in caught.value.message
    assert f"wanted up to log.1:{until}" in caught.value.message


def test_a_flipped_byte_in_an_event_beyond_a_packet_is_found() -> None:
    """Its checksum is reckoned piece by piece."""
    (large,) = events(START, bytes(PACKET_MAX + 100))
    stream = sent(turn("log.1"), FDE, flipped(large, PACKET_MAX + 10))
    with pytest.raises(LogError, match="checksum"):
        read(stream, ("log.1", START + len(large)))


def test_a_refusal_of_the_server_is_pymysqls_error() -> None:
    """The caller knows what its number means."""
    with pytest.raises(pymysql.err.OperationalError) as caught:
        read(packets(b"\xff" + struct.pack("<H", 1236) + b"#HY000Could not find first log file name"), ("log.1", 500))
    assert caught.value.args == (1236, "Could not find first log file name")
