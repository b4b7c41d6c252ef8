"""The bytes of an answer's rows: split as the server joined them, and never a row too few when the answer is not whole."""

import io
from collections.abc import Sequence
from typing import Any

import pymysql.err
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.services.mysql.source import raw_rows

EOF = b"\xfe\0\0\x02\0"
LARGE = 0xFFFFFF


class Result:
    """What pymysql has read before the rows."""

    field_count = 2
    unbuffered_active = True


class Stream:
    """A session whose server has sent these packets, the first of which is numbered 5."""

    encoding = "utf8mb4"

    def __init__(self, *packets: bytes, first: int = 5) -> None:
        sent = (len(packet).to_bytes(3, "little") + bytes([(first + at) & 0xFF]) + packet for at, packet in enumerate(packets))
        self._rfile = io.BytesIO(b"".join(sent))
        self._next_seq_id = 5
        self._result = Result()
        self.closed = False

    def query(self, question: str, *, unbuffered: bool) -> None:
        """Take the question."""
        assert (question, unbuffered) == ("SELECT", True)

    def _force_close(self) -> None:
        self.closed = True


def joined(*values: bytes | None) -> bytes:
    """A row as a server sends it."""
    return b"".join(b"\xfb" if value is None else length(value) + value for value in values)


def length(value: bytes) -> bytes:
    size = len(value)
    if size < 251:
        return bytes([size])
    if size < 1 << 16:
        return b"\xfc" + size.to_bytes(2, "little")
    return b"\xfd" + size.to_bytes(3, "little") if size < 1 << 24 else b"\xfe" + size.to_bytes(8, "little")


def read(stream: Any, size: int = 1 << 20) -> list[Sequence[raw_rows.Row]]:
    return list(raw_rows.batches(stream, "SELECT", size))


@given(
    st.lists(st.one_of(st.none(), st.binary(max_size=400), st.sampled_from([b"x" * 250, b"x" * 251, b"x" * 70_000])), min_size=1)
)
def test_values_come_as_they_were_sent(values: list[bytes | None]) -> None:
    assert raw_rows.row(joined(*values), len(values)) == values


@pytest.mark.parametrize("wrong", [joined(b"a"), joined(b"a", b"b", b"c"), joined(b"a", b"bc")[:-1], b"\x01a\xfc", b"\x01a\xff"])
def test_a_row_that_is_not_whole_is_none(wrong: bytes) -> None:
    stream = Stream(joined(b"1", b"2"), wrong, EOF)
    with pytest.raises(pymysql.err.OperationalError, match="a row of 2 columns came that is not whole"):
        read(stream)
    assert stream.closed


def test_rows_come_in_lists_of_about_that_size_and_their_number_goes_on_from_255() -> None:
    rows = [joined(b"%03d" % at, None) for at in range(600)]
    stream = Stream(*rows, EOF)
    found = read(stream, 50)
    assert [len(batch) for batch in found] == [10] * 60
    assert [row[0] for batch in found for row in batch] == [b"%03d" % at for at in range(600)]
    assert not stream.closed
    assert stream._next_seq_id == (5 + 601) % 256


@pytest.mark.parametrize(("size", "more"), [(LARGE - 5, 0), (LARGE - 4, 1), (2 * LARGE - 10, LARGE)])
def test_a_row_may_take_several_packets(size: int, more: int) -> None:
    """Also one that ends where a packet does: an empty one follows."""
    row = joined(b"x" * size, None)
    assert len(row) == LARGE + more
    pieces = [row[at : at + LARGE] for at in range(0, len(row) + 1, LARGE)]
    (batch,) = read(Stream(*pieces, EOF))
    assert [len(value or b"") for value in batch[0]] == [size, 0]


def test_an_error_among_the_rows_is_the_servers() -> None:
    stream = Stream(joined(b"1", b"2"), b"\xff\x25\x05#70100Query execution was interrupted")
    with pytest.raises(pymysql.err.OperationalError, match="Query execution was interrupted") as caught:
        read(stream)
    assert caught.value.args[0] == 1317
    assert stream.closed


@pytest.mark.parametrize("packets", [(), (joined(b"1", b"2"),), (joined(b"1", b"2"), b"")])
def test_an_answer_without_its_end_is_not_taken_for_a_whole_one(packets: tuple[bytes, ...]) -> None:
    stream = Stream(*packets)
    with pytest.raises(pymysql.err.OperationalError):
        read(stream)
    assert stream.closed


def test_packets_out_of_order_are_refused() -> None:
    stream = Stream(joined(b"1", b"2"), EOF, first=6)
    with pytest.raises(pymysql.err.OperationalError, match="packet 6 came, 5 was due"):
        read(stream)


def test_whoever_does_not_read_to_the_end_has_no_session_any_more() -> None:
    stream: Any = Stream(*[joined(b"1", b"2")] * 9, EOF)
    rows = raw_rows.batches(stream, "SELECT", 1)
    assert next(rows) == [[b"1", b"2"]]
    rows.close()
    assert stream.closed
    # Else pymysql would read what is left when its result is thrown away, of a session that is closed.
    assert not stream._result.unbuffered_active


def test_no_row_is_longer_than_a_server_can_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_rows, "_MOST", 2 * LARGE)
    with pytest.raises(pymysql.err.OperationalError, match="bytes are one row"):
        read(Stream(*[b"x" * LARGE] * 4))
