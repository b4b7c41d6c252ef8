"""A place of each kind that is the same directory of this machine: read here, and over SSH by sudo."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups import hosts
from backups.hosts import Hosts
from backups.places.base import Place
from backups.places.local.place import LocalPlace
from backups.places.remote.place import SshPlace
from tests.servers.ssh import SshServer


@dataclass
class Site:
    """A place, and the directory of this machine that it is."""

    place: Place
    root: Path
    make: Callable[[str], Place]


@pytest.fixture(params=["local", "ssh by sudo"])
def site(request: pytest.FixtureRequest, ssh_server: SshServer) -> Iterator[Site]:
    """A directory of its own below what the server has as /srv; `make` gives places beside it."""
    top = ssh_server.root / f"it's {uuid.uuid4().hex[:8]}"
    root = top / "root"
    root.mkdir(parents=True)
    settings = ssh_server.settings(address=f"ops@{ssh_server.address}", sudo=True)

    def make(name: str) -> Place:
        if request.param == "local":
            return LocalPlace(top / name)
        return SshPlace(Hosts({"db": settings}).connect("db"), f"/srv/{top.name}/{name}")

    yield Site(make("root"), root, make)
    hosts.close_all()
    shutil.rmtree(top)
