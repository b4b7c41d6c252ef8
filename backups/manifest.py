"""Defines the manifest of a backup, kept in its snapshot, and the record of it that the snapshot's tags hold."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from backups.errors import Damaged
from backups.witness import Fact

Kind = Literal["full", "incremental"]
FILE_NAME = "manifest.json"
BACKUP = "lifeboat"
"""The tag of every backup's snapshot."""
DATA = "data"
"""Folder of the snapshot that holds what the service captured."""


class Frozen(BaseModel):
    """A record in the repository: immutable, and without keys that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(Frozen):
    """A captured file: its path below `data/`, and its size in bytes."""

    path: str
    size: int


class Source(Frozen):
    """What was backed up: the server's own version string, and the image that was configured for its copies.

    image_id: of that image on the machine that took the backup; None where it was not there, or the Lifeboat did not say
    """

    version: str
    image: str
    image_id: str | None = None


class Manifest(Frozen):
    """Everything needed to restore a backup and to verify it. Times are UTC; `taken_at` is the instant of the witness."""

    schema_version: Literal[1] = 1
    lifeboat: str
    id: str
    service: str
    type: str
    kind: Kind
    chain: str
    sequence: int
    parent: str | None
    standalone: bool = False
    reason: str | None = None
    started_at: AwareDatetime
    taken_at: AwareDatetime
    finished_at: AwareDatetime
    source: Source
    files: tuple[FileEntry, ...]
    details: dict[str, Any]
    witness: tuple[Fact, ...]

    @property
    def size(self) -> int:
        """The bytes that this backup alone holds."""
        return sum(entry.size for entry in self.files)

    @property
    def limits(self) -> tuple[str, ...]:
        """What of the source this backup does not hold, was not compared, or cannot be brought back: a sentence each.

        From these of `details`: limits, the sentences that the service has written; secrets, the names of those that are in no
        backup; ignored, what is left out or not compared because lifeboat.yaml says so, by its name with the reason.
        """
        secrets, ignored = self.details.get("secrets") or [], self.details.get("ignored") or {}
        return (
            *map(str, self.details.get("limits") or []),
            *(f"a secret, to be set again after a restore: {secret}" for secret in secrets),
            *(f"ignored, as lifeboat.yaml says: {name}: {reason or 'no reason is given'}" for name, reason in ignored.items()),
        )

    @property
    def partial(self) -> str | None:
        """Why a copy that equals its witness is not all that the source was: it holds what cannot be used. None for whole ones.

        From `details`: partial, phrases of the service (`7 of 7 secrets cannot be opened`), each of which is also a limit.
        """
        return "; ".join(map(str, self.details.get("partial") or [])) or None

    def write(self, directory: Path) -> None:
        """Write the manifest into the backup's directory."""
        (directory / FILE_NAME).write_text(self.model_dump_json(indent=1), encoding="utf-8")

    @classmethod
    def read(cls, text: str | bytes, origin: str) -> "Manifest":
        """Read a manifest; raises Damaged, naming `origin`, when it is not one that this version understands."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise Damaged(
                f"the manifest of {origin} cannot be read: {_first_fault(error)}",
                hint="was it written by a newer Lifeboat? otherwise this backup is damaged: verify another one",
            ) from error

    def tags(self) -> list[str]:
        """Return what listing needs to know, as the snapshot's tags."""
        return [
            BACKUP,
            f"backup={self.id}",
            f"service={self.service}",
            f"type={self.type}",
            f"kind={self.kind}",
            f"chain={self.chain}",
            f"sequence={self.sequence}",
            f"taken={self.taken_at.astimezone(UTC).isoformat()}",
            f"bytes={self.size}",
            f"limits={len(self.limits)}",
            *(["standalone"] if self.standalone else []),
            # A comma would part a tag.
            *([f"partial={self.partial.replace(',', ';')}"] if self.partial else []),
        ]


class BackupRecord(Frozen):
    """A backup as its snapshot's tags describe it, with the snapshot's id: enough to list, choose and delete.

    limits: how many there are (`Manifest.limits`); None where the Lifeboat that took it did not say
    partial: see `Manifest.partial`
    """

    snapshot: str
    id: str
    service: str
    type: str
    kind: Kind
    chain: str
    sequence: int
    taken_at: AwareDatetime
    size: int
    standalone: bool
    limits: int | None = None
    partial: str | None = None

    @classmethod
    def from_tags(cls, snapshot: str, tags: Iterable[str]) -> "BackupRecord | None":
        """Read the tags written by `Manifest.tags`; returns None when they are not a backup's. Raises Damaged for broken ones."""
        unique = set(tags)
        values = tag_values(unique)
        if BACKUP not in unique or "backup" not in values:
            return None
        try:
            return cls(
                snapshot=snapshot,
                id=values["backup"],
                service=values["service"],
                type=values["type"],
                kind=values["kind"],
                chain=values["chain"],
                sequence=int(values["sequence"]),
                taken_at=datetime.fromisoformat(values["taken"]),
                size=int(values["bytes"]),
                standalone="standalone" in unique,
                limits=int(values["limits"]) if "limits" in values else None,
                partial=values.get("partial"),
            )
        except (KeyError, ValueError) as error:
            fault = _first_fault(error) if isinstance(error, ValidationError) else error
            raise Damaged(
                f"the tags of snapshot {snapshot[:8]} are not a backup's: {fault}",
                hint="were they edited by hand? `restic snapshots` shows them",
            ) from error


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    return ": ".join([*filter(None, [".".join(map(str, first["loc"]))]), first["msg"]])


def tag_values(tags: Iterable[str]) -> Mapping[str, str]:
    """Return the `key=value` tags among `tags`."""
    return dict(tag.split("=", 1) for tag in tags if "=" in tag)
