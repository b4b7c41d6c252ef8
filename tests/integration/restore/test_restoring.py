"""Restores of the toy service by the command line: what comes back, and every refusal, which leaves the target as it was."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.machine import runs
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from tests.contract import toy as toys
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said
from verification.restore import plan as planning
from verification.restore.order import Order
from verification.restore.restore import restore
from verification.verify import verify

CommandLine = Callable[..., Said]

FOREVER = """
import sys
from backups.services import registry
from pathlib import Path
from backups.site import Site
from tests.contract.toy_site import REGISTRY_LINE
registry.SERVICE_TYPES["toy"] = REGISTRY_LINE
from verification.restore.order import Order
from verification.restore.restore import restore
restore(Site.open(Path(sys.argv[1])), Order("toy", sys.argv[2], replace=True))
"""


@pytest.fixture
def told(toy: ToySite, lifeboat: CommandLine) -> CommandLine:
    """`lifeboat restore toy …` for the toy site."""
    return lambda *words: lifeboat("restore", "toy", *words, "--config", str(toy.folder / "lifeboat.yaml"))


def contents(root: Path) -> dict[str, str]:
    return {name: toys.digest(root / name) for name in toys.names(root)}


def test_the_newest_backup_comes_back_equal_and_a_runbook_says_how(toy: ToySite, told: CommandLine, tmp_path: Path) -> None:
    before = contents(toy.source)
    (toy.source / "late.txt").write_text("written after the backup")
    said = told("--to", f"local:{tmp_path}/back", "--runbook", str(tmp_path / "book.md"))
    assert said.code == 0, said.out + said.err
    assert said.out.startswith("verified")
    assert "lost: file late.txt is new" in said.out
    assert "note: play on" in said.out
    assert contents(tmp_path / "back") == before
    (kept,) = (toy.folder / "state" / "restores").iterdir()
    book = (tmp_path / "book.md").read_text()
    assert book == kept.read_text()
    assert "restic restore" in book
    assert "| fetch |" in book
    assert "correct horse" not in book


def test_a_program_reads_json(toy: ToySite, told: CommandLine, tmp_path: Path) -> None:
    planned = json.loads(told("--to", f"local:{tmp_path}/back", "--dry-run", "--json").out)
    assert planned["puts it to"] == f"local:{tmp_path}/back"
    result = json.loads(told("--to", f"local:{tmp_path}/back", "--json").out)
    assert (result["verdict"], result["delivered"]) == ("verified", f"local:{tmp_path}/back")
    assert all(check["passed"] for check in result["checks"])


def test_a_dry_run_says_what_would_happen_and_does_nothing(toy: ToySite, told: CommandLine, tmp_path: Path) -> None:
    never = told("--to", f"local:{tmp_path}/back", "--dry-run")
    assert "never drilled" in never.out
    verify(toy.open(), ["toy"], selections=["latest"])
    said = told("--to", f"local:{tmp_path}/back", "--dry-run")
    assert said.code == 0
    assert "in the last drill (fetch" in said.out.replace("\n", " ")
    assert "nothing was changed" in said.out
    assert not (tmp_path / "back").exists()
    assert not (toy.folder / "state" / "restores").exists()


def test_a_target_that_holds_anything_is_refused_and_replaced_only_when_asked(
    toy: ToySite, told: CommandLine, tmp_path: Path
) -> None:
    target = tmp_path / "back"
    target.mkdir(mode=0o705)
    (target / ".hidden").write_text("old")
    said = told("--to", f"local:{target}")
    assert said.code == 2
    assert "holds something already: .hidden; nothing was changed" in said.err
    assert "--replace" in said.err
    assert contents(target) == {".hidden": toys.digest(target / ".hidden")}

    toy.configure(
        service=f", restore: {{to: 'local:{target}', stop: 'echo no >> {tmp_path}/log', start: 'echo go >> {tmp_path}/log'}}"
    )
    said = told("--replace")
    assert said.code == 0, said.out + said.err
    (aside,) = tmp_path.glob("back.before-restore-*")
    assert f"what was there before is in local:{aside}" in said.out
    assert (aside / ".hidden").read_text() == "old"
    assert contents(target) == contents(toy.source)
    assert (tmp_path / "log").read_text() == "no\ngo\n"


def test_commands_that_fail_are_told_with_what_is_where(toy: ToySite, told: CommandLine, tmp_path: Path) -> None:
    toy.configure(service=f", restore: {{to: 'local:{tmp_path}/stop', stop: 'echo it is stuck; exit 3'}}")
    said = told("--to", f"local:{tmp_path}/stop")
    assert said.code == 2
    assert "restore.stop failed with code 3" in said.err
    assert "it is stuck" in said.err
    assert "the target was not touched" in said.out
    assert not (tmp_path / "stop").exists()

    toy.configure(service=f", restore: {{to: 'local:{tmp_path}/start', start: 'exit 4'}}")
    said = told("--to", f"local:{tmp_path}/start")
    assert said.code == 2
    assert "restore.start failed with code 4" in said.err
    assert f"is in local:{tmp_path}/start" in said.out
    assert contents(tmp_path / "start") == contents(toy.source)


def test_a_moment_before_the_backups_and_between_them(toy: ToySite, told: CommandLine, tmp_path: Path) -> None:
    older, newer = toy.open().repository.backups()
    said = told("--to", f"local:{tmp_path}/back", "--at", "2001-01-01T00:00")
    assert said.code == 2
    assert f"of which the oldest is from {older.taken_at:%Y-%m-%d %H:%M:%S} UTC" in said.err
    assert not (tmp_path / "back").exists()

    between = newer.taken_at - timedelta(microseconds=1)
    said = told("--to", f"local:{tmp_path}/back", "--at", between.isoformat())
    assert said.code == 0, said.err
    assert f"as of backup {older.id}" in said.out
    assert f"equal to the witness of {older.id}, the newest backup before {between:%Y-%m-%d %H:%M:%S.%f} UTC; of the" in said.out
    assert (tmp_path / "back" / "log.txt").read_text() == "one\n" * 5000

    said = told("--to", f"local:{tmp_path}/x", "--at", "3e11fa47-71ca-11e1-9e33-c80aa9429562:23")
    assert "toy has no log" in said.err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ((), "there is no target to restore toy to: neither --to nor its restore.to is given"),
        (("--to", "local:TMP/x", "--backup", "nothing"), "toy has no backup nothing"),
        (("--to", "local:TMP/x", "--backup", "ID", "--at", "2020-01-01"), "two ways to say what comes back"),
        (("--to", "local:TMP/x", "--at", "soon"), "is neither a time nor a GTID"),
        (("--to", "ssh:nowhere:TMP/x"), "nowhere"),
        (("--to", "docker:an odd name"), "is not a container's name"),
        (("--to", "api"), "only Grafana takes a restore through its API"),
        (("--to", "local:TMP/x", "--tables", "shop.client"), "toy has no tables to restore one by one: only MySQL has"),
        (
            ("--to", "docker:some-new-one", "--tables", "shop.client"),
            "which cannot be put to docker:some-new-one; nothing was changed",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(words: tuple[str, ...], fault: str, told: CommandLine, tmp_path: Path) -> None:
    said = told(*(word.replace("TMP", str(tmp_path)) for word in words))
    assert said.code == 2
    assert fault in said.err.replace("\n", " ")
    assert "hint:" in said.err
    assert not (tmp_path / "x").exists()


def test_a_copy_that_is_not_equal_is_delivered_only_anyway(
    toy: ToySite, told: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = toys.ToyCopy.start
    monkeypatch.setattr(toys.ToyCopy, "start", lambda copy: ((copy.tree / "log.txt").write_text("other"), start(copy))[1])
    said = told("--to", f"local:{tmp_path}/back")
    assert said.code == 1
    assert "file log.txt bytes: expected 30000, observed 5" in said.out
    assert "--anyway" in said.err
    assert not (tmp_path / "back").exists()
    said = told("--to", f"local:{tmp_path}/back", "--anyway")
    assert said.code == 1
    assert (tmp_path / "back" / "log.txt").read_text() == "other"


def test_too_little_room_is_told_before_the_first_byte(
    toy: ToySite, told: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backups.places.local.place.LocalPlace.free", lambda _: 17)
    said = told("--to", f"local:{tmp_path}/back")
    assert said.code == 2
    assert "17 B are free" in said.err
    assert not (tmp_path / "back").exists()


def test_a_chain_with_a_hole_is_refused(toy: ToySite, told: CommandLine, tmp_path: Path) -> None:
    full = toy.open().repository.backups()[0]
    environment = os.environ | {"RESTIC_PASSWORD_FILE": str(toy.folder / "key")}
    subprocess.run(
        ["restic", "-r", str(toy.repository), "forget", full.snapshot], check=True, capture_output=True, env=environment
    )
    said = told("--to", f"local:{tmp_path}/back")
    assert said.code in {1, 2}
    assert "hint:" in said.err
    assert not (tmp_path / "back").exists()


def test_two_restores_to_one_target_do_not_meet(toy: ToySite, told: CommandLine, tmp_path: Path) -> None:
    with planning.in_use(toy.open(), f"local:{tmp_path}/back"):
        said = told("--to", f"local:{tmp_path}/back")
    assert said.code == 2
    assert f"another restore to local:{tmp_path}/back is running" in said.err


@pytest.mark.parametrize("phase", ["stop", "start"])
def test_a_restore_that_is_killed_can_be_started_again(phase: str, toy: ToySite, tmp_path: Path) -> None:
    """Killed before the target is touched, and after it was put; nothing half is left, and the second one ends well."""
    target, mark = tmp_path / "back", tmp_path / "reached"
    target.mkdir()
    (target / "old.txt").write_text("old")
    toy.configure(service=f", restore: {{to: 'local:{target}', {phase}: 'touch {mark}; sleep 600'}}")
    child = subprocess.Popen(
        [sys.executable, "-c", FOREVER, str(toy.folder / "lifeboat.yaml"), f"local:{target}"], cwd=Path(__file__).parents[3]
    )
    try:
        assert wait_until(mark.exists, seconds=120)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert contents(target) == (contents(toy.source) if phase == "start" else {"old.txt": toys.digest(target / "old.txt")})
    site = toy.configure()
    # What stands aside is named by the second.
    died = int(time.time())
    assert wait_until(lambda: int(time.time()) > died, seconds=120)
    again = restore(site, Order("toy", f"local:{target}", replace=True))
    assert again.verdict == "verified", again
    assert contents(target) == contents(toy.source)
    with runs.start(site.state):
        """The next run clears what the killed one left."""


def test_a_restore_that_is_interrupted_says_in_its_runbook_what_is_where(toy: ToySite, tmp_path: Path) -> None:
    target, mark = tmp_path / "back", tmp_path / "reached"
    target.mkdir()
    (target / "old.txt").write_text("old")
    toy.configure(service=f", restore: {{to: 'local:{target}', start: 'touch {mark}; sleep 600'}}")
    child = subprocess.Popen(
        [sys.executable, "-c", FOREVER, str(toy.folder / "lifeboat.yaml"), f"local:{target}"],
        cwd=Path(__file__).parents[3], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert wait_until(mark.exists, seconds=120)
    finally:
        child.send_signal(signal.SIGINT)
        _, said = child.communicate()
    (aside,) = tmp_path.glob("back.before-restore-*")
    (book,) = (toy.folder / "state" / "restores").iterdir()
    assert f"interrupted: what was done, and what is where, says {book}" in said
    assert "interrupted" in book.read_text()
    assert str(aside) in book.read_text()


def test_a_new_container_gets_a_volume_and_none_of_its_names_may_be_taken(toy: ToySite, tmp_path: Path) -> None:
    docker = Docker()
    name = f"lifeboat-test-new-{os.getpid()}"
    docker.make_volume(f"{name}-data")
    try:
        with pytest.raises(LifeboatError, match="holds something already") as refused:
            planning.plan(toy.open(), Order("toy", f"docker:{name}", replace=True), docker, now=datetime.now(UTC))
        assert f"{name}-data" in refused.value.message
    finally:
        docker.remove_volume(f"{name}-data")


def test_a_new_container_runs_on_a_volume_of_its_own(toy: ToySite, told: CommandLine) -> None:
    docker = Docker()
    name = f"lifeboat-test-kept-{os.getpid()}"
    try:
        said = told("--to", f"docker:{name}")
        assert said.code == 0, said.out + said.err
        assert f"is in docker:{name}" in said.out
        kept = subprocess.run(["docker", "inspect", name], check=True, capture_output=True, text=True)
        (seen,) = json.loads(kept.stdout)
        assert seen["State"]["Running"]
        assert [(mount["Name"], mount["Destination"]) for mount in seen["Mounts"] if mount["Name"] == f"{name}-data"] == [
            (f"{name}-data", "/toy")
        ]
        assert not seen["HostConfig"]["PortBindings"]
        assert contents(docker.root() / "volumes" / f"{name}-data" / "_data") == contents(toy.source)
        again = told("--to", f"docker:{name}", "--replace")
        assert again.code == 2
        assert "holds something already" in again.err
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)
        subprocess.run(["docker", "volume", "rm", "-f", f"{name}-data"], check=False, capture_output=True)
