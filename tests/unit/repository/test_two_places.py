"""How one restic reaches two repositories: by one command of SFTP where one is, and by an `ssh` of our own where both are."""

import os
import subprocess
from pathlib import Path

import pytest

from backups.hosts import NOWHERE, Hosts
from backups.machine import locks, runs
from backups.repository import seen, sftp
from backups.repository.two_places import End, of_backend, reached, shared
from tests.unit.repository.test_sftp import VAULT

HOSTS = Hosts({"vault": VAULT, "second": VAULT.model_copy(update={"address": VAULT.address})})


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("sftp:ops@10.0.0.9:/srv/r", "sftp:other:/srv/r"),
        ("sftp:10.0.0.9:relative", "sftp:other:relative"),
        ("sftp://ops@vault:2222//srv/r", "sftp://other//srv/r"),
        ("sftp://[fd00::1]:22/r", "sftp://other/r"),
        ("sftp:ops@[fd00::1]:/srv/a:b", "sftp:other:/srv/a:b"),
    ],
)
def test_a_url_keeps_its_path_when_its_host_gets_another_name(url: str, becomes: str) -> None:
    assert sftp.with_host(url, "other") == becomes


def test_where_one_is_reached_by_sftp_restic_is_given_its_command(tmp_path: Path) -> None:
    with reached(End("/srv/first", NOWHERE), End("sftp:vault:/r", HOSTS, {"sftp.connections": "2"}), "word", tmp_path) as both:
        assert both.options == {**sftp.options("sftp:vault:/r", HOSTS), "sftp.connections": "2"}
        assert both.environment["RESTIC_REPOSITORY"] == "sftp:vault:/r"
        assert both.environment["RESTIC_FROM_REPOSITORY"] == "/srv/first"
        assert both.environment["RESTIC_FROM_PASSWORD"] == "word"
        assert "PATH" not in both.environment
    assert not list(tmp_path.iterdir())


def test_where_both_are_an_ssh_of_our_own_tells_them_apart_and_lets_a_jump_host_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "bin" / "ssh"
    real.parent.mkdir()
    real.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    real.chmod(0o700)
    monkeypatch.setenv("PATH", f"{real.parent}:/usr/bin:/bin")
    first, other = "sftp:vault:/srv/first", "sftp:ops@10.0.0.7:/srv/other"
    with reached(End(first, HOSTS), End(other, HOSTS), "word", tmp_path / "cache") as both:
        assert not both.options

        def asked(variable: str) -> list[str]:
            # As restic does: the host of the url, then the subsystem.
            host = both.environment[variable].split(":")[1]
            done = subprocess.run(
                ["ssh", host, "-s", "sftp"], env=dict(both.environment), check=True, capture_output=True, text=True
            )
            return done.stdout.split("|")[:-1]

        assert asked("RESTIC_FROM_REPOSITORY") == sftp.command(first, HOSTS)[1:]
        assert asked("RESTIC_REPOSITORY") == sftp.command(other, HOSTS)[1:]
        jump = subprocess.run(
            ["ssh", "-W", "a:22", "gate"], env=dict(both.environment), check=True, capture_output=True, text=True
        )
        assert jump.stdout == "-W|a:22|gate|"
    assert not list((tmp_path / "cache").iterdir())


def test_each_repository_has_its_own_file_of_what_was_seen(tmp_path: Path) -> None:
    """A copy of a backup is another snapshot: in one file they would take each other's place."""
    assert seen.beside(tmp_path / "repository.id") == tmp_path / seen.FILE
    assert seen.beside(tmp_path / "repository-offsite.id") == tmp_path / "snapshots-offsite.seen"


def test_a_command_of_ones_own_is_that_of_its_side_only(tmp_path: Path) -> None:
    own = {"sftp.command": "/opt/tunnel --to 'a b'", "sftp.connections": "2"}
    with reached(End("sftp:vault:/r", HOSTS, own), End("sftp:ops@10.0.0.7:/r", HOSTS), "word", tmp_path) as both:
        assert both.options == {"sftp.connections": "2"}
        (program,) = tmp_path.glob("ssh-*/ssh")
        assert "exec /opt/tunnel --to 'a b' ;;" in program.read_text()


def test_what_tells_restic_how_to_work_may_differ_and_what_opens_a_backend_may_not() -> None:
    environment = {"RESTIC_COMPRESSION": "off", "GOMAXPROCS": "1", "GOOGLE_PROJECT_ID": "x", "AWS_ACCESS_KEY_ID": "y"}
    assert set(of_backend(environment)) == {"GOOGLE_PROJECT_ID", "AWS_ACCESS_KEY_ID"}
    assert set(shared({"sftp.command": "x", "s3.region": "y"})) == {"s3.region"}


def test_what_a_killed_copy_left_goes_with_the_next_run_and_what_is_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel lets go of the mark of one that is killed. One that has no mark yet is about to begin, or old."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    cache = tmp_path / "cache"
    for name in ("ssh-killed", "ssh-beginning", "ssh-old", "restic"):
        (cache / name).mkdir(parents=True)
        (cache / name / "ssh").touch()
    (cache / "ssh-killed" / locks.ALIVE).touch()
    os.utime(cache / "ssh-old", (0, 0))
    with reached(End("sftp:vault:/r", HOSTS), End("sftp:second:/r", HOSTS), "word", cache):
        (living,) = {each.name for each in cache.iterdir()} - {"ssh-killed", "ssh-beginning", "ssh-old", "restic"}
        assert runs.reap(tmp_path) == ["ssh-killed", "ssh-old"]
        assert {each.name for each in cache.iterdir()} == {living, "ssh-beginning", "restic"}
    assert {each.name for each in cache.iterdir()} == {"ssh-beginning", "restic"}
