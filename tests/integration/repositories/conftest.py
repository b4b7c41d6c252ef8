"""A site with a toy service and two further repositories, and chains that are fabricated in its first one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.chains import chains
from backups.repository.repository import Repository
from backups.services import registry
from backups.site import Site
from tests.contract.toy_site import IMAGE, REGISTRY_LINE
from tests.integration.conftest import child
from tests.integration.flows.conftest import Said, lifeboat

__all__ = ["Said", "child", "lifeboat"]

Lifeboat = Callable[..., Said]
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
FURTHER = "repositories:\n  offsite: {url: offsite, password_file: other-key}\n"


@dataclass(frozen=True)
class Fleet:
    """The folder of a site: lifeboat.yaml, keys, source/, repository/, offsite/, state/."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "lifeboat.yaml"

    @property
    def offsite(self) -> Path:
        return self.folder / "offsite"

    def open(self, further: str = FURTHER) -> Site:
        self.config.write_text(
            f"state: state\ntimezone: UTC\nrepository: {{url: repository, password_file: key}}\n{further}"
            f"services:\n  toy: {{type: toy, image: '{IMAGE}', source: '{self.folder}/source'}}\n"
        )
        return Site.open(self.config)

    def bytes_of(self, name: str) -> int:
        return sum(path.stat().st_size for path in (self.folder / name).rglob("*") if path.is_file())


def held(repository: Repository) -> dict[str, list[int]]:
    """Chain -> the sequence numbers that the repository holds of it."""
    found = chains(repository.backups()).values()
    return {chain.id: [backup.sequence for backup in chain.backups] for members in found for chain in members}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", REGISTRY_LINE)
    monkeypatch.chdir(tmp_path)
    fleet = Fleet(tmp_path / "fleet")
    (fleet.folder / "source").mkdir(parents=True)
    (fleet.folder / "source" / "log.txt").write_text("one\n" * 5000)
    for name, password in (("key", "correct horse"), ("other-key", "battery staple")):
        (fleet.folder / name).touch(mode=0o600)
        (fleet.folder / name).write_text(f"{password}\n")
    fleet.open()
    return fleet
