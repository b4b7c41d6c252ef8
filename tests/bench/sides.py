"""The sides that are measured: Lifeboat by its own commands, the usual tools, and the limit that nobody can beat."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from backups.machine.runs import Run
from backups.site import Site
from tests.bench.server import IMAGE, PASSWORD, Server, quoted, start
from verification.evidence.evidence import DrillResult
from verification.verify import verify

SERVICE = "bench"


@dataclass(frozen=True)
class Backup:
    """One `lifeboat backup`: the command's wall seconds, and what its manifest says.

    own_bytes: the most memory that was its own process's. peak_bytes: with the pages of files that it mapped
    restic: the seconds of each start of restic
    """

    seconds: float
    own_bytes: int
    peak_bytes: int
    id: str
    size: int
    lock_seconds: float
    steps: tuple[tuple[float, str], ...]
    restic: tuple[float, ...]

    def between(self, begin: str, end: str) -> float:
        """Seconds from the first line of the log that holds `begin` to the first that holds `end`."""
        moments = [next((at for at, line in self.steps if words in line), None) for words in (begin, end)]
        if None in moments:
            raise RuntimeError(f"the log says nothing of {begin!r} or {end!r}: {self.steps}")
        return moments[1] - moments[0]


def site(directory: Path, server: Server, *, compression: str = "") -> Path:
    """Write a configuration with a repository of its own, so that nothing is there already; returns its path.

    compression: how restic compresses; by default as it does for whoever configures nothing
    """
    directory.mkdir()
    path = directory / "lifeboat.yaml"
    (directory / "key").write_text("bench\n")
    service = {"type": "mysql", "host": server.container.address(), "user": "lifeboat", "password": PASSWORD, "image": IMAGE}
    environment = {"RESTIC_COMPRESSION": compression} if compression else {}
    repository = {"url": "repository", "password_file": str(directory / "key"), "environment": environment}
    # This is shared: what Lifeboat keeps between runs would be there on any other day, too. Which repository it knows is not.
    kept = directory.parent / "kept" / "mysql"
    kept.mkdir(parents=True, exist_ok=True)
    (directory / "state" / "cache").mkdir(parents=True, mode=0o700)
    (directory / "state" / "cache" / "mysql").symlink_to(kept)
    content = {"state": "state", "repository": repository, "sandbox": {"memory": "8GiB"}, "services": {SERVICE: service}}
    path.write_text(yaml.safe_dump(content))
    return path


def lifeboat_backup(config: Path, kind: str, *, apart: bool = False) -> Backup:
    """Take a backup by the command line. apart: of a full, the witness first, and the saving after it."""
    note = config.parent / "child.json"
    started = time.monotonic()
    arguments = [sys.executable, "-m", "tests.bench.child", str(note), "backup", "--kind", kind, "--config", str(config)]
    subprocess.run(arguments, check=True, env={**os.environ, "PYTHONUNBUFFERED": "1", "BENCH_APART": "1" if apart else ""})
    seconds = time.monotonic() - started
    repository = Site.open(config).repository
    manifest = repository.manifest(repository.backups()[-1])
    if manifest.kind != kind:
        raise RuntimeError(f"asked for {kind}, got {manifest.kind}: {manifest.reason}")
    noted = json.loads(note.read_text())
    steps = tuple((at, line) for at, line in noted["steps"])
    return Backup(
        seconds,
        noted["own_bytes"],
        noted["peak_bytes"],
        manifest.id,
        manifest.size,
        manifest.details["lock_seconds"],
        steps,
        tuple(noted["restic"]),
    )


def lifeboat_drill(config: Path, backup: str) -> DrillResult:
    """Bring a backup back and prove it."""
    (drill,) = verify(Site.open(config), [SERVICE], selections=[backup]).drills
    if drill.verdict != "verified":
        raise RuntimeError(f"the drill ended {drill.verdict}: {drill.reasons}")
    return drill


def dump(server: Server, target: Path) -> float:
    """`mysqldump --single-transaction | zstd -3`, with all cores for zstd that this process has; returns seconds."""
    client = "mysqldump --single-transaction --routines --triggers --events --set-gtid-purged=OFF --databases bench"
    return server.pipe(client, after=f"zstd -3 -T0 -q -f -o {quoted(target)}")


def load(run: Run, source: Path, scratch: Path, name: str) -> float:
    """`zstd -dc | mysql` into a new server that is up already, to its first answer; returns seconds."""
    server = start(run.docker, name, scratch / name)
    try:
        started = time.monotonic()
        server.pipe("mysql", before=f"zstd -dc {quoted(source)}")
        server.value("SELECT COUNT(*) FROM bench.person")
        return time.monotonic() - started
    finally:
        server.container.remove()
        shutil.rmtree(scratch / name)


def copy_and_start(run: Run, source: Path, scratch: Path, name: str) -> float:
    """The limit: copy a data directory that nobody uses, start the server, ask; returns seconds."""
    started = time.monotonic()
    subprocess.run(["cp", "-a", str(source), str(scratch / name)], check=True)
    server = start(run.docker, name, scratch / name)
    try:
        server.value("SELECT COUNT(*) FROM bench.person")
        return time.monotonic() - started
    finally:
        server.container.remove()
        shutil.rmtree(scratch / name)


def listing(config: Path) -> float:
    """`lifeboat list`, the whole command; returns seconds."""
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "tests.bench.child", os.devnull, "list", "--config", str(config)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - started


def processor(config: Path, *command: str) -> tuple[float, float]:
    """Run `lifeboat` with a command; returns the seconds of processor time of its own process, and of those that it started."""
    measured = config.parent / "processor.json"
    subprocess.run(
        [sys.executable, "-m", "tests.bench.child", str(measured), *command, "--config", str(config)],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    own, started = json.loads(measured.read_text())["processor"]
    return own, started


def alternated(rounds: int, *sides: Callable[[int], float]) -> list[list[float]]:
    """Measure the sides in turn, `rounds` times; each side's measurements."""
    results: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        for side, measured in zip(sides, results, strict=True):
            measured.append(side(number))
    return results
