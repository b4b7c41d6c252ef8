"""What the tests of places over SSH have in common: a place on the test server, files in it, and their sizes."""

import os
from pathlib import Path

from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places import put as putting
from backups.places.base import Ownership
from backups.places.parse import parse
from backups.places.remote.place import SshPlace
from tests.servers.ssh import SshServer, Wire

OWNERSHIP = Ownership(names="no-such-user:no-such-group", user=4711, group=4712)
MIB = 2**20


def by(ssh_server: SshServer, root: Path | str, **changes: object) -> SshPlace:
    where = f"/srv/{root.relative_to(ssh_server.root)}" if isinstance(root, Path) else root
    place = parse(f"ssh:db:{where}", Docker(), Hosts({"db": ssh_server.settings(**changes)}))
    assert isinstance(place, SshPlace)
    return place


def through(wire: Wire) -> dict[str, object]:
    return {"address": f"root@127.0.0.1:{wire.port}"}


def fill(root: Path) -> dict[str, int]:
    root.mkdir(exist_ok=True)
    for number in range(4):
        (root / f"f{number}").write_bytes(os.urandom(MIB))
    return {f"f{number}": MIB for number in range(4)}


def sizes(root: Path) -> dict[str, int]:
    return {name: entry.size for name, entry in putting.inventory(root).items()}
