"""The toy service, able to dwell in a phase until somebody ends it. Workers know it by `hook.py`."""

import socket
from collections.abc import Sequence
from typing import Any, Literal

from backups.hosts import Hosts
from backups.machine import processes
from backups.machine.docker import Docker
from backups.services.base import Captured, Copy, Fetched, Job, Sandbox
from tests.contract.toy import ToyCopy, ToyService, ToySettings

DWELL = "3599"
"""Seconds that a phase takes when nobody ends it."""


class SlowToySettings(ToySettings):
    """`dwell`: where a backup or a drill stays."""

    dwell: Literal["command", "container", "drill", "deaf", ""] = ""


class SlowToyService(ToyService):
    """A toy that dwells: in a command of this machine, in a container of its capture or of its copy, or on a silent connection."""

    settings: SlowToySettings

    def capture(self, job: Job) -> Captured:
        captured = super().capture(job)
        if self.settings.dwell == "command":
            processes.run(["sleep", DWELL])
        if self.settings.dwell == "deaf":
            job.say("deaf")
            ours, _theirs = socket.socketpair()
            # Nobody ever writes to it, and no interrupt reaches this thread.
            ours.recv(1)
        if self.settings.dwell == "container":
            image = job.docker.image(self.settings.image)
            name = f"lifeboat-test-dwells-{job.directory.parents[2].name}"
            job.docker.run(name, image, entrypoint=["sleep"], command=[DWELL]).wait()
        job.say("captured")
        return captured

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        return SlowCopy(chain, sandbox, self.settings)


class SlowCopy(ToyCopy):
    """Its server is a container."""

    def __init__(self, chain: Sequence[Fetched], sandbox: Sandbox, settings: SlowToySettings) -> None:
        super().__init__(chain, sandbox.directory / "tree")
        self.sandbox, self.settings = sandbox, settings

    def start(self) -> None:
        super().start()
        if self.settings.dwell == "drill":
            image = self.sandbox.image(self.settings.image)
            self.sandbox.run("toy", image, entrypoint=["sleep"], command=[DWELL], network=True).wait()


def make(name: str, settings: Any, docker: Docker, hosts: Hosts) -> SlowToyService:
    return SlowToyService(name, settings, docker)
