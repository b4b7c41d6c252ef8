"""Where an incremental's log goes on: at the source as long as that has it, else where it was followed to, without a gap."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import ChainBroken
from backups.services.base import Fetched, Job
from backups.services.mysql.binlog import pull
from backups.services.mysql.details import LogSegment, MySQLDetails, Position
from backups.services.mysql.methods import going_on
from tests.unit.mysql.binlog.test_before_full import DETAILS, manifest

PURGED = "the binary log binlog.000001, where the chain ends, is gone from the source"


def position(offset: int, number: int = 1) -> Position:
    return Position(file=f"binlog.{number:06d}", offset=offset)


END = position(100)
PARENT = DETAILS.model_copy(update={"end": END, "log_created": 1})


@dataclass
class Source:
    """A source that still has its log from `begins` on, and this machine, where it was followed in `steps`."""

    directory: Path
    begins: Position = field(default_factory=lambda: position(0))
    steps: list[Fetched] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    asked: int = 0
    refused: OSError | None = None

    def require(self, connect: object, details: MySQLDetails, version: str) -> int:
        if (details.end.file, details.end.offset) < (self.begins.file, self.begins.offset):
            raise ChainBroken(PURGED)
        return 7

    def follow(self, start: Position, *segments: tuple[int, int, int], end: Position | None = None, whole: bool = True) -> None:
        """A step: segments are file number, first byte and end."""
        data = self.directory / f"step{len(self.steps)}"
        (data / "log").mkdir(parents=True)
        kept = tuple(
            LogSegment(file=f"binlog.{number:06d}", start=first, end=last, path=f"log/{number}@{first}")
            for number, first, last in segments
        )
        for segment in kept:
            if whole:
                (data / segment.path).write_bytes(bytes(segment.end - segment.start))
        last = end or position(kept[-1].end, segments[-1][0])
        details = PARENT.model_copy(update={"start": start, "end": last, "segments": kept, "log_created": segments[-1][0]})
        made = object.__new__(Fetched)
        object.__setattr__(made, "manifest", manifest(details.model_dump()))
        object.__setattr__(made, "data", data)
        self.steps.append(made)

    def find(self) -> tuple[MySQLDetails, tuple[LogSegment, ...], int]:
        def followed() -> list[Fetched]:
            self.asked += 1
            if self.refused:
                raise self.refused
            return self.steps

        (self.directory / "data").mkdir()
        job = Job(
            "incremental", self.directory / "data", self.directory, [manifest(PARENT.model_dump())], cast("Any", None),
            self.directory, self.said.append, followed=followed,
        )  # fmt: skip
        return going_on.find(job, cast("Any", None), PARENT)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    made = Source(tmp_path)
    monkeypatch.setattr(pull, "require_continuation", made.require)
    return made


def test_what_the_source_has_is_pulled_from_the_source(source: Source) -> None:
    source.follow(END, (1, 100, 150))
    assert source.find() == (PARENT, (), 7)
    assert (source.asked, source.said) == (0, [])


def test_what_the_source_has_purged_is_what_was_followed(source: Source) -> None:
    source.follow(END, (1, 100, 150))
    source.follow(position(150), (1, 150, 180), (2, 0, 50))
    source.follow(position(50, 2), (2, 50, 60))
    source.begins = position(0, 2)
    since, segments, size = source.find()
    assert (since.end, since.log_created) == (position(60, 2), 2)
    assert [(each.file, each.start, each.end) for each in segments] == [("binlog.000001", 100, 180), ("binlog.000002", 0, 60)]
    assert all((source.directory / "data" / each.path).stat().st_size == each.end - each.start for each in segments)
    assert size == 7 + 80 + 60
    assert source.said == [f"{PURGED}; what was followed of it is here, up to binlog.000002:60"]


def _nothing(source: Source) -> None:
    pass


def _not_from_the_end(source: Source) -> None:
    source.follow(position(110), (1, 110, 150))


def _a_gap(source: Source) -> None:
    source.follow(END, (1, 100, 150))
    source.follow(position(160), (1, 160, 180), (2, 0, 9))


def _not_far_enough(source: Source) -> None:
    source.follow(END, (1, 100, 150))


def _not_readable(source: Source) -> None:
    source.follow(END, (1, 100, 150))
    details = source.steps[0].manifest.details | {"end": "nowhere"}
    object.__setattr__(source.steps[0], "manifest", source.steps[0].manifest.model_copy(update={"details": details}))


def _gone_meanwhile(source: Source) -> None:
    """The follower begins anew while the second step is read."""
    source.follow(END, (1, 100, 150))
    source.follow(position(150), (2, 0, 9))
    shutil.rmtree(source.directory / "step1")


def _of_another_user(source: Source) -> None:
    source.refused = PermissionError(13, "Permission denied", "/spool")


@pytest.mark.parametrize(
    ("followed", "more"),
    [
        (_nothing, ""),
        (_not_from_the_end, ""),
        (_a_gap, "; and what was followed of it is not whole: the log has a gap: nothing holds binlog.000001:150"),
        (_not_far_enough, ""),
        (_not_readable, "; and what was followed of it is not whole: "),
        (_gone_meanwhile, "; and what was followed of it cannot be read: No such file or directory"),
        (_of_another_user, "; and what was followed of it cannot be read: Permission denied"),
    ],
)
def test_what_does_not_lead_from_the_chains_end_to_the_sources_log_breaks_the_chain(
    source: Source, followed: Callable[[Source], None], more: str
) -> None:
    followed(source)
    source.begins = position(0, 2)
    with pytest.raises(ChainBroken) as caught:
        source.find()
    assert caught.value.message.startswith(PURGED + more)
    assert source.said == []
