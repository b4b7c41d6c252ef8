"""Defines what a report says of an upgrade that was tried on a proven copy."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from backups.foreign import ImageId, Seconds, Size
from backups.witness import Value

Page = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9][A-Za-z0-9._~:/?#=&%+-]*$", max_length=500)]
"""The address of a public page."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChangePart(_Part):
    """A fact that an upgrade has changed. why, source: of one that is expected of it, the reason, and who says so."""

    subject: str
    metric: str
    before: Value
    after: Value
    why: str | None = None
    source: Page | None = None


class ToldPart(_Part):
    """What else the new version changes, which no fact shows, and the page that says so."""

    words: str
    source: Page


class RehearsedPhase(_Part):
    """A phase of a rehearsal and its seconds, none of which are a restore's."""

    name: Literal["stop", "upgrade", "ready", "check", "back"]
    seconds: Seconds


class RehearsalPart(_Part):
    """An upgrade that was tried on the proven copy; nothing of it is a proof of the backup.

    maker, before, after: whose server, from which version to which. standin: whether the newer one is no real server. compared,
    equal: facts, of the witness and beside it
    expected: what changed as is expected of the new version. look: what else changed. told: what no fact shows
    back, back_source: whether there is a way back to the old version; back_tried: what came of starting it on the upgraded data
    error, hint: why the rehearsal ended early
    """

    maker: str
    before: str
    after: str
    image: str
    image_id: ImageId
    standin: bool
    verdict: Literal["rehearsed", "failed", "could-not-run"]
    phases: tuple[RehearsedPhase, ...] = ()
    compared: Size = 0
    equal: Size = 0
    expected: tuple[ChangePart, ...] = ()
    look: tuple[ChangePart, ...] = ()
    told: tuple[ToldPart, ...] = ()
    back: str
    back_source: Page
    back_tried: str | None = None
    error: str | None = None
    hint: str | None = None

    @property
    def seconds(self) -> float:
        """How long all of it took."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def words(self) -> str:
        """What came of it, a sentence."""
        title = f"{self.maker} {self.before} to {self.after}"
        if self.error:
            return f"{title}: {self.error}"
        changed = f"{len(self.expected):,} changed as is expected of it, {len(self.look):,} otherwise"
        return f"{title}: {self.equal:,} of {self.compared:,} facts are equal after it, {changed}"
