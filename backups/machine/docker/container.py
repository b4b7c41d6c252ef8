"""Inspects, stops and removes one container that Lifeboat started."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import docker.errors
import requests.exceptions
from docker.models.containers import Container as DockerContainer

from backups.errors import LifeboatError
from backups.machine.docker.errors import first_line, translated
from backups.machine.wait import wait_until

_SIGNALLED = (129, 130, 137, 143)
"""Exit codes of what SIGHUP, SIGINT, SIGKILL or SIGTERM ended: signals that no program sends itself for its data."""


@dataclass(frozen=True)
class Image:
    """An image on this machine: its name as configured, its id, and whether it is a stand-in."""

    name: str
    id: str
    standin: bool = False


@dataclass
class Container:
    """A container that Lifeboat started."""

    _container: DockerContainer
    image: Image
    _stop_requested: bool = False
    _removed: bool = False

    @property
    def name(self) -> str:
        """The container's name in Docker."""
        return cast("str", self._container.name)

    @property
    def pid(self) -> int:
        """The process id, on this machine, of its first process."""
        with translated(f"container {self.name}"):
            self._container.reload()
        return int(self._container.attrs["State"]["Pid"])

    def address(self) -> str:
        """Return its address on the network that it is attached to; raises LifeboatError when it has none."""
        with translated(f"container {self.name}"):
            self._container.reload()
        for network in self._container.attrs["NetworkSettings"]["Networks"].values():
            if network["IPAddress"]:
                return str(network["IPAddress"])
        raise LifeboatError(f"container {self.name} has no address", hint=f"did it stop? the end of its log: {self.log_line(5)}")

    def running(self) -> bool:
        """Return whether it is still running."""
        with translated(f"container {self.name}"):
            try:
                self._container.reload()
            except docker.errors.NotFound:
                return False
        return bool(self._container.status == "running")

    def cut_short(self) -> str | None:
        """Return how it was ended from outside: out of memory, by a signal that Lifeboat did not send, or removed; else None."""
        if self._removed:
            return None
        try:
            self._container.reload()
        except docker.errors.NotFound:
            return "was removed by somebody else"
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            return f"can no longer be asked, since Docker does not answer: {first_line(error)}"
        state = self._container.attrs["State"]
        if state["OOMKilled"]:
            return "ran out of the memory that it is allowed"
        # Docker does not always record that memory ran out: seen once with 20.10, on a container that ran out while it started.
        if state["Status"] == "exited" and state["ExitCode"] in _SIGNALLED and not self._stop_requested:
            return f"was killed (exit code {state['ExitCode']})"
        return None

    def logs(self, lines: int = 20) -> str:
        """Return the last lines of its log; empty when Docker does not have them."""
        try:
            printed = self._container.logs(tail=lines)
        except (docker.errors.DockerException, requests.exceptions.RequestException):
            return ""
        return printed.decode(errors="replace").strip()

    def log_line(self, lines: int) -> str:
        """Return the last lines of its log on one line, for a message."""
        return " ".join(self.logs(lines).split())

    def execute(self, arguments: Sequence[str], *, user: str = "") -> int:
        """Run a command in it; returns its exit code.

        Its output is not returned: docker-py 7 loses output that comes in one piece with the response's head, as on a busy
        machine (15 times of 1,440). Have the command write a file.
        """
        with translated(f"container {self.name}"):
            return cast("int", self._container.exec_run(list(arguments), user=user).exit_code)

    def stop(self, seconds: int = 60) -> None:
        """Send it SIGTERM, and SIGKILL when it has not ended after `seconds`."""
        self._stop_requested = True
        with translated(f"container {self.name}"):
            self._container.stop(timeout=seconds)

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """Let nothing in it run while the block does; one that has ended is still already."""
        with translated(f"container {self.name}"):
            running = self.running()
            if running:
                self._container.pause()
        try:
            yield
        finally:
            if running:
                with translated(f"container {self.name}"):
                    self._container.unpause()

    def wait(self, seconds: float | None = None) -> int:
        """Wait for it to end; returns its exit code. Raises LifeboatError when it has not ended after so many seconds."""
        if seconds is not None and not wait_until(lambda: not self.running(), seconds=seconds, interval=0.1):
            raise LifeboatError(
                f"what was started in an image, {self.image.name}, has not ended after {seconds:.0f} s: "
                f"{self.log_line(5)[:300] or 'it prints nothing'}",
                hint="is it the image that was meant?",
            )
        with translated(f"container {self.name}"):
            return int(self._container.wait()["StatusCode"])

    def remove(self) -> None:
        """Remove it and its anonymous volumes, running or not; one that is removed already, or just now, is fine."""
        self._removed = True
        with translated(f"container {self.name}"):
            try:
                self._container.remove(force=True, v=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):
                    raise
