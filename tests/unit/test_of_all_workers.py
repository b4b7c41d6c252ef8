"""What all workers share is made by one of them, whole or not at all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import of_all_workers


def test_of_two_that_need_it_at_once_one_makes_it_and_the_other_waits_for_the_whole(tmp_path: Path) -> None:
    begun, go_on, makers = threading.Event(), threading.Event(), []

    def make(directory: Path) -> None:
        makers.append(directory)
        begun.set()
        assert go_on.wait(60)
        (directory / "file").write_text("whole")

    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(of_all_workers.made, tmp_path / "template", make)
        assert begun.wait(60)
        second = workers.submit(of_all_workers.made, tmp_path / "template", make)
        assert not (tmp_path / "template").exists()
        go_on.set()
        assert [(each.result() / "file").read_text() for each in (first, second)] == ["whole"] * 2
    assert len(makers) == 1


def test_what_was_half_made_is_made_anew(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        (directory / "half").touch()
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        of_all_workers.made(tmp_path / "template", fail)
    made = of_all_workers.made(tmp_path / "template", lambda directory: (directory / "file").touch())
    assert [path.name for path in made.iterdir()] == ["file"]


@pytest.mark.parametrize(("worker", "above"), [("gw1", True), (None, False)])
def test_workers_share_what_is_above_their_own_and_one_by_one_nothing_is_shared_with_another_run(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, worker: str | None, above: bool
) -> None:
    """Above the directory of a run that has no workers are those of other runs."""
    own = tmp_path_factory.mktemp("run") / "own"
    own.mkdir()
    monkeypatch.setattr(tmp_path_factory, "_basetemp", own)
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    else:
        monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert of_all_workers.folder(tmp_path_factory).parent == (own.parent if above else own)
