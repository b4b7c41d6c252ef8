"""Copies of backups in further repositories: taken at night, caught up with, whole and in order, and told of when they are not."""

import json
import logging
import os
import re
import shutil
import threading
import uuid
from pathlib import Path

import pytest

from backups.chains import chains as backup_chains
from backups.machine.wait import wait_until
from backups.repository import retries
from backups.repository.repository import Repository
from backups.site import Site
from tests.integration.conftest import Child, children, said
from tests.integration.repositories.conftest import DAY, FURTHER, NOW, Fleet, Lifeboat, held
from tests.integration.retention.conftest import fabricate, identifier
from tests.servers import restic
from tests.servers.command_lines import command_lines
from tests.servers.ssh import SshServer
from verification import copying

LATELY = [NOW - age * DAY for age in (9, 8, 7)]


def polynomial(repository: Repository) -> str:
    """Where it cuts data into pieces."""
    return str(json.loads(repository._restic(["cat", "config", "--no-lock"], "read").output)["chunker_polynomial"])


@pytest.fixture
def directory() -> str:
    """A directory on the SSH server that is not there yet."""
    return f"/srv/{uuid.uuid4().hex[:8]}"


def test_the_whole_life_of_a_further_repository(fleet: Fleet, lifeboat: Lifeboat) -> None:
    """It is made, gets each night's backup and nothing twice, is away for two nights, and is complete again."""
    site, config = fleet.open(), ("--config", str(fleet.config))
    assert "not there yet; the first copy makes it" in lifeboat("doctor", *config).out
    first = lifeboat("backup", *config)
    assert (first.code, "offsite: 1 backup copied in" in first.out) == (0, True), first.out + first.err
    assert (site.state / "repository-offsite.id").read_text().strip() == site.at("offsite").repository.identifier()
    before = fleet.bytes_of("offsite")
    (fleet.folder / "source" / "noise").write_bytes(noise := os.urandom(2_000_000))
    assert "1 backup copied" in lifeboat("backup", *config).out
    written = fleet.bytes_of("offsite") - before
    assert len(noise) < written <= 1.5 * len(noise)

    away = fleet.offsite.rename(fleet.folder / "away")
    for lacking in ("1 backup", "2 backups"):
        (fleet.folder / "source" / "log.txt").write_text(lacking)
        night = lifeboat("backup", *config)
        assert night.code == 0, "the night failed"
        assert f"offsite: nothing was copied, {lacking} behind, since that of" in night.err
        assert "there is no repository at" in night.err
        assert f"lifeboat -c {fleet.config} copy --to offsite --init" in night.err
    assert not fleet.offsite.exists(), "another one was made in its place"
    away.rename(fleet.offsite)
    assert "offsite: 2 backups copied in" in lifeboat("copy", *config).out
    again = lifeboat("copy", "--json", *config)
    assert json.loads(again.out) == [
        {"repository": "offsite", "backups": 0, "others": 0, "seconds": json.loads(again.out)[0]["seconds"], "behind": None}
        | {"fault": None, "hint": None}
    ]

    here, there = site.repository, site.at("offsite").repository
    assert held(there) == held(here)
    assert [there.manifest(record) for record in there.backups()] == [here.manifest(record) for record in here.backups()]
    there.check(read_data=True)
    there.fetch(there.backups()[1].snapshot, fleet.folder / "back")
    assert (fleet.folder / "back" / "data" / "noise").read_bytes() == noise
    assert "repository offsite, " in lifeboat("doctor", *config).out


def test_a_further_repository_that_is_another_one_is_told_and_left_alone(fleet: Fleet, lifeboat: Lifeboat) -> None:
    config = ("--config", str(fleet.config))
    assert lifeboat("backup", *config).code == 0

    def refused(words: str) -> str:
        said = lifeboat("copy", *config)
        assert said.code == 2
        assert words in said.err, said.err
        return said.err

    (fleet.folder / "other-key").write_text("changed\n")
    refused("the password is wrong")
    (fleet.folder / "other-key").write_text("battery staple\n")
    (fleet.folder / "state" / "repository-offsite.id").write_text("another")
    refused("is another one than this machine knows")
    assert lifeboat("copy", "--init", *config).code == 0
    assert lifeboat("copy", *config).code == 0

    shutil.rmtree(fleet.offsite)
    shutil.copytree(fleet.folder / "repository", fleet.offsite)
    (fleet.folder / "state" / "repository-offsite.id").unlink()
    (fleet.folder / "other-key").write_text("correct horse\n")
    refused("are the same one, by their id")
    assert lifeboat("copy", "--to", "first", *config).code == 2
    assert "configured: first, offsite" in lifeboat("copy", "--to", "nowhere", *config).err


def test_what_is_damaged_in_the_first_is_not_copied_as_if_it_were_whole(fleet: Fleet, lifeboat: Lifeboat) -> None:
    """A pack is damaged, another one gone from the index, as `restic rebuild-index` leaves it: restic 0.14 would copy that one."""
    site = fleet.open()
    site.repository.ensure()
    packs = fleet.folder / "repository" / "data"
    known: set[Path] = set()
    new: dict[str, Path] = {}
    for number, chain in enumerate(("flipped", "whole", "lost")):
        fabricate(site, fleet.folder / "scratch", chain, [moment + number * DAY / 24 for moment in LATELY[: 2 if number else 3]])
        found = {path for path in packs.rglob("*") if path.is_file()}
        # The data of its full is the oldest large one.
        new[chain] = min((path for path in found - known if path.stat().st_size > 100_000), key=lambda path: path.stat().st_mtime)
        known = found
    lost = new["lost"]
    lost.unlink()
    site.repository._restic(["rebuild-index"], "mend")
    new["flipped"].chmod(0o600)
    with new["flipped"].open("r+b") as file:
        file.seek(200_000)
        file.write(bytes(64))

    said = lifeboat("copy", "--config", str(fleet.config))
    assert said.code == 1
    assert "its content is damaged" in said.err or "does not hold all of snapshot" in said.err
    there = site.at("offsite").repository
    assert held(there) == {identifier("whole"): [0, 1]}, "what is damaged was copied, or what is whole was not"
    assert "5 backups behind" in said.err
    there.check(read_data=True)


def test_two_that_copy_at_the_same_time_copy_once(fleet: Fleet) -> None:
    site = fleet.open()
    site.repository.ensure()
    fabricate(site, fleet.folder / "scratch", "chain", LATELY)
    outcomes: list[copying.Copied] = []
    both = [threading.Thread(target=lambda: outcomes.append(copying.copy(site, "offsite"))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(outcome.backups for outcome in outcomes) == [0, 3]
    assert held(site.at("offsite").repository) == {identifier("chain"): [0, 1, 2]}


KILLED = """
import sys
from pathlib import Path
from backups.services import registry
from backups.site import Site
from tests.contract.toy_site import REGISTRY_LINE
from verification import copying

registry.SERVICE_TYPES["toy"] = REGISTRY_LINE
site = Site.open(Path(sys.argv[1]))
further = type(site.at("offsite").repository)
receive, left = further.receive, int(sys.argv[2])

def receive_or_stop(self, source, snapshots):
    global left
    left -= 1
    if left == 0:
        print("here")
    receive(self, source, snapshots)
    if left == 0:
        sys.stdin.read()

further.receive = receive_or_stop
copying.copy(site, "offsite")
"""


def test_killed_anywhere_it_leaves_whole_chains_and_the_next_copy_does_the_rest(fleet: Fleet, child: Child) -> None:
    """The process dies while restic copies, thrice: the kernel ends that one, too, wherever it is."""
    site = fleet.open()
    site.repository.ensure()
    for number in range(2):
        fabricate(site, fleet.folder / "scratch", f"chain{number}", [moment + number * DAY / 24 for moment in LATELY])
    there = site.at("offsite").repository
    there.ensure_for_copies_of(site.repository)
    for wave in (1, 2, 1):
        process = child(KILLED, fleet.config, wave)
        assert said(process) == "here"
        restics = [each for each in children(process) if Path(f"/proc/{each}/comm").read_text().strip() == "restic"]
        process.kill()
        process.wait()
        assert wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in restics), seconds=20)  # noqa: B023
        for numbers in held(there).values():
            assert numbers == list(range(len(numbers))), "an incremental came before what it builds on"
    assert copying.copy(site, "offsite").fault is None
    assert held(there) == held(site.repository)
    there.check(read_data=True)
    assert not list((site.state / "runs").glob("*"))


def test_a_further_repository_keeps_its_own_chains_and_gets_none_back_that_it_let_go(fleet: Fleet, lifeboat: Lifeboat) -> None:
    weekly = FURTHER.replace("other-key", "other-key, retention: {daily: 2, weekly: 1}")
    site, config = fleet.open(weekly), ("--config", str(fleet.config))
    site.repository.ensure()
    # Each is the newest of its day; the last two days stay, and the week is that of the last. Months would depend on today.
    chains = {f"day{age}": [NOW - age * DAY] for age in (100, 70, 69, 5, 3, 2)}
    for chain, taken in chains.items():
        fabricate(site, fleet.folder / "scratch", chain, taken)
    assert copying.copy(site, "offsite").fault is None
    plan = {chain.id for members in backup_chains(site.repository.backups()).values() for chain in members}
    there = held(site.at("offsite").repository)
    assert {identifier("day3"), identifier("day2")} <= set(there) < plan
    assert copying.copy(site, "offsite").backups == 0, "what it has let go came back"

    # A younger one takes the place of the oldest of the two days; prune lets that go there, and not in the first.
    fabricate(site, fleet.folder / "scratch", "day1", [NOW - DAY])
    assert copying.copy(site, "offsite").backups == 1
    dry = json.loads(lifeboat("prune", "--dry-run", "--json", "--trust-clock", *config).out)
    assert {(each["repository"], each["keep"]) for each in dry["chains"]} >= {
        ("first", True),
        ("offsite", True),
        ("offsite", False),
    }
    assert "repository offsite" in lifeboat("prune", "--trust-clock", *config).out
    after = held(site.at("offsite").repository)
    assert identifier("day3") not in after
    assert {identifier("day3"), identifier("day5"), identifier("day2")} <= set(held(site.repository))
    assert identifier("day100") not in held(site.repository), "the first goes by age"
    assert copying.copy(site, "offsite").backups == 0
    assert held(site.at("offsite").repository) == after
    assert json.loads(lifeboat("prune", "--dry-run", "--json", "--repository", "offsite", *config).out)["chains"] != []


def test_both_are_reached_by_sftp_each_with_its_own_account(
    fleet: Fleet, lifeboat: Lifeboat, ssh_server: SshServer, directory: str
) -> None:
    """restic has one command of SFTP for both, and these two differ; no password is on a command line on the way."""
    restic.make(ssh_server.root / directory.rpartition("/")[2] / "first", "correct horse")
    entries = {
        "vault": ssh_server.settings(),
        "second": ssh_server.settings(address=f"ops@{ssh_server.address}:{ssh_server.port}"),
    }
    ssh_server.sh(f"chown ops {directory}")
    listed = "".join(
        f"  {name}: {{address: '{entry.user}@{entry.host}:{entry.port}', key_file: '{entry.key_file}', known_hosts: '{entry.known_hosts}'}}\n"
        for name, entry in entries.items()
    )
    fleet.open()
    fleet.config.write_text(
        fleet.config.read_text()
        .replace("url: repository", f'url: "sftp:vault:{directory}/first"')
        .replace("url: offsite", f'url: "sftp:second:{directory}/offsite"')
        + f"hosts:\n{listed}"
    )
    with command_lines() as seen:
        said = lifeboat("backup", "--config", str(fleet.config))
    assert said.code == 0
    assert "offsite: 1 backup copied" in said.out, said.out + said.err
    assert ssh_server.sh(f"stat -c %U {directory}/first/config {directory}/offsite/config").split() == ["root", "ops"]
    assert len({polynomial(repository) for repository in Site.open(fleet.config).repositories.values()}) == 1, (
        "they cut data in different places"
    )
    assert any(b"\0copy\0" in line for line in seen), "restic was not seen at work"
    assert not [line for line in seen if b"battery staple" in line or b"correct horse" in line]
    assert not list((fleet.folder / "state" / "cache").glob("ssh-*"))


def test_a_night_waits_for_a_repository_that_a_question_gives_up(
    fleet: Fleet, lifeboat: Lifeboat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is away until somebody is told that it is waited for."""
    site, config = fleet.open(), ("--config", str(fleet.config))
    site.repository.ensure()
    back, program = fleet.folder / "back", fleet.folder / "bin" / "restic"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *"cat config"*) ;; *) exec {shutil.which("restic")} "$@";; esac\nwhile [ ! -e {back} ]; do\n'
        "echo 'Load(<config/0000000000>, 0, 0) returned error, retrying after 1s: connection refused' >&2; sleep 0.1\n"
        f'done\nexec {shutil.which("restic")} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(retries, "CONTACT", 0.0)
    monkeypatch.setattr(retries, "_UNTOLD", 0.0)
    asked = lifeboat("list", *config)
    assert (asked.code, "failed for 0 s: connection refused" in asked.err) == (2, True), asked.err

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting for the repository" in record.getMessage():
                back.touch()

    told = Told()
    logging.getLogger("backups.repository.repository").addHandler(told)
    try:
        night = lifeboat("backup", *config)
    finally:
        logging.getLogger("backups.repository.repository").removeHandler(told)
    assert night.code == 0, night.err
    assert re.search(r"waiting for the repository \S+, for up to 60 s: .*connection refused", night.err)
    assert len(site.repository.backups()) == 1
