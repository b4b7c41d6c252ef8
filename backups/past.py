"""Defines what is kept of how a backup compares with its service's own past: what was measured, and the signs that it shows.

How it is measured: `packed.py`. When something is a sign: `suspicion.py`.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backups.foreign import BackupId, Size
from backups.machine import disk

EDGES = (50, 60, 70, 80, 90)
"""Percent of its size that compression leaves of a block: half and more is what text, rows and logs of them do not reach."""

PackedTag = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(-[0-9]{1,9}){5}$")]
"""`Packed` as a tag states it."""
_SIGN = r"(bytes|packed|rows|samples|dashboards|tables):[0-9]{1,18}:[0-9]{1,18}"
SignsTag = Annotated[str, StringConstraints(pattern=rf"^{_SIGN}(;{_SIGN}){{0,9}}$")]
"""The signs of a backup as a tag states them."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Packed(_Part):
    """How a sample of a backup's files compresses. blocks: those that hold anything; hard: how many of them reach each edge."""

    blocks: Size
    hard: Annotated[tuple[Size, ...], Field(min_length=len(EDGES), max_length=len(EDGES))]

    def tag(self) -> str:
        """Write it as a tag: `511-8-4-0-0-0`."""
        return "-".join(map(str, (self.blocks, *self.hard)))

    @classmethod
    def from_tag(cls, text: str) -> "Packed":
        """Read what `tag` writes, of the form `PackedTag`."""
        blocks, *hard = map(int, text.split("-"))
        return cls(blocks=blocks, hard=tuple(hard))

    def share(self, edge: int) -> float:
        """Return the share of the blocks (0 to 1) that stay above the edge of that number; 0 where there are no blocks."""
        return self.hard[edge] / self.blocks if self.blocks else 0.0


class Sign(_Part):
    """One figure by which a backup looks like ransomware: what was found, and what is usual, or was there before.

    bytes: its own size and the median; packed: percent of it that is hardly compressible, and the most before;
    rows, samples, dashboards: how many, and how many before; tables: that have lost half of their rows, of how many
    """

    kind: Literal["bytes", "packed", "rows", "samples", "dashboards", "tables"]
    found: Size
    usual: Size


class Past(_Part):
    """How a backup compares with its service's past.

    earlier: with how many earlier backups of its kind, 0 where there were too few; needed: how many are enough
    compared: the backup whose counts its own were compared with; None where there was none, or it could not be read
    signs: empty for one that looks as always
    """

    packed: Packed
    earlier: Size
    needed: Size
    compared: BackupId | None = None
    signs: tuple[Sign, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether there were enough earlier backups to say what is usual."""
        return self.earlier >= self.needed


def tag_of(signs: tuple[Sign, ...]) -> str:
    """Write signs as a tag: `bytes:12582912:49152;packed:93:2`."""
    return ";".join(f"{sign.kind}:{sign.found}:{sign.usual}" for sign in signs)


def signs_of(text: str) -> tuple[Sign, ...]:
    """Read what `tag_of` writes, of the form `SignsTag`."""
    parts = (each.split(":") for each in text.split(";"))
    return tuple(Sign.model_validate({"kind": kind, "found": int(found), "usual": int(usual)}) for kind, found, usual in parts)


def said(signs: Iterable[Sign]) -> str:
    """Say signs in one line, with both numbers of each."""
    return ", ".join(map(_said, signs))


def _said(sign: Sign) -> str:
    match sign.kind:
        case "bytes":
            return f"{disk.size(sign.found)} are new, {disk.size(sign.usual)} are usual"
        case "packed":
            return f"{sign.found} % of it is hardly compressible, {sign.usual} % at most before"
        case "tables":
            return f"{sign.found:,} of {sign.usual:,} tables have lost half of their rows or more"
        case _:
            return f"{sign.found:,} {sign.kind}, {sign.usual:,} before"
