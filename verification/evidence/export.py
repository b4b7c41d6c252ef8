"""Takes the evidence of a period out of the repository, into one folder that an auditor can check without it.

The pages of the folder are written by `verification/report/export.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from backups.errors import Damaged, LifeboatError
from backups.foreign import shown
from backups.machine.parallel import side_by_side
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from verification.evidence import signed, store
from verification.evidence.drilled import TAG
from verification.evidence.evidence import Evidence

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

FILES = (*signed.REPORT_FILES, signed.FILE)
"""What a verification leaves; older ones left less."""
_SAME = timedelta(seconds=2)
"""Its snapshot has the time at which a verification finished, to the second."""
_AT_ONCE = 4
"""Each is a restic, which takes most of a second to open the repository."""


@dataclass(frozen=True)
class Exported:
    """One verification in the folder: where, what it says, and whether its signature is right (`signed`), in words else.

    Not signed is also what is signed, and is another moment's or a copy of another one.
    """

    folder: str
    evidence: Evidence
    signed: bool
    words: str

    @property
    def page(self) -> str:
        """The page to open: its own, or, since anybody may have written that, one made anew beside the folder."""
        return f"{self.folder}/report.html" if self.signed else f"{self.folder}.html"


def within(snapshots: Sequence[Snapshot], begin: datetime, end: datetime) -> list[Snapshot]:
    """Choose the evidence of the period, oldest first: from `begin` on, before `end`."""
    return sorted(
        (each for each in snapshots if TAG in each.tags and begin <= each.time < end), key=lambda snapshot: snapshot.time
    )


def require_empty(out: Path) -> None:
    """Raise LifeboatError for a folder that holds anything: what is there is not what is exported."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise LifeboatError(f"{out} is there, and is no empty folder", hint="name another one by --out")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LifeboatError(f"{out} cannot be written: {error.strerror}", hint="name another one by --out") from error


def fetch(repository: Repository, snapshots: Sequence[Snapshot], out: Path, key: "SSlibKey") -> list[Exported]:
    """Write each verification's files into a folder of its own below `out`, and check its signature by `key`.

    Raises LifeboatError; Damaged for a snapshot that is no evidence.
    """
    held = repository.trees([snapshot.id for snapshot in snapshots])

    def one(snapshot: Snapshot) -> Exported:
        kinds = {node.path.removeprefix("/"): node.type for node in held[snapshot.id]}
        if odd := [name for name in FILES if kinds.get(name, "file") != "file"]:
            raise Damaged(
                f"the evidence {snapshot.id[:8]} holds {odd[0]} as {shown(kinds[odd[0]])}, which is no file",
                hint="was it put there by somebody else? lifeboat saves no such thing",
            )
        contents = {name: repository.read(snapshot.id, name) for name in FILES if name in kinds or name == store.REPORT}
        report = store.parse_report(contents[store.REPORT], snapshot)
        name = f"{snapshot.time.astimezone(UTC):%Y-%m-%d-%H%M%S}-{snapshot.id[:8]}"
        _write(contents, out / name)
        return _checked(out, name, report, snapshot, key)

    results = side_by_side(one, snapshots, at_once=_AT_ONCE)
    for result in results:
        if isinstance(result, LifeboatError):
            raise result
    return _each_once([result for result in results if isinstance(result, Exported)], out)


def _each_once(exported: Sequence[Exported], out: Path) -> list[Exported]:
    """Call what was saved a second time unsigned: a signature is right in every copy, and each verification counts once."""
    first: dict[bytes, str] = {}
    found = []
    for each in exported:
        if each.signed:
            before = first.setdefault((out / each.folder / store.REPORT).read_bytes(), each.folder)
            if before != each.folder:
                each = replace(each, signed=False, words=f"a copy of {before}, which counts there")  # noqa: PLW2901
        found.append(each)
    return found


def _write(contents: Mapping[str, bytes], folder: Path) -> None:
    try:
        folder.mkdir()
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise LifeboatError(f"{folder} cannot be written: {error.strerror}", hint="name another folder by --out") from error


def _checked(out: Path, name: str, report: Evidence, snapshot: Snapshot, key: "SSlibKey") -> Exported:
    if not (out / name / signed.FILE).is_file():
        return Exported(
            name, report, signed=False, words="unsigned: by an older Lifeboat, by one without a key, or by somebody else"
        )
    try:
        found = signed.check(out / name, key)
    except Damaged as fault:
        return Exported(name, report, signed=False, words=fault.message.replace(f"{out}/", ""))
    if abs(snapshot.time - report.finished_at) > _SAME:
        # What was signed once stays signed: an old report could be saved again as one of today.
        words = f"signed, and of {report.finished_at:%Y-%m-%d %H:%M:%S} UTC: it was saved again under another time"
        return Exported(name, report, signed=False, words=words)
    return Exported(name, report, signed=True, words=f"signed with the key {found.key[:16]}")
