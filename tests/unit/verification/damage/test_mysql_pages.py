"""Whether a stored row's damage is still there is told by the row itself: what a log wrote anew, or deleted, is no fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from verification.damage import mysql_pages
from verification.damage.kind import Injected, NotInjected, Stand, Target

DONE = Injected("one bit flipped", ("agama.flag",))


def target(kind: str, unsigned: bool, *end: str) -> Target:
    return ("agama", "flag", "id", "int", "True", "value", kind, str(unsigned), "7", *end)


@pytest.mark.parametrize(
    ("kind", "unsigned", "undamaged", "damaged"),
    [
        ("tinyint", True, 0, 1),
        ("tinyint", False, -128, -127),
        ("int", True, 5, 5 + (1 << 24)),
        ("bigint", False, -1, -1 - (1 << 56)),
        ("varchar", False, "61", "60"),
        ("char", False, "C3A4", "C2A4"),
    ],
)
def test_a_damaged_row_is_told_from_one_that_a_log_has_written_anew(
    kind: str, unsigned: bool, undamaged: object, damaged: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag that a log sets is the damaged value now; the undamaged copy has it, too."""
    held: list[list[object]] = []

    @contextmanager
    def session(_: Stand) -> Iterator[None]:
        yield

    monkeypatch.setattr(mysql_pages, "session", session)
    monkeypatch.setattr(mysql_pages, "rows", lambda *_: held)

    def there(*now: object, surveyed: object) -> bool:
        held[:] = [[value] for value in now]
        bit = mysql_pages._byte(("value", kind, str(unsigned)), surveyed) & 1
        return mysql_pages._row_is_damaged(Stand("agama"), target(kind, unsigned, str(bit)), DONE)

    assert there(damaged, surveyed=undamaged)
    assert not there(undamaged, surveyed=undamaged)
    assert not there(damaged, surveyed=damaged), "the log has written it"
    assert there(surveyed=undamaged), "the undamaged copy has the row"


def test_only_rows_that_the_undamaged_copy_has_are_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that the log deletes is in no survey: its damage would go with it, unseen by everybody."""

    def asked(_: object, statement: str, arguments: Any = None) -> list[list[object]]:
        if "information_schema.columns" in statement:
            return [["id", "int", "int unsigned", "NO"], ["value", "tinyint", "tinyint", "NO"]]
        assert statement.endswith("ORDER BY `id` LIMIT 20")
        return [[3, 0], [9, 1]]

    @contextmanager
    def session(_: Stand) -> Iterator[None]:
        yield

    monkeypatch.setattr(mysql_pages, "session", session)
    monkeypatch.setattr(mysql_pages, "rows", asked)
    monkeypatch.setattr("verification.damage.mysql_sql.rows", asked)
    monkeypatch.setattr(mysql_pages, "_stored", lambda *_: {("agama", "flag"): ["id"]})
    assert [each[-2:] for each in mysql_pages._rows(Stand("agama"))] == [("3", "0"), ("9", "1")]


def test_an_index_that_no_statement_reads_is_asked_of_no_copy_whose_log_may_have_deleted_the_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def session(_: Stand) -> Iterator[None]:
        yield

    monkeypatch.setattr(mysql_pages, "session", session)
    monkeypatch.setattr(mysql_pages, "rows", lambda *_: [])
    hidden, backup = ("agama", "text", "FTS_DOC_ID_INDEX", "9"), cast("Any", object())
    assert mysql_pages._entry_is_gone(Stand("agama", [backup]), hidden, DONE)
    with pytest.raises(NotInjected, match="cannot be asked"):
        mysql_pages._entry_is_gone(Stand("agama", [backup, backup]), hidden, DONE)
