"""How many services are worked on at the same time: the configuration decides, also for the command line."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backups.machine import parallel
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said


@pytest.fixture
def widths(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """How many threads each pool of `parallel.side_by_side` was allowed."""
    seen: list[int | None] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, max_workers: int | None = None, **more: Any) -> None:
            seen.append(max_workers)
            super().__init__(max_workers, **more)

    monkeypatch.setattr(parallel, "ThreadPoolExecutor", Pool)
    return seen


@pytest.mark.parametrize(("more", "width"), [("", 4), ("backup: {side_by_side: 1}", 1), ("backup: {side_by_side: 7}", 7)])
def test_the_command_backs_up_as_many_at_once_as_is_configured(
    toy: ToySite, lifeboat: Callable[..., Said], widths: list[int | None], more: str, width: int
) -> None:
    toy.configure(more=more)
    said = lifeboat("backup", "--config", str(toy.folder / "lifeboat.yaml"))
    assert said.code == 0, said.err
    # The pool of the services comes first; what a backup reads side by side comes inside it.
    assert widths[0] == width


def test_a_verification_drills_as_many_services_at_once_as_is_configured(
    toy: ToySite, lifeboat: Callable[..., Said], widths: list[int | None]
) -> None:
    toy.configure(more="sandbox: {side_by_side: 2}")
    out = str(toy.folder / "out")
    assert lifeboat("verify", "--out", out, "--config", str(toy.folder / "lifeboat.yaml")).code == 0
    assert widths == [2]
