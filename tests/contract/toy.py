"""A fourth service, as small as one can be: it backs up the files of a directory. It is one module and one registry line.

An incremental holds the files that changed; the witness is every file's size and hash. `*.sqlite` files count as databases.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from backups.errors import Damaged, LifeboatError
from backups.hosts import NOWHERE, Hosts
from backups.machine.docker import Docker
from backups.places.base import Ownership
from backups.secret import Secret
from backups.services.base import Captured, Copy, Delivery, Fetched, Finding, Job, Problem, Sandbox
from backups.services.settings import SqlServiceSettings
from backups.witness import Fact


class ToySettings(SqlServiceSettings):
    """Where the files are; `password` is read by captures only."""

    type: Literal["toy"]
    source: Path
    password: Secret | None = None


class ToyService:
    """See Service."""

    def __init__(self, name: str, settings: ToySettings, docker: Docker, hosts: Hosts = NOWHERE) -> None:
        self.name = name
        self.settings = settings

    def examine(self, docker: Docker) -> Iterator[Finding]:
        yield Finding("source", self.settings.source.is_dir(), str(self.settings.source), "mkdir it")

    def capture(self, job: Job) -> Captured:
        if self.settings.password:
            self.settings.password.reveal()
        hashes = {path: digest(self.settings.source / path) for path in names(self.settings.source)}
        before = job.chain[-1].details["hashes"] if job.chain else {}
        for path in (path for path, value in hashes.items() if before.get(path) != value):
            (job.directory / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.settings.source / path, job.directory / path)
        return Captured(datetime.now(UTC), "toy 1.0", facts(self.settings.source), {"hashes": hashes})

    def health(self, witness: Sequence[Fact], collapse: float) -> Iterator[Problem]:
        if self.settings.password:
            self.settings.password.reveal()
        if not self.settings.source.is_dir():
            yield Problem("down", "source", f"there is no {self.settings.source}")
            return
        gone = {fact.subject for fact in witness} - {fact.subject for fact in facts(self.settings.source)}
        for subject in sorted(gone):
            yield Problem("loss", subject, f"{subject} is gone")

    def wanted(self, chain: Sequence) -> Sequence[Sequence[str] | None]:
        missing = set(chain[-1].details["hashes"])
        result: list[Sequence[str]] = []
        for manifest in reversed(chain):
            held = missing & {entry.path for entry in manifest.files}
            missing -= held
            result.insert(0, sorted(held))
        return result

    def loss(self, witness: Sequence[Fact]) -> Iterator[str]:
        if not self.settings.source.is_dir():
            raise LifeboatError(f"there is no {self.settings.source}")
        held = {fact.subject for fact in witness}
        yield from (f"{fact.subject} is new" for fact in facts(self.settings.source) if fact.subject not in held)

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        return ToyCopy(chain, sandbox.directory / "tree")


class ToyCopy:
    """See Copy."""

    def __init__(self, chain: Sequence[Fetched], tree: Path) -> None:
        self.chain = chain
        self.tree = tree

    def assemble(self) -> None:
        for fetched in self.chain:
            shutil.copytree(fetched.data, self.tree, dirs_exist_ok=True)

    def start(self) -> None:
        if not self.tree.is_dir():
            raise Damaged("the toy does not start: it has no tree")

    def replay(self) -> None:
        pass

    def first_answer(self) -> None:
        if not names(self.tree):
            raise Damaged("the toy answers nothing: its tree is empty")

    def observe(self) -> Iterable[Fact]:
        return facts(self.tree)

    def database_url(self, database: str) -> str | None:
        return f"sqlite:///{self.tree / database}.sqlite"

    def settle(self) -> Delivery:
        return Delivery(self.tree, Ownership("root:root", 0, 0), "/toy", notes=("play on",))


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def facts(root: Path) -> list[Fact]:
    each = [
        fact
        for name in names(root)
        for fact in (
            Fact(f"file {name}", "bytes", (root / name).stat().st_size),
            Fact(f"file {name}", "sha256", digest(root / name)),
        )
    ]
    return [Fact("tree", "files", len(names(root))), *each]
