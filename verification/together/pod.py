"""Makes the network in which copies stand side by side: one without any interface but loopback, with their old addresses."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from backups.config.settings import SandboxSettings
from backups.errors import LifeboatError
from backups.machine import processes
from backups.machine.docker import Container, Image
from backups.machine.runs import Run
from verification.drill import sandbox
from verification.drill.sandbox import DockerSandbox
from verification.together.places import Places, additional

log = logging.getLogger(__name__)

_FOR_EVER = str(1 << 31)
"""Seconds; it ends with the sandbox."""


@dataclass(frozen=True)
class Pod:
    """That container, and the sandbox that it lives in."""

    container: Container
    box: DockerSandbox

    def own(self, address: str) -> None:
        """Give its network an address."""
        self._ip("address", "replace", f"{address}/{'128' if ':' in address else '32'}", "dev", "lo")

    def come_from(self, source: str, to: str) -> None:
        """Have whoever connects to one of its addresses come from another one, as from another machine."""
        if not source.startswith("127."):
            self.own(source)
        self._ip(
            "route", "replace", "local", to, "dev", "lo", "table", "local", "proto", "kernel", "scope", "host", "src", source
        )

    def _ip(self, *arguments: str) -> None:
        if shutil.which("ip") is None:
            raise LifeboatError("the program ip is not on this machine", hint="apt-get install iproute2")
        with self.box.reach(self.container):
            # A program belongs to the network of the thread that starts it.
            completed = processes.run(["ip", *arguments], recorded=False)
        if completed.code:
            said = " ".join(completed.errors.split())
            raise LifeboatError(
                f"the network of {self.container.name} does not take ip {' '.join(arguments[:3])}: {said}",
                hint="does this machine's kernel have that protocol (IPv6), and Lifeboat CAP_NET_ADMIN?",
            )


@contextmanager
def opened(run: Run, settings: SandboxSettings, image: Image, places: Places) -> Iterator[Pod]:
    """Make it for these places; nothing of it is left when the block ends. image: any that has the program sleep.

    Raises LifeboatError when this is not root, who alone may give a network addresses.
    """
    with sandbox.opened(run, "together", settings) as box:
        if not box.root:
            raise LifeboatError(
                "copies that stand side by side need root, since only root may give their network its addresses",
                hint="run lifeboat verify --together as root",
            )
        container = box.run("pod", image, entrypoint=["sleep"], command=[_FOR_EVER], network=True, hosts=places.names)
        pod = Pod(container, box)
        for address in additional(places):
            pod.own(address)
        log.debug("together: %d addresses, %d names", len(list(additional(places))), len(places.names))
        yield pod
