"""A data directory that its server is using changes while it is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.places.local.place import LocalPlace
from backups.services.prometheus import datadir

ULID = "01M82NN1QANH9YBV20ABDAT6F"


def _blocks(root: Path) -> LocalPlace:
    for number in range(9):
        (root / f"{ULID}{number}").mkdir(parents=True)
        text = f'{{"ulid": "{ULID}{number}", "minTime": {number * 1000 + 1}, "maxTime": {number + 1}000, "stats": {{"numSeries": 3}}}}'
        (root / f"{ULID}{number}" / "meta.json").write_text(text)
    return LocalPlace(root)


class _Losing(LocalPlace):
    """A place from which a block goes, once, between its listing and its reading, or while it is listed."""

    def _walk(self, start: Path, *, directories: bool = False) -> Iterator[Path]:
        for path in super()._walk(start, directories=directories):
            if path.parent.name.endswith("7"):
                path.unlink()
            yield path

    def fetch(self, paths: list[str], into: Path) -> None:  # type: ignore[override]
        (self.root / f"{ULID}3" / "meta.json").unlink(missing_ok=True)
        super().fetch(paths, into)


def test_blocks_that_go_while_they_are_listed_or_read_are_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datadir, "_PAUSE", 0)
    (tmp_path / "work").mkdir()
    metas, unreadable = datadir._living(_Losing(_blocks(tmp_path / "data").root), tmp_path / "work")
    assert sorted(meta.ulid[-1] for meta in metas) == ["0", "1", "2", "4", "5", "6", "8"]
    assert metas[0].series == 3
    assert unreadable == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ulid": 1}', "\0" * 200])
def test_a_block_that_cannot_be_read_is_passed_by_as_the_server_does_and_named(tmp_path: Path, content: str) -> None:
    """An empty meta.json is what a power cut leaves."""
    place = _blocks(tmp_path / "data")
    (place.root / f"{ULID}3" / "meta.json").write_text(content)
    (place.root / f"{ULID}5" / "tombstones").write_bytes(b"x" * 9)
    (tmp_path / "work").mkdir()
    metas, unreadable = datadir._living(place, tmp_path / "work")
    assert sorted(meta.ulid[-1] for meta in metas) == ["0", "1", "2", "4", "5", "6", "7", "8"]
    assert unreadable == [f"{ULID}3"]
    found = datadir.unusable(place, tmp_path / "work")
    assert found.unreadable == (f"{ULID}3",)
    assert [ulid[-1] for ulid in found.without_tombstones] == ["0", "1", "2", "4", "6", "7", "8"]
