"""Readers of a chain and whoever deletes it keep out of each other's way, however the lock file comes and goes."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from backups.repository import chains_in_use


def test_several_read_and_nobody_deletes_meanwhile(tmp_path: Path) -> None:
    with chains_in_use.chain(tmp_path, "a"), chains_in_use.chain(tmp_path, "a"):
        with chains_in_use.kept_out(tmp_path, "a") as alone:
            assert not alone
        assert chains_in_use.is_read(tmp_path, "a")
        assert not chains_in_use.is_read(tmp_path, "b")
    assert not chains_in_use.is_read(tmp_path, "a")
    assert list((tmp_path / "locks" / "chains").iterdir()) == []


def test_a_reader_that_comes_during_a_deletion_waits_for_its_end(tmp_path: Path) -> None:
    order: list[str] = []

    def read() -> None:
        with chains_in_use.chain(tmp_path, "a"):
            order.append("read")

    with chains_in_use.kept_out(tmp_path, "a") as alone:
        assert alone
        reader = threading.Thread(target=read)
        reader.start()
        reader.join(timeout=0.2)
        order.append("deleted")
    reader.join()
    assert order == ["deleted", "read"]


def test_readers_and_deleters_never_meet_while_the_lock_file_is_removed_under_them(tmp_path: Path) -> None:
    """Two seconds of coming and going: each holder asks whether another kind is in."""
    inside = {"readers": 0, "deleters": 0}
    guard, faults, done = threading.Lock(), list[str](), {"readers": 0, "deleters": 0}
    end = time.monotonic() + 2

    def enter(who: str, other: str) -> None:
        with guard:
            inside[who] += 1
            done[who] += 1
            if inside[other] or inside["deleters"] > 1:
                faults.append(f"{who} met {inside}")
        time.sleep(0.0002)
        with guard:
            inside[who] -= 1

    def read() -> None:
        while time.monotonic() < end:
            with chains_in_use.chain(tmp_path, "a"):
                enter("readers", "deleters")
            time.sleep(0.0005)

    def delete() -> None:
        while time.monotonic() < end:
            with chains_in_use.kept_out(tmp_path, "a") as alone:
                if alone:
                    enter("deleters", "readers")

    kinds: list[Callable[[], None]] = [read, read, delete, delete]
    threads = [threading.Thread(target=kind) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert min(done.values()) > 10, done
