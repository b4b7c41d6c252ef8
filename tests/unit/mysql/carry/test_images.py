"""Every image of a wanted table's rows reaches a throw-away table: one for all of them, or one for each side of a change."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from backups.services.mysql.binlog import rows
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import images
from backups.services.mysql.carry.images import Places
from tests.unit.mysql.binlog.test_transactions import RECORDED, piece

_HEADER = 19
UP_TO = 1659
"""Of the recorded log: `a` got 3 rows, 2 were updated, 1 deleted; `b` got 2, which were updated."""


def inserted(pieces: list[Piece], wanted: Mapping[tuple[str, str], Places]) -> dict[int, list[bytes]]:
    """The images that the statements insert, by the number of the throw-away table."""
    found: dict[int, list[bytes]] = {}
    for number, statement in images.statements(pieces, wanted):
        log = base64.b64decode(re.findall(r"BINLOG '(.*)'", statement)[0])
        body = _HEADER
        first = int.from_bytes(log[9:13], "little")
        table = rows.table_map(log, body, first)
        assert (table.schema, table.name) == (images.SCHEMA, images.table_name(number))
        event = rows.rows(log[first + 4], log, first + body, len(log))
        assert log[first + 4] == 30
        begin = event.first
        for end in rows._ends(event, table, log):
            found.setdefault(number, []).append(log[begin:end])
            begin = end
    return found


@pytest.mark.parametrize("full", [1, 60, 1 << 20], ids="an event is full at {} bytes".format)
@pytest.mark.parametrize("held", [1, 16 << 20], ids="{} bytes are held".format)
def test_they_are_all_there_and_those_of_before_apart_where_that_matters(
    full: int, held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_EVENT", full)
    monkeypatch.setattr(images, "_HELD", held)
    log = [piece(tmp_path, RECORDED[:UP_TO])]
    together = inserted(log, {("shop", "a"): (1, 1), ("shop", "b"): (2, 2)})
    assert {number: len(each) for number, each in together.items()} == {1: 3 + 2 * 2 + 1, 2: 2 + 2 * 2}
    apart = inserted(log, {("shop", "a"): (1, 2), ("shop", "b"): (3, 4)})
    assert {number: len(each) for number, each in apart.items()} == {1: 2 + 1, 2: 3 + 2, 3: 2, 4: 2 + 2}
    assert (sorted(apart[1] + apart[2]), sorted(apart[3] + apart[4])) == (sorted(together[1]), sorted(together[2]))
    # What came is what went, and what is there still: two of the three rows of `a` that were inserted, and both of `b`.
    left = {number: [*apart[number + 1]] for number in (1, 3)}
    for number, there in left.items():
        for image in apart[number]:
            there.remove(image)
    assert {number: len(there) for number, there in left.items()} == {1: 2, 3: 2}


def test_a_table_that_nobody_asks_for_is_passed_by(tmp_path: Path) -> None:
    assert inserted([piece(tmp_path, RECORDED[:UP_TO])], {("shop", "b"): (7, 7)}).keys() == {7}
