"""What files share is made once, and ends with the last of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests import side_by_side

ROOT = Path(__file__).parents[2]


def item(path: str) -> pytest.Item:
    return cast("pytest.Item", SimpleNamespace(nodeid=f"{path}::test_one"))


@pytest.mark.parametrize("fixture", sorted(side_by_side.SHARED))
def test_what_files_share_ends_after_the_last_test_of_the_last_of_them(fixture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "_ends", {})
    *first, last = side_by_side.SHARED[fixture]
    for following in (item("tests/unit/test_text.py"), None):
        ended: list[Any] = []
        side_by_side.until_their_end(fixture).callback(ended.append, fixture)
        side_by_side.end(item("tests/unit/test_text.py"), item(last))
        for path in (*first, last):
            side_by_side.end(item(path), item(last))
        assert ended == []
        side_by_side.end(item(last), following)
        assert ended == [fixture]
        # The next one, in another session of the same process, begins anew.
        side_by_side.end(item(last), following)
        assert ended == [fixture]


@pytest.mark.parametrize("fixture", sorted(side_by_side.SHARED))
def test_files_that_share_run_on_one_worker(fixture: str) -> None:
    files = side_by_side.SHARED[fixture]
    assert {side_by_side._group(f"{path}::test_one[a::b]") for path in files} == {fixture}
    assert all((ROOT / path).is_file() for path in files)
