"""What `restic copy` of a night's incremental sends and receives, against the size of that incremental: counted on the wire.

`python -m tests.bench.copying` runs it alone. The further repository is behind a REST server, all bytes in both directions count.
"""

import logging
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backups.machine import disk
from backups.manifest import FileEntry, Manifest, Source
from backups.site import Site
from backups.witness import Fact
from tests.bench.table import Row, at_most, markdown
from tests.servers.repositories import PASSWORD, USER, rest_server
from verification import copying

_SIZES = (100_000, 1_000_000, 20_000_000)
"""Bytes of new data of an incremental: of a quiet night, of a usual one, of a busy one."""
_FULL = 50_000_000


@dataclass
class _Wire:
    """A proxy's port, and the bytes that went through it."""

    port: int
    moved: int = 0


def rows() -> list[Row]:
    """The lines of the table: one for each size of an incremental."""
    base = Path(tempfile.mkdtemp(prefix="lifeboat-bench-copy-"))
    try:
        (base / "away").mkdir()
        with rest_server(base / "away") as server, _wire(server.port) as wire:
            return _measured(base, wire)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _measured(base: Path, wire: _Wire) -> list[Row]:
    config = base / "lifeboat.yaml"
    (base / "key").write_text("bench\n")
    config.write_text(
        "state: state\nrepository: {url: repository, password_file: key}\n"
        f"repositories:\n  away: {{url: 'rest:http://{USER}:{PASSWORD}@127.0.0.1:{wire.port}/', password_file: key}}\n"
        "services:\n  agama: {type: mysql, host: localhost, password: none, image: 'lifeboat/mysql:9.7'}\n"
    )
    site = Site.open(config)
    site.repository.ensure()
    start = datetime.now(UTC) - timedelta(days=1)
    _save(site, base, start, 0, _FULL)
    copying.copy(site, "away")
    found = []
    for number, size in enumerate(_SIZES, start=1):
        added = -_size(base / "repository")
        _save(site, base, start + timedelta(hours=number), number, size)
        added += _size(base / "repository")
        wire.moved, began = 0, time.monotonic()
        assert copying.copy(site, "away").backups == 1
        seconds = time.monotonic() - began
        detail = f" ({disk.size(wire.moved)} : {disk.size(added)}, {seconds:.1f} s)"
        found.append(
            at_most(
                f"traffic of copying an incremental of {disk.size(size)}, against what it added",
                wire.moved / added,
                1.5,
                "x",
                detail=detail,
            )
        )
    return found


def _save(site: Site, base: Path, at: datetime, sequence: int, size: int) -> None:
    """Save a backup whose data nothing else has: half of it random, half compressible."""
    scratch = base / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "data").mkdir(parents=True)
    (scratch / "data" / "log").write_bytes(
        os.urandom(size // 2) + b"".join(b"%d, %d\n" % (sequence, line) for line in range(size // 20))
    )
    written = (scratch / "data" / "log").stat().st_size
    chain = "agama-20260101T000000Z"
    manifest = Manifest(
        lifeboat="bench", id=f"{chain}-{sequence + 1}" if sequence else chain, service="agama", type="mysql", kind="incremental" if sequence else "full",
        chain=chain, sequence=sequence, parent=None, started_at=at, taken_at=at, finished_at=at, source=Source(version="9.7", image="bench"),
        files=(FileEntry(path="log", size=written),), details={}, witness=(Fact("shop.orders", "rows", 1),),
    )  # fmt: skip
    manifest.write(scratch)
    site.repository.save(scratch, host="agama", tags=manifest.tags(), at=at)


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@contextmanager
def _wire(port: int) -> Iterator[_Wire]:
    listening = socket.create_server(("127.0.0.1", 0))
    wire = _Wire(listening.getsockname()[1])

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        while piece := source.recv(1 << 16):
            wire.moved += len(piece)
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            for ends in ((near, far), (far, near)):
                threading.Thread(target=pass_on, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield wire
    finally:
        listening.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    print(markdown(rows()))
