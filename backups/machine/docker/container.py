"""Inspects, stops and removes one container that Lifeboat started."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import docker.errors
import requests.exceptions
from docker.models.containers import Container as DockerContainer

from backups.errors import LifeboatError
from backups.machine.docker.errors import translated

_KILLED = 137
"""Exit code of whatever SIGKILL ended."""


@dataclass(frozen=True)
class Image:
    """An image on this machine: the name that was asked for, the id that runs, and whether it is a stand-in."""

    name: str
    id: str
    standin: bool = False


@dataclass
class Container:
    """A running container of ours."""

    _container: DockerContainer
    image: Image
    _stop_requested: bool = False

    @property
    def name(self) -> str:
        """The container's name in Docker."""
        return cast("str", self._container.name)

    @property
    def pid(self) -> int:
        """The process id of its first process, as this machine numbers it."""
        with translated(f"container {self.name}"):
            self._container.reload()
        return int(self._container.attrs["State"]["Pid"])

    def address(self) -> str:
        """Its address on the one network it is attached to; raises LifeboatError when it has none."""
        with translated(f"container {self.name}"):
            self._container.reload()
        for network in self._container.attrs["NetworkSettings"]["Networks"].values():
            if network["IPAddress"]:
                return str(network["IPAddress"])
        raise LifeboatError(f"container {self.name} has no address", hint=f"did it stop? its last words: {self.logs(5)}")

    def running(self) -> bool:
        """Whether it is still up."""
        with translated(f"container {self.name}"):
            try:
                self._container.reload()
            except docker.errors.NotFound:
                return False
        return bool(self._container.status == "running")

    def cut_short(self) -> str | None:
        """How it was ended from outside, if it was: by the kernel for want of memory, or by whoever sent it SIGKILL but us."""
        try:
            self._container.reload()
        except docker.errors.DockerException:
            return None
        state = self._container.attrs["State"]
        if state["OOMKilled"]:
            return "ran out of the memory that it is allowed"
        # Docker does not always note that it was for want of memory: seen once with 20.10, on a container that began with that.
        if state["Status"] == "exited" and state["ExitCode"] == _KILLED and not self._stop_requested:
            return f"was killed (exit code {_KILLED})"
        return None

    def logs(self, lines: int = 20) -> str:
        """The last lines that it printed."""
        try:
            printed = self._container.logs(tail=lines)
        except (docker.errors.DockerException, requests.exceptions.RequestException):
            return ""
        return printed.decode(errors="replace").strip()

    def execute(self, arguments: Sequence[str], *, user: str = "") -> int:
        """Run a command in it; returns its exit code.

        What it prints is not returned: docker-py 7 loses what comes in one piece with the answer's head, as on a busy machine (15
        times of 1,440). Have it write a file.
        """
        with translated(f"container {self.name}"):
            return cast("int", self._container.exec_run(list(arguments), user=user).exit_code)

    def stop(self, seconds: int = 60) -> None:
        """Ask it to end, wait that long, then end it."""
        self._stop_requested = True
        with translated(f"container {self.name}"):
            self._container.stop(timeout=seconds)

    def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        with translated(f"container {self.name}"):
            return int(self._container.wait()["StatusCode"])

    def remove(self) -> None:
        """Remove it and its anonymous volumes, running or not; already gone, or just going, is fine."""
        with translated(f"container {self.name}"):
            try:
                self._container.remove(force=True, v=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):
                    raise
