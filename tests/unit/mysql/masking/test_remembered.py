"""What is remembered is what would be made anew, and no more of it than memory has room for."""

from backups.services.mysql.masking import remembered
from backups.services.mysql.masking.remembered import Remembered


def test_a_value_is_made_once() -> None:
    made: list[bytes] = []
    found = Remembered(lambda key: made.append(key) or key.upper(), none=b"NULL")
    assert [found[key] for key in (b"a", b"b", b"a", None, b"b", None)] == [b"A", b"B", b"A", b"NULL", b"B", b"NULL"]
    assert made == [b"a", b"b"]


def test_memory_has_a_limit() -> None:
    found: Remembered[bytes, bytes] = Remembered(lambda key: key, none=b"NULL")
    for at in range(remembered._MOST + 2):
        found[b"%d" % at]
    assert len(found) == 2
    assert found[None] == b"NULL"
    assert found[b"x" * 101] == b"x" * 101
    assert len(found) == 2
