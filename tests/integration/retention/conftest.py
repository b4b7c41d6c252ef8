"""A site with the toy service whose repository holds months of fabricated backups; made once, copied for every test."""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.manifest import FileEntry, Manifest, Source
from backups.repository.repository import Repository
from backups.retention import Decision
from backups.services import registry
from backups.site import Site
from backups.witness import Fact
from tests.contract.toy_site import IMAGE, REGISTRY_LINE
from tests.integration.conftest import child
from tests.integration.flows.conftest import Said, lifeboat

__all__ = ["Said", "child", "lifeboat"]

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
BYTES = 400_000
"""What each backup adds to the repository: random, so that nothing of it is shared."""

AGES = {"old": (75, 74), "month": (40, 39), "lately": (24, 21, 18, 15, 12, 9, 6, 3, 1)}
"""Chain -> how many days ago its backups were taken. `old` and `month` go, and `monthly` (26 days, standalone) stays."""


@dataclass(frozen=True)
class Harbour:
    """The folder of a site: lifeboat.yaml, key, repository/, state/."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "lifeboat.yaml"

    def open(self, state: str = "state") -> Site:
        """The site; by another `state`, it is another machine's that shares the repository."""
        self.config.write_text(
            f"state: {state}\nrepository: {{url: repository, password_file: key}}\n"
            f"services:\n  toy: {{type: toy, image: '{IMAGE}', source: '{self.folder}/source'}}\n"
        )
        return Site.open(self.config)

    def size(self) -> int:
        """Bytes of data in the repository."""
        return sum(path.stat().st_size for path in (self.folder / "repository" / "data").rglob("*") if path.is_file())


def identifier(chain: str, sequence: int = 0) -> str:
    """The id of a backup that `fabricate` saves; of the first, that of its chain."""
    return f"{chain}-20000101T000000Z" + (f"-{sequence + 1}" if sequence else "")


def fabricate(site: Site, scratch: Path, chain: str, taken: Sequence[datetime], *, standalone: bool = False) -> None:
    """Save a chain of backups as if taken at these times."""
    for sequence, moment in enumerate(taken):
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "data").mkdir(parents=True)
        (scratch / "data" / "noise").write_bytes(os.urandom(BYTES))
        manifest = Manifest(
            lifeboat="0.1.0", id=identifier(chain, sequence), service="toy", type="toy", kind="incremental" if sequence else "full", chain=identifier(chain),
            sequence=sequence, parent=identifier(chain, sequence - 1) if sequence else None, standalone=standalone,
            started_at=moment, taken_at=moment, finished_at=moment, source=Source(version="toy 1.0", image=IMAGE),
            files=(FileEntry(path="noise", size=BYTES),), details={"hashes": {"noise": "x"}}, witness=(Fact("tree", "files", 1),),
        )  # fmt: skip
        manifest.write(scratch)
        site.repository.save(scratch, host="toy", tags=manifest.tags(), at=moment)


def chains_of(repository: Repository) -> dict[str, list[int]]:
    """Chain -> the sequence numbers that the repository holds of it."""
    held: dict[str, list[int]] = {}
    for record in repository.backups():
        held.setdefault(record.chain.partition("-")[0], []).append(record.sequence)
    return held


def going(decisions: Iterable[Decision]) -> set[str]:
    return {decision.chain.id.partition("-")[0] for decision in decisions if not decision.keep}


@pytest.fixture(scope="session")
def harbour_template(tmp_path_factory: pytest.TempPathFactory) -> Harbour:
    harbour = Harbour(tmp_path_factory.mktemp("harbour"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.SERVICE_TYPES, "toy", REGISTRY_LINE)
        (harbour.folder / "key").write_text("correct horse\n")
        (harbour.folder / "source").mkdir()
        site = harbour.open()
        site.repository.ensure()
        for chain, ages in AGES.items():
            fabricate(site, harbour.folder / "scratch", chain, [NOW - age * DAY for age in ages])
        fabricate(site, harbour.folder / "scratch", "monthly", [NOW - 26 * DAY], standalone=True)
    return harbour


@pytest.fixture
def harbour(harbour_template: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    """A copy of the site, to change as a test likes."""
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", REGISTRY_LINE)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(harbour_template.folder, tmp_path / "harbour", ignore=shutil.ignore_patterns("state", "scratch"))
    harbour = Harbour(tmp_path / "harbour")
    harbour.open()
    return harbour
