"""Many services side by side: one fault stays one fault, and Ctrl-C ends them all soon."""

import signal
import time
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine.parallel import side_by_side
from tests.integration.conftest import Child, said

WAITING = """
import sys
from pathlib import Path
from backups.machine import processes, runs
from backups.machine.parallel import side_by_side
state = Path(sys.argv[1])

def work(name):
    with runs.start(state) as run:
        docker = run.docker
        sys.stdout.write("working\\n")
        if name == "container":
            docker.run("lifeboat-" + run.id, docker.image("lifeboat/prometheus:3.5"), entrypoint=["sleep"], command=["600"]).wait()
        else:
            processes.run(["sleep", "600"])

try:
    side_by_side(work, ["command", "container", "later"], at_once=2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_results_come_in_order_and_a_fault_takes_its_own_place_only() -> None:
    def work(item: int) -> int:
        time.sleep(0.01 * (5 - item))
        if item == 2:
            raise LifeboatError("two is away")
        if item == 3:
            raise ZeroDivisionError("three is a bug")
        return item

    one, two, three, four = side_by_side(work, [1, 2, 3, 4], at_once=2)
    assert (one, four) == (1, 4)
    assert isinstance(two, LifeboatError)
    assert two.message == "two is away"
    assert isinstance(three, LifeboatError)
    assert three.message == "unexpected error: ZeroDivisionError: three is a bug"


def test_nothing_to_do_is_done() -> None:
    assert side_by_side(str, [], at_once=3) == []


def test_an_interrupt_ends_commands_and_containers_of_every_thread(child: Child, state: Path) -> None:
    process = child(WAITING, state)
    assert [said(process), said(process)] == ["working", "working"]
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert said(process) == "interrupted"
    process.wait()
    assert time.monotonic() - begun < 60, "what was waited for would have taken ten minutes"
    assert list((state / "runs").iterdir()) == []


def test_an_interrupt_that_wakes_nobody_is_seen_all_the_same(child: Child, state: Path) -> None:
    """One that comes just before Python begins to wait: it is noted, and the wait goes on."""
    noted = "    import _thread, threading, time\n    threading.Timer(1, _thread.interrupt_main).start()\n    side_by_side("
    process = child(WAITING.replace("    side_by_side(", noted), state)
    assert [said(process), said(process), said(process)] == ["working", "working", "interrupted"]
    process.wait()
    assert list((state / "runs").iterdir()) == []


def test_of_nothing_there_is_no_result_and_nothing_is_begun() -> None:
    assert side_by_side(str, [], at_once=0) == []
