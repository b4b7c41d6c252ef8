"""The steps by which a drill and a real restore bring a copy back: one order, written once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Image
from backups.manifest import BackupRecord, FileEntry, Manifest, Source
from backups.repository.tree import Node
from backups.services.continuous import Transaction
from verification.drill.bring_back import bring_back
from verification.drill.clock import Phase, Stopwatch
from verification.drill.outcome import Progress
from verification.drill.tamper import Tamper

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class World:
    """A service, its copy, its repository, a sandbox and a clock in one, which note what is called."""

    directory: Path
    calls: list[str] = field(default_factory=list)
    chosen: Image | None = None
    no_image: bool = False
    named: str = "toy:1"
    name = "toy"
    settings = SimpleNamespace(image="toy:1")

    @property
    def docker(self) -> "World":
        return self

    def present(self, name: str) -> Image | None:
        return None if self.no_image else Image(name, "sha256:1")

    def begin(self, phase: Phase) -> None:
        self.calls.append(phase.value)

    def manifest(self, record: BackupRecord) -> Manifest:
        return Manifest.model_construct(
            lifeboat="1", id=record.id, service="toy", type="toy", kind=record.kind, chain="a", sequence=record.sequence,
            parent=None, started_at=NOW, taken_at=NOW, finished_at=NOW, source=Source(version="1", image=self.named),
            files=(FileEntry(path="log", size=3),), details={}, witness=(),
        )  # fmt: skip

    def trees(self, snapshots: Sequence[str]) -> dict[str, tuple[Node, ...]]:
        return {each: (Node("/manifest.json", "file"), Node("/data", "dir"), Node("/data/log", "file")) for each in snapshots}

    def image(self, name: str) -> Image:
        self.calls.append(name)
        if self.no_image:
            raise LifeboatError(f"{name} is not on this machine")
        return Image(name, "sha256:1")

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[None]:
        return [None] * len(chain)

    continuous = True

    def log(self, manifest: Manifest) -> Sequence[str]:
        return ["log"]

    def holds(self, manifest: Manifest, position: str) -> bool:
        raise AssertionError("nobody asks where the log goes")

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        raise AssertionError("nobody asks where the log comes from")

    def told(self, earlier: Manifest, later: object, only: Sequence[str]) -> Iterator[Transaction]:
        raise AssertionError("nobody reads what is in the log")

    def fetch(self, snapshot: str, into: Path, *, include: Sequence[str] = ()) -> None:
        (into / "data" / "log").write_text("abc")
        self.calls.append(f"fetch {snapshot}")

    def copy(self, chain: Sequence[Any], sandbox: object, *, for_restore: bool = False) -> "World":
        self.calls.append(f"copy of {len(chain)}" + (" to hand over" if for_restore else ""))
        return self

    def __getattr__(self, name: str) -> Any:
        if name not in {"assemble", "start", "replay", "first_answer"}:
            raise AttributeError(name)
        return lambda: self.calls.append(f"copy.{name}")


def record(sequence: int) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot=f"s{sequence}", id=f"b{sequence}", service="toy", type="toy", kind="incremental" if sequence else "full",
        chain="a", sequence=sequence, taken_at=NOW, size=3, standalone=False,
    )  # fmt: skip


def brought_back(world: World, progress: Progress, chain: Sequence[BackupRecord], **options: Any) -> Any:
    every: Mapping[str, Any] = {name: cast("Any", world) for name in ("service", "repository", "box", "clock")}
    return bring_back(chain=chain, progress=progress, **every, **options)


def test_every_step_is_done_once_and_in_the_order_of_its_phase(tmp_path: Path) -> None:
    world, progress = World(tmp_path), Progress(Stopwatch(lambda: 0.0))
    harm = Tamper(
        "noted",
        fetched=lambda _: world.calls.append("harm to what was fetched"),
        files=lambda *_: world.calls.append("harm to files"),
    )
    back = brought_back(world, progress, [record(0)], tamper=harm)
    assert world.calls == [
        "fetch", "toy:1", "fetch s0", "harm to what was fetched", "copy of 1", "copy.assemble", "harm to files",
        "start", "copy.start", "replay", "copy.replay", "ready", "copy.first_answer",
    ]  # fmt: skip
    assert (back.manifest.id, back.log) == ("b0", None)
    assert progress.image == world.chosen == Image("toy:1", "sha256:1")


def test_the_log_that_goes_on_from_there_is_fetched_with_the_chain_and_is_no_part_of_it(tmp_path: Path) -> None:
    world, progress = World(tmp_path), Progress(Stopwatch(lambda: 0.0))
    back = brought_back(world, progress, [record(0), record(1)], hand_over=True, later=record(2))
    assert (back.manifest.id, back.log.manifest.id) == ("b1", "b2")
    assert "copy of 2 to hand over" in world.calls
    assert world.calls.index("fetch s2") < world.calls.index("copy of 2 to hand over")


def test_what_is_known_by_a_fault_is_kept(tmp_path: Path) -> None:
    world, progress = World(tmp_path, no_image=True), Progress(Stopwatch(lambda: 0.0))
    with pytest.raises(LifeboatError, match="toy:1 is not on this machine"):
        brought_back(world, progress, [record(0)])
    assert progress.manifest is not None
    assert (progress.manifest.id, progress.image) == ("b0", None)
    assert world.calls == ["fetch", "toy:1"]


def test_no_image_that_only_the_repository_names_is_looked_for_or_run(tmp_path: Path) -> None:
    world, progress = World(tmp_path, named="attacker/evil:3"), Progress(Stopwatch(lambda: 0.0))
    with pytest.raises(LifeboatError, match=r"names the image attacker/evil:3, lifeboat\.yaml names toy:1 for toy"):
        brought_back(world, progress, [record(0)])
    assert (world.calls, world.chosen, progress.image) == (["fetch"], None, None)

    brought_back(world, progress, [record(0)], image="attacker/evil:3")
    assert world.chosen == Image("attacker/evil:3", "sha256:1")
