"""Signs the files of a verification, and checks them without the repository: an in-toto statement in a DSSE envelope, by ed25519.

Everything cryptographic is done by securesystemslib. A signature says who wrote the files, and that no byte of them has changed
since; whether a backup came back is what the files say.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from backups.errors import Damaged, LifeboatError
from backups.foreign import BackupId, Moment, ServiceName, Sha256, require_bounded, shown

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

from verification.evidence.evidence import Evidence, Verdict

FILE = "evidence.dsse.json"
"""The name of an envelope, beside the files that it signs."""
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
VERIFICATION = "urn:lifeboat:verification:v1"
EXPORT = "urn:lifeboat:evidence-export:v1"
REPORT_FILES = ("report.json", "report.html", "junit.xml", "history.html")
"""What a verification leaves beside its envelope."""
_MOST_BYTES = 64 << 20
"""Of an envelope: it holds names and digests, no evidence; that of a verification in an export takes a kilobyte."""

_FileName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$", max_length=200)
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Digest(_Part):
    """What a file's bytes hash to."""

    sha256: Sha256


class Subject(_Part):
    """A file that is signed: its name, below the folder of the envelope."""

    name: _FileName
    digest: Digest


class Drill(_Part):
    """What a drill showed, in short."""

    service: ServiceName
    selection: str
    verdict: Verdict
    backup: BackupId | None


class Predicate(_Part):
    """What the files are about. verdict: None of an export, which is about many verifications."""

    lifeboat: str
    host: str
    verdict: Verdict | None
    started_at: Moment
    finished_at: Moment
    drills: tuple[Drill, ...] = ()


class Statement(_Part):
    """An in-toto statement: the files, and what they are about."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[Subject, ...]
    predicate_type: Literal["urn:lifeboat:verification:v1", "urn:lifeboat:evidence-export:v1"] = Field(alias="predicateType")
    predicate: Predicate


@dataclass(frozen=True)
class Checked:
    """An envelope whose signature and files are right: where it is, by which key it is signed, and what it states.

    others: of an export, what is wrong with the signatures that verifications in it had by themselves, before it was made
    """

    envelope: Path
    key: str
    statement: Statement
    others: tuple[str, ...] = ()


def sign(contents: Mapping[str, str | bytes], predicate: Predicate, signer: "CryptoSigner", *, of: str = VERIFICATION) -> str:
    """Sign files, by their names their content; returns the envelope as JSON."""
    from securesystemslib.dsse import Envelope

    subjects = [{"name": name, "digest": {"sha256": _hash(content)}} for name, content in sorted(contents.items())]
    stated = {"_type": _STATEMENT, "subject": subjects, "predicateType": of, "predicate": predicate.model_dump(mode="json")}
    envelope = Envelope(json.dumps(stated, sort_keys=True).encode(), _PAYLOAD, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), indent=1) + "\n"


def about(evidence: Evidence) -> Predicate:
    """Say in short what a verification's files are about."""
    return Predicate(
        lifeboat=evidence.lifeboat,
        host=evidence.host,
        verdict=evidence.verdict,
        started_at=evidence.started_at,
        finished_at=evidence.finished_at,
        drills=tuple(
            Drill(
                service=drill.service,
                selection=drill.drilled,
                verdict=drill.verdict,
                backup=drill.backup.id if drill.backup else None,
            )
            for drill in evidence.drills
        ),
    )


def envelope_of(file: Path) -> Path:
    """Find the envelope of a file, or of a folder; raises Damaged where there is none: then it is unsigned."""
    found = file / FILE if file.is_dir() else file if file.name == FILE else file.with_name(FILE)
    if not file.exists():
        raise LifeboatError(f"there is no {file}", hint="name a report.json, or the folder that it is in")
    if not found.is_file():
        raise Damaged(
            f"{file} is unsigned: no {FILE} is beside it",
            hint="a Lifeboat before signatures wrote none; else it was taken away, and nothing here can be checked",
        )
    return found


def check(file: Path, key: "SSlibKey") -> Checked:
    """Check the envelope of a file or folder by a public key, and every file that it signs; reads nothing else.

    Raises Damaged, naming it, for a signature by another key, and for what was changed, taken away or put there since.
    """
    path = envelope_of(file)
    statement = _opened(path, key)
    if not file.is_dir() and file.name != FILE and file.name not in {subject.name for subject in statement.subject}:
        raise Damaged(f"{file} is unsigned: {path} does not name it", hint="was it put there by somebody else?")
    for subject in statement.subject:
        _require_same(path.parent / subject.name, subject.digest.sha256)
    _require_no_other(path.parent, statement)
    inner = [path.parent / subject.name for subject in statement.subject if subject.name.endswith(f"/{FILE}")]
    return Checked(path, key.keyid, statement, tuple(fault for each in inner if (fault := _fault(each, key))))


def _fault(file: Path, key: "SSlibKey") -> str | None:
    try:
        check(file, key)
    except Damaged as fault:
        return fault.message
    return None


def _opened(path: Path, key: "SSlibKey") -> Statement:
    """Read an envelope's statement, once its signature is right: nothing in it is believed before."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error

    try:
        with path.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise LifeboatError(f"{path} cannot be read: {error.strerror}", hint="may this user read it?") from error
    if len(content) > _MOST_BYTES:
        raise Damaged(f"{path} has more than {_MOST_BYTES:,} bytes", hint="Lifeboat writes none that large")
    try:
        envelope = Envelope.from_dict(json.loads(require_bounded(content, str(path))))
        names = {str(name)[:64] for name in envelope.signatures}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Error) as error:
        raise Damaged(f"{path} is no DSSE envelope", hint="it was changed after it was signed, or is something else") from error
    if key.keyid not in names:
        others = ", ".join(shown(name[:16]) for name in sorted(names)) or "none"
        raise Damaged(
            f"{path} is not signed by this key: the key is {key.keyid[:16]}, signed by {others}",
            hint="is it another machine's? lifeboat evidence key prints the key there",
        )
    try:
        envelope.verify([key], 1)
    except (Error, ValueError) as error:
        raise Damaged(
            f"{path} was changed after it was signed by {key.keyid[:16]}", hint="nothing beside it can be believed"
        ) from error
    if envelope.payload_type != _PAYLOAD:
        raise Damaged(f"{path} is signed, and is no in-toto statement", hint="use the version that wrote it")
    try:
        return Statement.model_validate_json(envelope.payload)
    except ValidationError as error:
        raise Damaged(
            f"{path} is signed, and states what this version does not know", hint="use the version that wrote it"
        ) from error


def _require_same(file: Path, signed: str) -> None:
    try:
        if file.is_symlink() or not file.is_file():
            raise Damaged(f"{file} is signed, and is not there", hint="without it, what the others say is not whole")
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise LifeboatError(f"{file} cannot be read: {error.strerror}", hint="may this user read it?") from error
    if found != signed:
        raise Damaged(
            f"{file} was changed after it was signed: its SHA-256 is {found}, signed was {signed}",
            hint="lifeboat evidence export takes what was signed out of the repository again",
        )


def _require_no_other(folder: Path, statement: Statement) -> None:
    """Raise Damaged for what looks like a part of the evidence and is not signed: of an export, whatever is in its folder.

    But for what is hidden, which a desktop leaves where it looks.
    """
    signed = {FILE, *(subject.name for subject in statement.subject)}
    try:
        if statement.predicate_type == EXPORT:
            there = (each for each in folder.rglob("*") if each.is_symlink() or not each.is_dir())
        else:
            there = (folder / name for name in REPORT_FILES if (folder / name).exists())
        names = (each.relative_to(folder).as_posix() for each in there)
        other = next((name for name in names if name not in signed and not name.startswith(".") and "/." not in name), None)
    except OSError as error:
        raise LifeboatError(f"{folder} cannot be read: {error.strerror}", hint="may this user read it?") from error
    if other:
        raise Damaged(
            f"{folder}/{shown(other, 200)} is not signed: it was put there since", hint="do not believe it; take it away"
        )


def _hash(content: str | bytes) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()
