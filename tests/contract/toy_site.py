"""A site with the toy service, ready to verify: a full and an incremental in a real restic repository, made once."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups.backup import back_up
from backups.machine import runs
from backups.services import registry
from backups.services.registry import ServiceType
from backups.site import Site
from tests.contract.toy import ToyService, ToySettings

IMAGE = "lifeboat/prometheus:3.5"
"""Any image that is there: drills ask for it, the toy runs nothing on it."""

REGISTRY_LINE = ServiceType(ToySettings, ToyService)

SUITE = """
database: shop
expectations:
  - name: no client without an e-mail
    unexpected_rows: SELECT id FROM client WHERE email IS NULL
"""


@dataclass(frozen=True)
class ToySite:
    """Its folder: lifeboat.yaml, source/, repository/, state/."""

    folder: Path

    def open(self) -> Site:
        return Site.open(self.folder / "lifeboat.yaml")

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    def configure(self, *, image: str = IMAGE, more: str = "", service: str = "") -> Site:
        """Write lifeboat.yaml; `more` is added to the file, `service` to the service's section."""
        (self.folder / "key").touch(mode=0o600)
        (self.folder / "key").write_text("correct horse\n")
        (self.folder / "lifeboat.yaml").write_text(
            "state: state\n"
            f"repository: {{url: repository, password_file: {self.folder}/key}}\n{more}\n"
            f"services:\n  toy: {{type: toy, image: '{image}', source: '{self.source}'{service}}}\n"
        )
        return self.open()

    def back_up(self, kind: str | None = None) -> str:
        site = self.open()
        with runs.start(site.state) as run:
            service = site.service("toy", run.docker)
            return back_up(service, site.repository, run, site.state, kind=kind).id  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def toy_template(tmp_path_factory: pytest.TempPathFactory) -> ToySite:
    """The site that every test gets a copy of."""
    toy = ToySite(tmp_path_factory.mktemp("toy-template"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.SERVICE_TYPES, "toy", REGISTRY_LINE)
        toy.source.mkdir()
        (toy.source / "letters").mkdir()
        (toy.source / "letters" / "an odd [name]*.txt").write_text("ahoy\n")
        (toy.source / "log.txt").write_text("one\n" * 5000)
        (toy.source / "noise.bin").write_bytes(random.Random(1).randbytes(300_000))
        with closing(sqlite3.connect(toy.source / "shop.sqlite")) as shop:
            shop.executescript("CREATE TABLE client (id INTEGER, email TEXT); INSERT INTO client VALUES (1, 'a@b'), (2, 'c@d')")
        toy.configure()
        toy.back_up()
        (toy.source / "log.txt").write_text("three\n" * 5000)
        toy.back_up()
    return toy


@pytest.fixture
def toy(toy_template: ToySite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToySite]:
    """A copy of the site, to change as a test likes."""
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", REGISTRY_LINE)
    toy = ToySite(tmp_path / "toy")
    shutil.copytree(toy_template.folder, toy.folder, ignore=shutil.ignore_patterns("state"))
    toy.configure()
    yield toy
    assert not list((toy.folder / "state" / "runs").glob("*")), "a run left its directory behind"
