"""Where sums differ and no row does, that is told, and not `0 rows differ`."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.services.mysql.witness import differing
from backups.services.mysql.witness.differing import NotFound


def reader(rows: int) -> Any:
    """A table with one row, which its server holds so many times under one key."""
    return cast(
        "Any",
        SimpleNamespace(
            parts=lambda: {7: (rows, "aa" * 32)}, hashes=lambda _: {"0" * 64: "bb" * 32}, rows=lambda _: {}, table=None
        ),
    )


def test_a_row_that_is_there_twice_under_one_key_is_told() -> None:
    with pytest.raises(NotFound, match="the copy holds some of them twice under one key"):
        differing.trace("agama.client", reader(3), reader(1), expected=None, values=False)
