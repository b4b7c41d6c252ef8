"""Holds the closed forms of everything that is read out of a repository: whoever can add a snapshot has written it.

Ids, names, paths, sizes and times become parts of paths, commands and sums here, so each has a form, and all else is refused.
Every model that is read from the repository uses them: `tests/unit/repository/test_closed_forms.py` walks through them all.
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, TypeAdapter, ValidationError

from backups.errors import Damaged
from backups.text import shown as escaped

MOST_BYTES = 128 << 20
"""Of one manifest or report. The largest one of a real server that was seen has a hundredth of it."""
MOST_VALUES = 10_000_000
"""In one manifest or report: each takes memory, also where it has three bytes in the file (`[],`)."""
_LONGEST_PATH, _LONGEST_NAME = 4096, 255
"""Bytes, as Linux allows them."""
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_PROGRAMS = "(bin|boot|dev|lib|lib32|lib64|libx32|proc|run|sbin|sys|usr)"
_OF_THE_SYSTEM = re.compile(
    rf"/|/(etc|opt|var)|/usr(/(local|share))?|/usr/local/{_PROGRAMS}(/.*)?|/(?!usr/(local|share)/){_PROGRAMS}(/.*)?"
)
"""Where an image has what runs, and what every program reads: nothing is mounted there."""


def relative_path(value: str) -> str:
    """Return a path below a directory as it is; raises ValueError for one that may lead anywhere else, or names no file."""
    _require_path(value)
    if value.startswith("/") or {"", ".", ".."} & set(value.split("/")):
        raise ValueError("is not a path below the backup: it is absolute, or has an empty part, . or ..")
    return value


def directory_path(value: str) -> str:
    """Return an absolute path as it is; raises ValueError for one that is not plain, or where the system has its programs."""
    _require_path(value)
    if not value.startswith("/") or {"", ".", ".."} & set(value[1:].split("/") if value != "/" else ()):
        raise ValueError("is not an absolute path without empty parts, . and ..")
    if ":" in value or not value.isprintable() or _OF_THE_SYSTEM.fullmatch(value):
        raise ValueError("is not a directory that a configuration can be mounted at")
    return value


def _require_path(value: str) -> None:
    if "\0" in value:
        raise ValueError("holds a NUL, which no path can")
    try:
        parts = [part.encode() for part in value.split("/")]
    except UnicodeEncodeError as error:
        raise ValueError("is not UTF-8") from error
    if sum(map(len, parts)) + len(parts) > _LONGEST_PATH or max(map(len, parts)) > _LONGEST_NAME:
        raise ValueError("is longer than a path can be")


def _plausible(value: datetime) -> datetime:
    if not _FIRST <= value < _LAST:
        raise ValueError(f"is not between {_FIRST:%Y} and {_LAST:%Y}")
    return value


ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=160)]
"""The longest of which ids can be the names of files."""
RepositoryName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=160)]
"""As `repositories` in lifeboat.yaml have them."""
ServiceType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
MachineName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=200)]
"""Of a machine that runs drills, as lifeboat.yaml names it."""
Mark = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""A random number that a verification, or an order of it, is known by."""
BackupId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*-[0-9]{8}T[0-9]{6}Z(-[0-9]+)?$", max_length=200)]
"""As `backups/backup.py` makes them; a chain's is that of its full."""
SnapshotId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")]
RelativePath = Annotated[str, AfterValidator(relative_path)]
"""A file's path below a directory of the backup."""
MountPath = Annotated[str, AfterValidator(directory_path)]
"""Where a copy's container has a directory."""
Ulid = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]
LogName = Annotated[str, StringConstraints(pattern=r"^[^/\x00-\x1f\x7f]+\.[0-9]{1,10}$", max_length=_LONGEST_NAME)]
"""A binary log file's, without its directory."""
Gtids = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_:,\s-]*$")]
Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{0,64}$")]
ServerId = Annotated[str, StringConstraints(pattern=r"^([0-9A-Za-z-]{0,64}|[0-9A-Za-z+/]{27}=)$")]
"""What a server calls itself: MySQL's is a UUID, MariaDB's the base64 of twenty bytes."""
Token = Annotated[str, StringConstraints(pattern=r"^([0-9A-Za-z_-][0-9A-Za-z_.-]{0,127})?$")]
"""A name that a program has made."""
DatabaseName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f\x7f]{1,64}$")]
"""Of a database server, which quotes it."""
DumpFile = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[0-9]+)?\.sql$", max_length=80)]
ImageId = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{1,64}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0, lt=1 << 63)]
Sequence = Annotated[int, Field(ge=0, le=100_000)]
"""Of a backup in its chain: an incremental an hour for eleven years."""
Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
Tally = Annotated[str, StringConstraints(pattern=r"^(rows|samples|things):[0-9]{1,18}$")]
"""What a witness counted, and how much of it."""
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]


_BACKUP_ID = TypeAdapter(BackupId)


def is_backup_id(text: str) -> bool:
    """Return whether a text has the form of a backup's id."""
    try:
        _BACKUP_ID.validate_python(text)
    except ValidationError:
        return False
    return True


def shown(text: str, most: int = 80) -> str:
    """Return foreign text for a message: as `backups.text` shows it, and of no more than its first `most` characters."""
    return escaped(text[:most]) + ("…" if len(text) > most else "")


def first_fault(error: ValidationError) -> str:
    """Say the first thing that is wrong with what was read: where, why, and what is there."""
    first = error.errors()[0]
    found = first["input"]
    # What is there is foreign, and may be large.
    had = f" (it is {shown(str(found))})" if isinstance(found, str | int) else ""
    words = "has not the form that Lifeboat writes" if first["type"] == "string_pattern_mismatch" else first["msg"]
    return ": ".join([*filter(None, [shown(".".join(map(str, first["loc"])))]), words]) + had


def require_bounded(text: bytes, origin: str) -> bytes:
    """Return JSON as it is; raises Damaged when it is larger than what any backup's is: it would fill this machine's memory."""
    values = text.count(b",") + text.count(b"[") + text.count(b"{")
    for found, most, what in ((len(text), MOST_BYTES, "bytes"), (values, MOST_VALUES, "values")):
        if found > most:
            raise Damaged(
                f"{origin} has {found:,} {what}, and at most {most:,} are read",
                hint="Lifeboat writes none that large: was it put there by somebody else?",
            )
    return text
