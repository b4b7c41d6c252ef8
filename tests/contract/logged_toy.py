"""A toy service that has a log, and its copies, which can go on through it."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from backups.manifest import BackupRecord, Manifest
from backups.services import registry
from backups.services.base import Copy, Fetched, Point, Sandbox
from backups.services.continuous import Advanced, Expected, TableChange, Transaction
from backups.services.registry import ServiceType
from tests.contract import toy as toys
from tests.contract.toy_site import ToySite


class LoggedToy(toys.ToyService):
    """A toy whose every backup has a log: the files that it holds."""

    continuous = True

    def holds(self, manifest: Manifest, position: str) -> bool:
        raise AssertionError("these tests name times")

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        return False

    def log(self, manifest: Manifest) -> Sequence[str]:
        return [entry.path for entry in manifest.files]

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        """One that is told whole, and one of which nothing is known."""
        at = earlier.taken_at + (later.manifest.taken_at - earlier.taken_at) / 2
        rows, odd = TableChange("toy.page", 1, 2, 3), TableChange("toy.note", None, None, None, ("torn",))
        yield Transaction("log.1:4", None, "log.1:4", at, (rows, odd), ("CREATE PAGE '…'",), 2)
        yield Transaction("log.1:99", None, "log.1:99", at, untold=("in a language that is not known",))

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        return LoggedCopy(chain, sandbox.directory / "tree")


class LoggedCopy(toys.ToyCopy):
    """See ContinuousCopy. At the moment between, nothing of the log has been done yet."""

    def advance(self, log: Fetched, point: Point) -> Advanced:
        return Advanced("page 7 of the log", 312)

    def expected(self, log: Fetched) -> Expected:
        found = [fact for fact in self.observe() if fact.subject == "file log.txt"]
        return Expected(tuple(found), {"file noise.bin": "it is noise"})

    def scanned(self, log: Fetched) -> Callable[[str], bool]:
        return lambda about: about != "file noise.bin"

    def reopen(self) -> None:
        self.tree = Path(shutil.copytree(self.tree, self.tree.with_name("second")))

    def advance_to_witness(self, log: Fetched) -> None:
        shutil.copytree(log.data, self.tree, dirs_exist_ok=True)


@pytest.fixture
def logged(toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> ToySite:
    """The toy site, whose toy has a log."""
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", ServiceType(toys.ToySettings, LoggedToy))
    return toy
