"""Columns on a terminal: however narrow it is, no id, name or number is cut off or broken in two."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from flows.commands import console
from flows.commands.console import Console, Text

GTID = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1629"
LOG = (
    ("committed at (UTC)", "transaction", "inserted", "table, or statement"),
    [("2026-11-22 14:03:20.123456", GTID, "0", "shop.client"), ("", "", "3", "CREATE TABLE shop.draft (id INT PRIMARY KEY)")],
)


def printed(monkeypatch: pytest.MonkeyPatch, width: int, titles: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> str:
    terminal = Console()
    terminal._force_terminal, terminal._width, terminal._height, terminal.no_color = True, width, 25, True
    monkeypatch.setattr(console, "out", terminal)
    with terminal.capture() as captured:
        console.print_columns(titles, rows, right=("inserted",))
    return captured.get()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 200])
def test_what_has_to_be_typed_is_whole_at_any_width(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """At 80 columns, where most terminals begin, `lifeboat log` named no transaction."""
    said = printed(monkeypatch, width, *LOG)
    assert GTID in said
    assert "…" not in said
    words = " ".join(said.split())
    for word in ("14:03:20.123456", "shop.client", "inserted", "PRIMARY"):
        assert word in words


@pytest.mark.parametrize("width", [100, 120])
def test_what_fits_when_folded_is_folded(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    assert max(map(len, printed(monkeypatch, width, *LOG).splitlines())) <= width


CELLS = st.text("aüß漢- 1", max_size=30)


@given(
    st.integers(1, 5).flatmap(lambda columns: st.lists(st.tuples(*[CELLS] * columns), min_size=1, max_size=4)),
    st.integers(5, 120),
)
def test_narrowed_columns_fit_and_hold_every_word(rows: list[tuple[str, ...]], room: int) -> None:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    narrow = console._narrowed(rows, widths, room)
    longest = [max((cell_len(word) for cell in column for word in cell.split()), default=0) for column in zip(*rows, strict=True)]
    if narrow is None:
        assert sum(longest) + 2 * len(longest) > room
    else:
        assert sum(narrow) + 2 * len(narrow) <= room
        assert all(need <= width <= whole for need, width, whole in zip(longest, narrow, widths, strict=True))
