"""What a run leaves when it dies is cleared by the next; what lives is left alone. Runs are killed for real."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.machine import runs
from backups.machine.docker import RUN_LABEL, STATE_LABEL, Docker
from tests.integration.conftest import Child, said

IMAGE = "lifeboat/prometheus:3.5"
LIVING = f"""
import sys, time
from pathlib import Path
from backups.machine import runs
with runs.start(Path(sys.argv[1])) as run:
    (run.directory / "data").mkdir()
    (run.directory / "data" / "file").write_text("x")
    if len(sys.argv) > 2:
        network = run.docker.isolated_network("lifeboat-" + run.id)
        image = run.docker.image({IMAGE!r})
        run.docker.run("lifeboat-" + run.id, image, entrypoint=["sleep"], command=["600"], network=network)
    print(run.id)
    sys.stdin.read() if len(sys.argv) > 3 else time.sleep(600)
"""
COLD = f"""
import sys, time
from pathlib import Path
from backups.machine import locks, runs
state = Path(sys.argv[1])
with locks.at_once(state / "locks" / "cold-start.lock", "busy", hint=""), runs.start(state / runs.COLD_START / runs.COLD_STATE) as run:
    (state / runs.COLD_START / "passphrase").write_text("x")
    run.docker.run("lifeboat-" + run.id, run.docker.image({IMAGE!r}), entrypoint=["sleep"], command=["600"])
    print(run.id)
    time.sleep(600)
"""
HOLDING = """
import sys, time
from pathlib import Path
from backups.machine import runs
with runs.one_at_a_time(Path(sys.argv[1]), "agama"):
    print("held")
    time.sleep(600)
"""

Cli = Callable[..., str]


def left(docker_cli: Cli, identifier: str) -> list[str]:
    label = f"label={RUN_LABEL}={identifier}"
    return [*docker_cli("ps", "-aq", "--filter", label).split(), *docker_cli("network", "ls", "-q", "--filter", label).split()]


def test_a_run_leaves_nothing_behind(state: Path, docker_cli: Cli) -> None:
    with runs.start(state) as run:
        network = run.docker.isolated_network(f"lifeboat-{run.id}")
        run.docker.run(f"lifeboat-{run.id}", run.docker.image(IMAGE), entrypoint=["sleep"], command=["600"], network=network)
        assert left(docker_cli, run.id)
    assert left(docker_cli, run.id) == []
    assert list((state / "runs").iterdir()) == []


def test_a_failure_leaves_nothing_behind_and_is_raised_as_it_was(state: Path) -> None:
    with pytest.raises(NotADirectoryError), runs.start(state) as run:
        (run.directory / "alive" / "file").touch()
    assert list((state / "runs").iterdir()) == []


def test_what_a_killed_run_left_is_cleared_by_the_next_and_a_living_one_is_not(
    state: Path, child: Child, docker_cli: Cli
) -> None:
    killed, living = child(LIVING, state, "containers"), child(LIVING, state)
    dead, alive = said(killed), said(living)
    killed.kill()
    killed.wait()
    assert len(left(docker_cli, dead)) == 2
    with runs.start(state) as run:
        assert left(docker_cli, dead) == []
        assert sorted(path.name for path in (state / "runs").iterdir()) == sorted([alive, run.id])
        assert (state / "runs" / alive / "data" / "file").read_text() == "x"
    assert runs.reap(state) == []


def test_what_a_killed_cold_start_left_is_cleared_by_the_next_run_of_any_kind(state: Path, child: Child, docker_cli: Cli) -> None:
    """A kit lies there unpacked, and what it brought back runs on; the next cold start is a month away."""
    process = child(COLD, state)
    identifier = said(process)
    runs.reap(state)
    assert len(left(docker_cli, identifier)) == 1, "it lives"
    assert (state / "cold-start" / "passphrase").exists()
    process.kill()
    process.wait()
    with runs.start(state):
        assert left(docker_cli, identifier) == []
        assert not (state / "cold-start").exists()


def test_an_interrupted_run_clears_itself(state: Path, child: Child, docker_cli: Cli) -> None:
    process = child(LIVING, state, "containers")
    identifier = said(process)
    process.send_signal(signal.SIGINT)
    process.wait()
    assert left(docker_cli, identifier) == []
    assert list((state / "runs").iterdir()) == []


def test_containers_whose_directory_is_gone_are_cleared_too(state: Path, docker_cli: Cli) -> None:
    """Docker did not answer when their run ended."""
    orphan = Docker(labels={RUN_LABEL: "0rphan", STATE_LABEL: str(state)})
    other = Docker(labels={RUN_LABEL: "0ther", STATE_LABEL: f"{state}/elsewhere"})
    try:
        orphan.isolated_network(f"lifeboat-orphan-{os.getpid()}")
        other.isolated_network(f"lifeboat-other-{os.getpid()}")
        assert runs.reap(state) == ["0rphan"]
        assert left(docker_cli, "0rphan") == []
        assert left(docker_cli, "0ther"), "another state directory's runs are not ours to judge"
    finally:
        other.remove_labelled(f"{RUN_LABEL}=0ther")
        orphan.remove_labelled(f"{RUN_LABEL}=0rphan")


def test_a_run_that_is_about_to_begin_is_left_alone_and_one_that_never_began_is_cleared(state: Path) -> None:
    (state / "runs" / "beginning").mkdir(parents=True)
    (state / "runs" / "never-began").mkdir()
    an_hour_ago = time.time() - 3600
    os.utime(state / "runs" / "never-began", (an_hour_ago, an_hour_ago))
    assert runs.reap(state) == ["never-began"]
    assert [path.name for path in (state / "runs").iterdir()] == ["beginning"]


def test_without_docker_a_run_still_begins_and_ends(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    (state / "runs" / "dead").mkdir(parents=True)
    (state / "runs" / "dead" / "alive").touch()
    with runs.start(state) as run:
        assert run.directory.is_dir()
    assert list((state / "runs").iterdir()) == []


def test_a_state_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LifeboatError, match=r"the state directory .*/file/state cannot be written: Not a directory"), runs.start(tmp_path / "file" / "state"):  # fmt: skip
        pass


def test_a_second_backup_is_refused_at_once_and_names_the_first(state: Path, child: Child) -> None:
    holder = child(HOLDING, state)
    assert said(holder) == "held"
    with pytest.raises(LifeboatError) as fault, runs.one_at_a_time(state, "agama"):
        pass
    assert fault.value.message == f"a backup of agama is already running on this machine (process {holder.pid})"
    with runs.one_at_a_time(state, "another"):
        pass


def test_a_killed_holder_holds_nothing(state: Path, child: Child) -> None:
    holder = child(HOLDING, state)
    assert said(holder) == "held"
    holder.kill()
    holder.wait()
    with runs.one_at_a_time(state, "agama"):
        pass


def test_one_run_that_fails_leaves_the_commands_of_another_alone(state: Path) -> None:
    """They share a process when services are backed up side by side."""
    from backups.machine import processes
    from backups.machine.parallel import side_by_side

    def work(name: str) -> str:
        with runs.start(state) as run:
            if name == "fails":
                raise LifeboatError("it failed")
            (run.directory / "flag").touch()
            return str(processes.run(["sh", "-c", "sleep 1; echo whole"]).output)

    failed, whole = side_by_side(work, ["fails", "works"], at_once=2)
    assert isinstance(failed, LifeboatError)
    assert whole == "b'whole\\n'"
