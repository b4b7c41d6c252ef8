"""The log of a real MySQL, followed between two backups: without a gap, through kills and restarts, until the next backup has it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.follow import standing
from backups.follow.piece import LOG, leading, read
from backups.machine.wait import wait_until
from backups.repository import ahead
from backups.site import Site
from tests.conftest import ROOT
from tests.integration.flows.conftest import Said
from tests.integration.restore.test_mysql_by_command import configured
from tests.integration.restore.test_mysql_moments import inserted, last_gtid
from tests.servers.mysql import PASSWORD, StartMySQL

pytestmark = pytest.mark.docker

IN_USE = 21
"""The offset of the byte of a log file that says that it is being written."""
QUICK = """
import sys
from pathlib import Path
from backups.follow import follow
from backups.follow.follow import Pace
from flows.commands.main import main
follow.follow.__kwdefaults__["pace"] = Pace(pull=0.2, save=1.0, retry=0.2)
sys.argv[1:] = ["follow", "agama", "--config", sys.argv[1]]
main()
"""


def followed(configuration: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", QUICK, str(configuration)], cwd=ROOT)


def pieces(site: Site) -> list[tuple[str, int, int]]:
    return [(piece.after, piece.first, piece.last) for piece in read(site.repository.snapshots(LOG))]


def held(site: Site) -> bytes:
    """The bytes of the log that the pieces behind the newest backup hold."""
    newest = site.repository.backups()[-1]
    return b"".join(log_of(site, piece.snapshot) for piece in leading(read(site.repository.snapshots(LOG)), newest.id))


def log_of(site: Site, snapshot: str) -> bytes:
    """The bytes of the log that a snapshot holds."""
    found = b""
    for segment in json.loads(site.repository.read(snapshot, "/manifest.json"))["details"]["segments"]:
        content = bytearray(site.repository.read(snapshot, f"/data/{segment['path']}"))
        if segment["start"] == 0:
            content[IN_USE] = 0
        found += content
    return found


def test_a_log_is_followed_through_kills_and_a_restart_of_the_source(
    state: Path, start_mysql: StartMySQL, lifeboat: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    # The clone is small; it is saved while the witness is taken as a large one is.
    monkeypatch.setattr(ahead, "WORTH", 1)
    server = start_mysql()
    configuration = configured(state, server)
    site = Site.open(configuration)
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (n INT PRIMARY KEY)")
    full = site.back_up("agama", kind="full")
    assert site.repository.snapshots(ahead.TAG) == []
    first, begins = full.details["end"]["file"], full.details["end"]["offset"]
    number = 0

    def written(rows: int) -> None:
        nonlocal number
        for _ in range(rows):
            number += 1
            server.sql(f"INSERT INTO agama.t VALUES ({number})")

    def kept() -> bool:
        """Whether the pieces hold the source's log, byte for byte, to its end."""
        files = [bytearray(server.binary_log(name)) for name, *_ in server.rows("SHOW BINARY LOGS") if name >= first]
        # In the file, and in what the server sends, the description of one that is in use differs by a flag.
        for file in files:
            file[IN_USE] = 0
        return held(site) == b"".join(files)[begins:]

    process = followed(configuration)
    try:
        written(20)
        assert wait_until(kept, seconds=120)
        # Killed with what it has pulled and not saved.
        written(20)
        process.kill()
        process.wait()
        written(20)
        process = followed(configuration)
        assert wait_until(kept, seconds=120)
        # A new file of the log is begun, as at each restart.
        server.sql("FLUSH BINARY LOGS")
        written(5)
        assert wait_until(kept, seconds=120)
        told = json.loads(lifeboat("status", "--json", "--config", str(configuration)).out)[0]
        assert told["log_until"] > told["last_backup_at"]
        assert told["rpo_seconds"] < 120
        # A moment that no backup reaches yet comes back out of the pieces: its tables are what the log makes of the witness before
        # it, and no witness comes after it, which is said.
        good = last_gtid(server)
        written(5)
        assert wait_until(kept, seconds=120)
        arguments = ["restore", "agama", "--at", good, "--tables", "agama.t", "--to", f"local:{tmp_path}/good"]
        said = lifeboat(*arguments, "--json", "--config", str(configuration))
        assert said.out, said.err
        result = json.loads(said.out)
        assert (said.code, result["verdict"], result["moment"]["transactions"]) == (1, "unproven", number - 5)
        assert "no backup was taken since: the log was followed, without a gap" in result["proof"]
        assert inserted(tmp_path / "good") == list(range(1, number - 4))
        there = {(each["subject"], each["metric"]): each["observed"] for each in result["moment"]["there"] if each["passed"]}
        assert (there["agama.t", "rows"], result["moment"]["untold"]) == (number - 5, [])
        assert re.search(r"; at the moment itself (\d+) of \1 tables? equal to what the log makes", result["proof"])
        # The log tells of what was followed, and of nothing after it.
        said = lifeboat("log", "agama", "--json", "-n", "0", "--config", str(configuration))
        assert said.code == 0, said.err
        told = json.loads(said.out)
        assert [table["inserted"] for each in told["transactions"] for table in each["tables"]] == [1] * number
        assert [(hole["after"], hole["before"], hole["why"]) for hole in told["holes"]] == [
            (full.id, None, "no backup holds it yet")
        ]
        assert told["holes"][0]["from"] > told["transactions"][-1]["committed_at"]
        planned = lifeboat("restore", "agama", "--to", f"local:{tmp_path}/x", "--dry-run", "--config", str(configuration))
        assert "its log is kept up to" in planned.out
        # The source purges its log; the next backup has all of it nevertheless, and what it has goes.
        server.sql("FLUSH BINARY LOGS")
        assert wait_until(kept, seconds=120)
        followed_to = held(site)
        server.sql(f"PURGE BINARY LOGS TO '{server.rows('SHOW BINARY LOGS')[-1][0]}'")
        written(5)
        night = site.back_up("agama", kind="incremental")
        assert (night.kind, night.reason, night.parent) == ("incremental", None, full.id)
        assert night.details["start"] == full.details["end"]
        assert log_of(site, site.repository.backups()[-1].snapshot).startswith(followed_to)
        # What was followed and what the source still had are one log to a copy, which equals the source at that night.
        said = lifeboat("verify", "--backup", night.id, "--out", str(tmp_path / "report"), "--config", str(configuration))
        assert said.code == 0, said.out + said.err
        assert wait_until(lambda: {after for after, _, _ in pieces(site)} <= {night.id}, seconds=120)
        # Reset: the log does not go on, which is said until there is another backup.
        server.sql("RESET BINARY LOGS AND GTIDS", "INSERT INTO agama.t VALUES (-1)")
        below = standing.directory(site.state, "agama")
        assert wait_until(lambda: "does not go on" in str((standing.read(below) or standing.Standing()).fault), seconds=120)
        assert "its log is not followed: its log does not go on where it was followed to" in str(
            json.loads(lifeboat("status", "--json", "--config", str(configuration)).out)[0]["complaints"]
        )
        anew = site.back_up("agama", kind="full")
        assert wait_until(lambda: (standing.read(below) or standing.Standing()).after == anew.id, seconds=120)
        # A second one is refused; an interrupt ends the first, and leaves what was pulled.
        second = lifeboat("follow", "agama", "--for", "1s", "--config", str(configuration))
        assert second.code == 2
        assert "the log of agama is being followed on this machine already" in second.err
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130
    finally:
        process.kill()
        process.wait()
    assert not list((site.state / "runs").glob("*"))
