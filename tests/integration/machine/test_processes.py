"""No command outlives us, and whatever it said is told."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.machine import processes
from tests.integration.conftest import Child, said
from tests.servers.leftovers import alive

WAITING = """
import sys
from backups.machine import processes
print("begun")
try:
    processes.run(["sh", "-c", sys.argv[1]])
finally:
    print("ended")
"""
POLITE = (
    'trap "echo cleaned > {0}/cleaned; exit 130" INT; echo $$ > {0}/pid.new; mv {0}/pid.new {0}/pid; while :; do sleep 0.05; done'
)
STUBBORN = 'trap "" INT; echo $$ > {0}/pid.new; mv {0}/pid.new {0}/pid; while :; do sleep 0.05; done'


def begun(directory: Path) -> int:
    while not (directory / "pid").exists():
        time.sleep(0.01)
    return int((directory / "pid").read_text())


def test_a_command_is_reported_by_its_code_its_output_and_the_end_of_its_errors(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    ended = processes.run(
        ["sh", "-c", "ls; echo $ADDED; printf 'x%.0s' $(seq 9000) >&2; echo last >&2; exit 7"],
        directory=tmp_path,
        environment={"ADDED": "y"},
    )
    assert (ended.code, ended.output) == (7, b"here\ny\n")
    assert len(ended.errors) < 8192
    assert ended.errors.endswith("last")


def test_a_command_cannot_wait_for_our_keyboard() -> None:
    assert processes.run(["cat"]).output == b""


def test_a_program_that_is_not_there_is_reported() -> None:
    with pytest.raises(LifeboatError, match="nonesuch is not installed on this machine"):
        processes.run(["nonesuch"])


@pytest.mark.parametrize("script", [POLITE, STUBBORN])
def test_an_interrupt_ends_the_command_first(child: Child, tmp_path: Path, script: str) -> None:
    process = child(WAITING, script.format(tmp_path))
    assert said(process) == "begun"
    command = begun(tmp_path)
    process.send_signal(signal.SIGINT)
    assert said(process) == "ended"
    assert not alive(command)
    assert (tmp_path / "cleaned").exists() == (script is POLITE)
    assert process.wait() != 0


def test_an_interrupt_that_wakes_nobody_ends_a_command_all_the_same(child: Child, tmp_path: Path) -> None:
    """One that comes just before the wait begins: Python has noted it, and the kernel goes on waiting."""
    noted = WAITING.replace(
        'print("begun")', 'print("begun")\nimport _thread, threading\nthreading.Timer(1, _thread.interrupt_main).start()'
    )
    process = child(noted, POLITE.format(tmp_path))
    assert [said(process), said(process)] == ["begun", "ended"]
    assert (tmp_path / "cleaned").exists()
    assert process.wait() != 0


def test_a_command_ends_by_itself_when_we_are_killed(child: Child, tmp_path: Path) -> None:
    process = child(WAITING, POLITE.format(tmp_path))
    command = begun(tmp_path)
    process.kill()
    process.wait()
    while alive(command):
        time.sleep(0.01)
    assert (tmp_path / "cleaned").exists()


def test_a_command_does_not_begin_when_we_are_killed_before_it_can_know_of_it(child: Child, tmp_path: Path) -> None:
    """Else it would go on without us, over a directory that the next run clears: of a backup, half would be saved."""
    slow = tmp_path / "bin" / "setpriv"
    slow.parent.mkdir()
    slow.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid\n"
        f'while [ ! -e {tmp_path}/go ]; do sleep 0.01; done\nexec {shutil.which("setpriv")} "$@"\n'
    )
    slow.chmod(0o755)
    process = child(
        f"import os; os.environ['PATH'] = '{slow.parent}:' + os.environ['PATH']\n" + WAITING, f"touch {tmp_path}/done"
    )
    command = begun(tmp_path)
    process.kill()
    process.wait()
    (tmp_path / "go").touch()
    while alive(command):
        time.sleep(0.01)
    assert not (tmp_path / "done").exists()


def test_commands_of_other_threads_can_be_interrupted(tmp_path: Path) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(processes.run(["sh", "-c", POLITE.format(tmp_path)]).code))
    thread.start()
    begun(tmp_path)
    processes.interrupt_all()
    thread.join()
    assert codes == [130]


def test_one_that_has_only_just_begun_is_interrupted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs already, and its start has not returned."""
    start = subprocess.Popen

    def slowly(*arguments: Any, **more: Any) -> Any:
        child = start(*arguments, **more)
        begun(tmp_path)
        reached.set()
        time.sleep(0.3)
        return child

    reached = threading.Event()
    monkeypatch.setattr(processes.subprocess, "Popen", slowly)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(processes.run(["sh", "-c", POLITE.format(tmp_path)]).code))
    thread.start()
    reached.wait(20)
    processes.interrupt_all()
    thread.join(20)
    assert codes == [130]


def test_a_command_ends_when_another_thread_says_so_and_has_failed(tmp_path: Path) -> None:
    """Politely, so that it can clean up; also one that has ended well when the word comes."""
    stop, ended = threading.Event(), []
    thread = threading.Thread(target=lambda: ended.append(processes.run(["sh", "-c", POLITE.format(tmp_path)], stop=stop)))
    thread.start()
    begun(tmp_path)
    stop.set()
    thread.join()
    assert ended[0].code == 130
    assert (tmp_path / "cleaned").exists()
    assert processes.run(["true"], stop=stop).code == -1
    assert processes.run(["true"], stop=threading.Event()).code == 0


def test_without_setpriv_commands_still_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "echo").symlink_to("/bin/echo")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert processes.run(["echo", "-n", "a b"]).output == b"a b"


def test_what_a_command_needs_of_our_own_environment_reaches_it() -> None:
    """The language, here; no password does: tests/unit/machine/test_environment.py."""
    ended = subprocess.run([sys.executable, "-c", "from backups.machine import processes; print(processes.run(['env']).output.decode())"], env={**os.environ, "LC_TIME": "C"}, capture_output=True, text=True, check=True)  # fmt: skip
    assert "LC_TIME=C" in ended.stdout
