"""Writes what the joint drill showed as a tag of its evidence's snapshot, and reads the newest: status opens no report."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import model_validator

from backups import chains as chaining
from backups.foreign import Moment, Size, shown
from backups.manifest import Frozen
from backups.repository.listing import Odd, Snapshot
from verification.evidence.drilled import TAG
from verification.evidence.evidence import Verdict
from verification.evidence.together import TogetherPart
from verification.evidence.words import proven

_TOGETHER = "together="
_SKIPPED = "skipped"


class Stated(Frozen):
    """A joint drill as a tag states it. skipped: there was nothing to drill.

    panels: how many were asked again that answered at the source; equal: as they did
    """

    at: Moment
    verdict: Verdict | Literal["skipped"]
    panels: Size
    equal: Size

    @model_validator(mode="after")
    def _possible(self) -> "Stated":
        if self.equal > self.panels:
            raise ValueError(f"{self.equal} of {self.panels} answered equally")
        return self


@dataclass(frozen=True)
class Joint:
    """The newest joint drill. proven_at: when the newest verified one was; None for never."""

    newest: Stated
    proven_at: datetime | None


def tag(joint: TogetherPart) -> str:
    """Write the tag."""
    return f"{_TOGETHER}{joint.verdict or _SKIPPED}|{joint.answered}|{joint.counts.get('equal', 0)}"


def newest(snapshots: Iterable[Snapshot], now: datetime) -> Joint | None:
    """Read the newest joint drill; None where there was none, or where the last time there was nothing to drill any more.

    What is dated in the future, or states none, does not count.
    """
    found = sorted(
        (
            stated
            for snapshot in snapshots
            if TAG in snapshot.tags and not chaining.in_future(snapshot.time, now)
            for each in snapshot.tags
            if each.startswith(_TOGETHER) and (stated := _stated(each, snapshot.time))
        ),
        key=lambda stated: stated.at,
    )
    if not found or found[-1].verdict == _SKIPPED:
        return None
    return Joint(found[-1], max((each.at for each in found if each.verdict == "verified"), default=None))


def odd(snapshots: Iterable[Snapshot]) -> Iterator[Odd]:
    """Name the evidence whose tags state something that is no joint drill."""
    for snapshot in snapshots:
        bad = [each for each in snapshot.tags if each.startswith(_TOGETHER) and _stated(each, snapshot.time) is None]
        if TAG in snapshot.tags and bad:
            yield Odd(snapshot.id, f"it says that it is evidence, and states what is no joint drill: {shown(bad[0])}")


def words(joint: Joint, now: datetime) -> str:
    """Say when all were last brought back side by side and answered as they did, and what the newest attempt came to."""
    last = joint.newest
    panels = f", {last.equal:,} of {last.panels:,} panels answer as they did" if last.panels else ""
    return proven(joint.proven_at, last.at, last.verdict, now, panels)


def _stated(text: str, at: datetime) -> Stated | None:
    parts = text.removeprefix(_TOGETHER).split("|")
    try:
        verdict, panels, equal = parts
        return Stated.model_validate({"at": at, "verdict": verdict, "panels": int(panels), "equal": int(equal)})
    except ValueError:
        return None
