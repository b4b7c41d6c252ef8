"""Defines the manifest of a backup, kept in its snapshot, and the record of it that the snapshot's tags hold."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from backups.errors import Damaged, LifeboatError
from backups.foreign import (
    MOST_BYTES,
    BackupId,
    ImageId,
    Moment,
    RelativePath,
    Seconds,
    Sequence,
    ServiceName,
    ServiceType,
    Size,
    SnapshotId,
    Tally,
    first_fault,
    require_bounded,
)
from backups.past import PackedTag, Past, SignsTag, said, tag_of
from backups.record_tags import SINCE_LATER, TAGS, require_stated_once
from backups.witness import Fact, tally

Details = TypeVar("Details", bound=BaseModel)
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

    path: RelativePath
    size: Size


class Source(Frozen):
    """What was backed up: the server's own version string, and the image that was configured for its copies.

    image_id: of that image on the machine that took the backup; None where it was not there, or the Lifeboat did not say
    """

    version: str
    image: str
    image_id: ImageId | None = None


_REFUSED = re.compile(r"(?P<whose>org \d+): (?P<what>[^:]+) are not in the backup: .*HTTP 403")


class _Shown(BaseModel):
    """What of any service's details is shown to an operator: free text, and numbers."""

    limits: tuple[str, ...] | None = None
    partial: tuple[str, ...] | None = None
    carried: dict[BackupId, tuple[str, ...]] | None = None
    secrets: tuple[str, ...] | None = None
    ignored: dict[str, str | None] | None = None
    lock_seconds: Seconds | None = None
    lock_attempts: Size | None = None


class Measured(Frozen):
    """How a witness came by the rows and fingerprints of its tables: how many were read, and how many are known by the log.

    since: the backup for which the first of those were read last; None where there are none
    """

    scanned: Size
    carried: Size
    since: BackupId | None = None


class Manifest(Frozen):
    """Everything needed to restore a backup and to verify it. Times are UTC; `taken_at` is the instant of the witness.

    past: how it compares with the service's earlier backups; None where the Lifeboat that took it did not look
    """

    schema_version: Literal[1] = 1
    lifeboat: str
    id: BackupId
    service: ServiceName
    type: ServiceType
    kind: Kind
    chain: BackupId
    sequence: Sequence
    parent: BackupId | None
    standalone: bool = False
    reason: str | None = None
    started_at: Moment
    taken_at: Moment
    finished_at: Moment
    source: Source
    files: tuple[FileEntry, ...]
    details: dict[str, Any]
    witness: tuple[Fact, ...]
    past: Past | None = None

    @field_validator("files")
    @classmethod
    def _each_once(cls, files: tuple[FileEntry, ...]) -> tuple[FileEntry, ...]:
        """Refuse a file that is listed twice, or that another one would have to be a directory of."""
        paths = {entry.path for entry in files}
        if len(paths) != len(files):
            raise ValueError("a file is listed twice")
        if any(parent in paths for path in paths for parent in _above(path)):
            raise ValueError("what is a file is a directory, too")
        return files

    @field_validator("details")
    @classmethod
    def _shown_to_all(cls, details: dict[str, Any]) -> dict[str, Any]:
        """Refuse what no service writes of that which every command shows, whatever the service."""
        _Shown.model_validate(details)
        return details

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
        signs = said(self.past.signs) if self.past else ""
        return (
            *map(str, self.details.get("limits") or []),
            *(f"a secret, to be set again after a restore: {secret}" for secret in secrets),
            *([f"it looked suspicious when it was taken, and a copy that equals it does, too: {signs}"] if signs else []),
            *(f"ignored, as lifeboat.yaml says: {name}: {reason or 'no reason is given'}" for name, reason in ignored.items()),
        )

    @property
    def partial(self) -> str | None:
        """Why a copy that equals its witness is not all that the source was: it holds what cannot be used. None for whole ones.

        From `details`: partial, phrases of the service (`7 of 7 secrets cannot be opened`), each of which is also a limit. An
        older Lifeboat did not say so: then the limits tell what was refused.
        """
        told = self.details.get("partial")
        return "; ".join(map(str, self._refused() if told is None else told)) or None

    def _refused(self) -> list[str]:
        """What the limits say that the source refused to show."""
        lines = [_REFUSED.match(str(line)) for line in self.details.get("limits") or []]
        return [f"{line['what']} of {line['whose']} could not be read" for line in lines if line]

    @property
    def measured(self) -> Measured | None:
        """How the witness came by its values; None of services that always read everything.

        From `details`: carried, the subjects that were not read, by the backup for which they were read last.
        """
        if "carried" not in self.details:
            return None
        by_backup = {str(since): len(subjects) for since, subjects in self.details["carried"].items()}
        subjects, carried = len({fact.subject for fact in self.witness if fact.metric == "fingerprint"}), sum(by_backup.values())
        return Measured(scanned=max(0, subjects - carried), carried=carried, since=min(by_backup, default=None))

    def write(self, directory: Path) -> None:
        """Write the manifest into the backup's directory."""
        content = self.model_dump_json(indent=1).encode()
        try:
            require_bounded(content, f"the manifest of {self.id}")
        except Damaged as fault:
            raise LifeboatError(
                fault.message, hint=f"a source with so many things cannot be backed up: at most {MOST_BYTES:,} bytes are written"
            ) from fault
        (directory / FILE_NAME).write_bytes(content)

    @classmethod
    def read(cls, text: str | bytes, origin: str) -> "Manifest":
        """Read a manifest; raises Damaged, naming `origin`, when it is not one that this version understands."""
        content = require_bounded(text.encode() if isinstance(text, str) else text, f"the manifest of {origin}")
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise Damaged(
                f"the manifest of {origin} cannot be read: {first_fault(error)}",
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
            f"holds={tally(self.witness)}",
            *(f"lock={float(seconds):.6f}" for seconds in [self.details.get("lock_seconds")] if seconds is not None),
            *(["standalone"] if self.standalone else []),
            # A comma would part a tag.
            *([f"partial={self.partial.replace(',', ';')}"] if self.partial else []),
            *([f"packed={self.past.packed.tag()}"] if self.past else []),
            *([f"suspicious={tag_of(self.past.signs)}"] if self.past and self.past.signs else []),
        ]


def details_of(manifest: Manifest, model: type[Details], what: str) -> Details:
    """Read a manifest's details in the form that a service writes; raises Damaged, naming the backup, when they are not of it.

    what: whose they would be, in words: a Prometheus backup
    """
    try:
        return model.model_validate(manifest.details)
    except ValidationError as error:
        raise Damaged(
            f"the manifest of {manifest.id} is not {what}'s: {first_fault(error)}",
            hint="was it written by a newer Lifeboat? otherwise this backup is damaged: verify another one",
        ) from error


class BackupRecord(Frozen):
    """A backup as its snapshot's tags describe it, with the snapshot's id: enough to list, choose and delete.

    limits: how many there are (`Manifest.limits`); None where the Lifeboat that took it did not say
    partial: see `Manifest.partial`
    holds: what the witness counted (`witness.tally`); lock_seconds: how long writers waited, of a service that locks;
    None where it was not said
    packed, suspicious: how well it compresses, and the signs of ransomware that it shows, as tags have them (`past.py`)
    """

    snapshot: SnapshotId
    id: BackupId
    service: ServiceName
    type: ServiceType
    kind: Kind
    chain: BackupId
    sequence: Sequence
    taken_at: Moment
    size: Size
    standalone: bool
    limits: Size | None = None
    partial: str | None = None
    holds: Tally | None = None
    lock_seconds: Seconds | None = None
    packed: PackedTag | None = None
    suspicious: SignsTag | None = None

    @model_validator(mode="after")
    def _is_in_its_place(self) -> "BackupRecord":
        """Refuse a full that is not the first of its own chain, and an incremental that is."""
        if len({self.kind == "full", self.sequence == 0, self.chain == self.id}) > 1:
            raise ValueError(f"no {self.kind} is number {self.sequence} of chain {self.chain}")
        return self

    @classmethod
    def from_tags(cls, snapshot: str, tags: Iterable[str]) -> "BackupRecord | None":
        """Read the tags written by `Manifest.tags`; returns None when they are not a backup's. Raises Damaged for broken ones."""
        unique = set(tags)
        if BACKUP not in unique:
            return None
        values = tag_values(unique)
        stated = {field: values[tag] for tag, field in TAGS.items() if tag in values}
        try:
            require_stated_once(unique)
            record = cls.model_validate({**stated, "snapshot": snapshot, "standalone": "standalone" in unique})
        except ValueError as error:
            fault = first_fault(error) if isinstance(error, ValidationError) else error
            raise Damaged(
                f"the tags of snapshot {snapshot[:8]} are not a backup's: {fault}",
                hint="were they edited by hand, or put there by somebody else? `restic snapshots` shows them",
            ) from error
        return record

    def require_same(self, manifest: Manifest) -> None:
        """Raise Damaged unless this is the record of that manifest: another's, or edited, tags would say where it goes."""
        hint = "were its tags edited by hand? `restic snapshots` shows them"
        if manifest.id != self.id:
            raise Damaged(f"the snapshot of backup {self.id} holds the manifest of {manifest.id}", hint=hint)
        try:
            stated = BackupRecord.from_tags(self.snapshot, manifest.tags())
        except Damaged as fault:
            raise Damaged(f"the manifest of backup {self.id} contradicts itself: {fault.message}", hint=hint) from fault
        for name in BackupRecord.model_fields if stated else ():
            there, here = getattr(stated, name), getattr(self, name)
            # A Lifeboat that did not count them has not said so.
            if there != here and not (name in SINCE_LATER and here is None):
                raise Damaged(
                    f"backup {self.id} contradicts itself: its {name} is {here} by its tags, {there} by its manifest", hint=hint
                )


def _above(path: str) -> Iterable[str]:
    """Return the directories above a file, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def tag_values(tags: Iterable[str]) -> Mapping[str, str]:
    """Return the `key=value` tags among `tags`."""
    return dict(tag.split("=", 1) for tag in tags if "=" in tag)
