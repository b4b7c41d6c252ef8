"""A backup of a real server is killed, or told to end, in each of its phases: nothing half is kept, and the source is let go."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups.machine import runs
from backups.machine.docker import STATE_LABEL, Docker
from backups.machine.wait import wait_until
from backups.site import Site
from tests.servers import restic
from tests.servers.mysql import PASSWORD, MySQLServer, StartMySQL
from tests.servers.prometheus import PrometheusServer

pytestmark = pytest.mark.docker

_COMMAND = "from flows.commands.main import main; main()"
_INTERRUPTED = 130


@dataclass(frozen=True)
class Boat:
    """A site on disk, and `lifeboat backup` as a process of its own."""

    folder: Path

    @property
    def configuration(self) -> Path:
        return self.folder / "lifeboat.yaml"

    def ends(self, phase: str, number: signal.Signals, service: str) -> int:
        """Begin a backup, send the signal when it says the phase, and return how the process ended."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", _COMMAND, "backup", service, "--kind", "full", "--config", str(self.configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "AGAMA": PASSWORD, "LIFEBOAT_REPOSITORY": "a key"},
        )
        assert process.stdout is not None
        said = []
        with process.stdout:
            for line in process.stdout:
                said.append(line)
                if phase in line:
                    process.send_signal(number)
                    break
            else:
                pytest.fail(f"it never said {phase!r}: {''.join(said)}")
            said.append(process.stdout.read())
        code = process.wait(timeout=120)
        assert "Traceback" not in "".join(said), "".join(said)
        return code

    def left(self) -> list[str]:
        """Containers, networks and run directories that are there now."""
        label = f"label={STATE_LABEL}={self.folder / 'state'}"
        found = [
            word
            for words in (["ps", "-aq"], ["network", "ls", "-q"])
            for word in subprocess.run(
                ["docker", *words, "--filter", label], check=True, capture_output=True, text=True
            ).stdout.split()
        ]
        return [*found, *map(str, (self.folder / "state" / "runs").iterdir())]


@pytest.fixture
def boat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Boat]:
    monkeypatch.setenv("AGAMA", PASSWORD)
    monkeypatch.setenv("LIFEBOAT_REPOSITORY", "a key")
    for parent in (tmp_path, *tmp_path.parents):
        if str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    yield Boat(tmp_path)
    Docker().remove_labelled(f"{STATE_LABEL}={tmp_path / 'state'}")


def configure(boat: Boat, service: str, section: str) -> None:
    boat.configuration.write_text(
        "state: state\nrepository: {url: repository, password: '${LIFEBOAT_REPOSITORY}'}\n"
        f"services:\n  {service}: {section}\n"
    )


def nothing_half_is_kept_and_the_next_one_works(boat: Boat, service: str, before: list[str], phase: str) -> list[str]:
    """Take the next backup; return the ids of all there are. A small backup may be saved faster than a signal ends it: then it is whole."""
    site = Site.open(boat.configuration)
    found = site.repository.backups()
    assert [backup.id for backup in found[: len(before)]] == before
    assert len(found) == len(before) or phase == "saving"
    for backup in found[len(before) :]:
        assert site.repository.manifest(backup).files
    with runs.one_at_a_time(site.state, service):
        pass
    taken = site.back_up(service, kind="full")
    every = [*(backup.id for backup in found), taken.id]
    assert [backup.id for backup in site.repository.backups()] == every
    assert boat.left() == []
    # Asks for the repository alone, as prune does: a lock that a killed restic left in its first moment would keep it out.
    site.repository.check()
    assert restic.locks(boat.folder / "repository") == []
    return every


def test_mysql_in_each_phase(boat: Boat, start_mysql: StartMySQL) -> None:
    """The read lock, the instance lock, sessions and the clone at the source end with the process, however it ends."""
    server = start_mysql()
    configure(
        boat,
        "agama",
        f"{{type: mysql, image: 'lifeboat/mysql:9.7', host: {server.host}, port: {server.port}, password: '${{AGAMA}}'}}",
    )
    kept: list[str] = [Site.open(boat.configuration).back_up("agama", kind="full").id]
    with server.add_writer() as writer:
        writer.wait_for(20)
        for phase in ("cloning", "taking the witness", "pulling the log", "saving"):
            for number in (signal.SIGKILL, signal.SIGTERM):
                code = boat.ends(phase, number, "agama")
                expected = -signal.SIGKILL if number == signal.SIGKILL else _INTERRUPTED
                assert code == expected or (phase, code) == ("saving", 0), phase
                assert wait_until(lambda: not _sessions(server), seconds=60), f"{phase}: {_sessions(server)}"
                # Neither rows nor definitions are kept waiting.
                server.sql("CREATE DATABASE after", "CREATE TABLE after.one (n INT PRIMARY KEY)", "DROP DATABASE after")
                writer.wait_for(5)
                if number == signal.SIGTERM:
                    assert boat.left() == [], phase
            kept = nothing_half_is_kept_and_the_next_one_works(boat, "agama", kept, phase)


def _sessions(server: MySQLServer) -> list[object]:
    """What runs at the source in our name. A donor whose recipient died waits for it by itself, for five minutes at most, and holds
    nobody up.
    """
    return server.rows(
        "SELECT id, command, state, info FROM information_schema.processlist WHERE user = 'lifeboat' AND command NOT LIKE '%Clone%'"
    )


def test_prometheus_in_each_phase(boat: Boat, prometheus_source: PrometheusServer) -> None:
    """A snapshot that a killed backup left at the source goes with the next one; an ended one removes its own."""
    settings = prometheus_source.settings()
    configure(
        boat, "prometheus", f"{{type: prometheus, image: '{settings.image}', url: '{settings.url}', place: '{settings.place}'}}"
    )
    kept: list[str] = [Site.open(boat.configuration).back_up("prometheus", kind="full").id]
    for phase in ("copying", "saving"):
        for number in (signal.SIGKILL, signal.SIGTERM):
            boat.ends(phase, number, "prometheus")
            if number == signal.SIGTERM:
                assert prometheus_source.snapshots() == [], phase
                assert boat.left() == [], phase
        kept = nothing_half_is_kept_and_the_next_one_works(boat, "prometheus", kept, phase)
        assert prometheus_source.snapshots() == []
