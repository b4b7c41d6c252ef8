"""One rehearsal for all: what the demo leaves behind (repository, lifeboat.yaml, reports) is what these tests drill."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from backups.site import Site
from deployments.demo.run import rehearse


@dataclass(frozen=True)
class Rehearsed:
    """The demo's directory, how it ended, and everything that it printed."""

    home: Path
    code: int
    words: str

    def site(self) -> Site:
        """The site; its sources are gone and their passwords are not in the environment."""
        return Site.open(self.home / "lifeboat.yaml")


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    home, shown = tmp_path_factory.mktemp("rehearsal") / "demo", io.StringIO()
    code = rehearse(home, say=Console(file=shown, width=200).print)
    return Rehearsed(home, code, shown.getvalue())
