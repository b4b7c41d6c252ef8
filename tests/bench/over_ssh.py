"""Reading from a place over SSH against the machine's own `ssh`, both from one OpenSSH server, into files of this machine.

`python -m tests.bench.over_ssh` runs it alone; BENCH_SSH_MB sets the size (default 200), BENCH_ROUNDS how often (default 3).
"""

import logging
import os
import shlex
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backups import hosts
from backups.hosts import Hosts
from backups.hosts.settings import HostSettings
from backups.machine.wait import wait_until
from backups.places.base import Ownership
from backups.places.remote.place import SshPlace
from tests.bench.sides import alternated
from tests.bench.table import Row, at_most, markdown

_IMAGE = "lifeboat/ssh-host:sid"


def rows(megabytes: int, rounds: int) -> list[Row]:
    """The lines of the table: one stream of files in each direction, as ratios of seconds."""
    base = Path(tempfile.mkdtemp(prefix="lifeboat-bench-ssh-"))
    try:
        with _server(base) as (place, ssh):
            return _measured(base, place, ssh, megabytes, rounds)
    finally:
        hosts.close_all()
        shutil.rmtree(base, ignore_errors=True)


def _measured(base: Path, place: SshPlace, ssh: str, megabytes: int, rounds: int) -> list[Row]:
    (base / "srv" / "from").mkdir()
    for number in range(8):
        (base / "srv" / "from" / f"{number}.ibd").write_bytes(os.urandom(megabytes * 2**20 // 8))
    paths = [f"from/{number}.ibd" for number in range(8)]

    def ours(number: int) -> float:
        return _timed(lambda: place.fetch(paths, _fresh(base / "into")))

    def theirs(number: int) -> float:
        into = _fresh(base / "into")
        return _timed(lambda: _shell(f"{ssh} tar -cf - -C /srv from | tar -xf - -C {shlex.quote(str(into))}"))

    def put(number: int) -> float:
        tree = shutil.copytree(base / "srv" / "from", _fresh(base / "into") / "tree")
        target = SshPlace(place.connection, f"/srv/to-{number}")
        return _timed(lambda: target.put(tree, Ownership("root:root", 0, 0)))

    def sent(number: int) -> float:
        source = shlex.quote(str(base / "srv"))
        command = f"mkdir /srv/by-ssh-{number} && tar -xf - -C /srv/by-ssh-{number} && sync -f /srv"
        return _timed(lambda: _shell(f"tar -cf - -C {source} from | {ssh} {shlex.quote(command)}"))

    place.exists("from")
    own, other, up, other_up = (statistics.median(seconds) for seconds in alternated(rounds, ours, theirs, put, sent))
    detail = f" ({own:.1f} s : {other:.1f} s, {megabytes / own:.0f} MB/s)"
    return [
        at_most(f"reading {megabytes} MB from a place over SSH, against ssh tar \\| tar", own / other, 1.5, "x", detail=detail),
        at_most("putting them there, compared and synced, against tar \\| ssh tar", up / other_up, 1.5, "x", detail=f" ({up:.1f} s : {other_up:.1f} s)"),
    ]  # fmt: skip


@contextmanager
def _server(base: Path) -> Iterator[tuple[SshPlace, str]]:
    """A server whose /srv is below `base`: as a place, and as the beginning of a command line."""
    key, known, name = base / "key", base / "known_hosts", f"lifeboat-bench-ssh-{uuid.uuid4().hex[:8]}"
    (base / "srv").mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text()
    try:
        _docker("run", "-d", "--name", name, "-v", f"{base / 'srv'}:/srv", "-e", f"AUTHORIZED={public}", _IMAGE)
        address = _docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)

        def known_now() -> bool:
            scan = subprocess.run(["ssh-keyscan", "-t", "ed25519", address], capture_output=True, text=True, check=False)
            known.write_text(scan.stdout)
            return bool(scan.stdout)

        if not wait_until(known_now, seconds=60):
            raise RuntimeError("the SSH server does not answer")
        settings = HostSettings(address=f"root@{address}", key_file=key, known_hosts=known)
        ssh = f"ssh -q -i {shlex.quote(str(key))} -o UserKnownHostsFile={shlex.quote(str(known))} -o BatchMode=yes root@{address}"
        yield SshPlace(Hosts({"bench": settings}).connect("bench"), "/srv"), ssh
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)


def _fresh(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


def _timed(work: object) -> float:
    started = time.monotonic()
    work()  # type: ignore[operator]
    return time.monotonic() - started


def _shell(line: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    print(markdown(rows(int(os.environ.get("BENCH_SSH_MB", "200")), int(os.environ.get("BENCH_ROUNDS", "3")))))
