"""Finds images and starts containers, networks and volumes by the Docker Engine of this machine.

Everything started here is labelled with the run that owns it, so that `backups/machine/runs.py` removes what a killed run left.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.models.containers import Container as DockerContainer
from docker.models.networks import Network
from docker.types import Mount

from backups.errors import ConfigError, LifeboatError
from backups.machine import commands_run
from backups.machine.docker.container import Container, Image
from backups.machine.docker.errors import first_line, system_words, translated
from backups.machine.docker.mounts import Mounts

RUN_LABEL = "lifeboat.run"
STATE_LABEL = "lifeboat.state"
STANDIN_LABEL = "lifeboat.standin"
"""An image that carries this label is an honest stand-in for the real server; reports say so."""

_RESTARTED: Any = {"Name": "unless-stopped"}
"""Docker restarts it with the daemon, and when it ends by itself: a restored service stays up."""
_NO_MORE = ["no-new-privileges"]
_NO_NAME = "invalid reference format"
_LACKING = re.compile(r'exec: "([^"]+)": (?:executable file not found|stat \S+: no such file)')
"""What Docker says of a text that cannot be an image's name, and of a program that an image does not have."""


@dataclass(frozen=True)
class Limits:
    """What one container may use: bytes of memory, number of processors, number of processes."""

    memory: int | None = None
    processors: float | None = None
    processes: int = 4096


@dataclass
class Docker(Mounts):
    """The Docker Engine of this machine; everything that it is told to start gets `labels`."""

    labels: Mapping[str, str] = field(default_factory=dict)
    _client: docker.DockerClient | None = None

    def client(self) -> docker.DockerClient:
        """Connect on first use; raises LifeboatError when no daemon answers."""
        if self._client is None:
            try:
                client = docker.from_env(timeout=120)
                client.ping()
            except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
                # Whoever set it may have forgotten that.
                where = f"{named} (DOCKER_HOST): " if (named := os.environ.get("DOCKER_HOST")) else ""
                raise LifeboatError(
                    f"Docker does not answer on this machine: {where}{system_words(error)}",
                    hint="start it: systemctl start docker (or, in a project's clone, make setup); "
                    "your user must be root or in the group docker",
                ) from error
            self._client = client
        return self._client

    def version(self) -> str:
        """Return the version of the daemon."""
        client = self.client()
        with translated("its version"):
            return str(client.version().get("Version") or "not known")

    def present(self, name: str) -> Image | None:
        """Return the image when it is on this machine, else None. Raises ConfigError for what cannot be the name of one."""
        with translated(f"image {name}"):
            try:
                found = self.client().images.get(name)
            except docker.errors.ImageNotFound:
                return None
            except docker.errors.APIError as error:
                if _NO_NAME not in (words := first_line(error)):
                    raise
                why = words.rpartition(_NO_NAME)[2].lstrip(": ")
                raise ConfigError(
                    f"{name!r} is no name of an image{f': {why}' if why else ''}",
                    hint="write it as `docker images` does: NAME:TAG, or REGISTRY/NAME:TAG",
                ) from error
        return Image(name, str(found.id), standin=found.labels.get(STANDIN_LABEL) == "true")

    def image(self, name: str) -> Image:
        """Return an image, pulled when it is not on this machine. Raises LifeboatError when it cannot be pulled."""
        if found := self.present(name):
            return found
        try:
            self.client().images.pull(name)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise LifeboatError(
                f"the image {name} is not on this machine and cannot be pulled: {first_line(error)}",
                hint=f"docker pull {name}; without a registry, deployments/images/build.sh builds lifeboat/mysql:9.7 "
                "and lifeboat/prometheus:3.5 from Debian packages",
            ) from error
        if found := self.present(name):
            return found
        raise LifeboatError(f"the image {name} was pulled, yet Docker does not list it", hint=f"docker pull {name}")

    def run(
        self,
        name: str,
        image: Image,
        *,
        command: Sequence[str] | None = None,
        entrypoint: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        mounts: Mapping[Path, str] | None = None,
        user: str | None = None,
        network: str = "none",
        sysctls: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        capabilities: Sequence[str] = (),
        hosts: Mapping[str, str] | None = None,
        read_only: Collection[Path] = (),
        host_processes: bool = False,
    ) -> Container:
        """Start a container. `mounts`: directories of this machine -> paths inside; `network`: a name, `none` or `host`.

        `sysctls`: settings of the kernel for its network. `capabilities`: all that it has, as whatever user it runs.
        `hosts`: names that it finds an address for, as others do that join its network.
        `read_only`: those of the mounts that it may not write. `host_processes`: it sees the processes of this machine.
        """
        commands_run.record(_command_line(name, image, command, entrypoint, mounts, user, network), 0.0)
        limits = limits or Limits()
        options: dict[str, Any] = {
            "entrypoint": list(entrypoint) if entrypoint is not None else None,
            "user": user,
            "mem_limit": limits.memory,
            "nano_cpus": int(limits.processors * 1e9) if limits.processors else None,
            "sysctls": dict(sysctls) if sysctls else None,
            "extra_hosts": dict(hosts) if hosts else None,
            "pid_mode": "host" if host_processes else None,
        }
        with translated(f"container {name}"):
            created = self.client().containers.create(
                image.id,
                list(command) if command is not None else None,
                name=name,
                labels=dict(self.labels),
                environment=dict(environment or {}),
                mounts=[
                    Mount(target=inside, source=str(outside), type="bind", read_only=outside in read_only)
                    for outside, inside in (mounts or {}).items()
                ],
                network=network,
                pids_limit=limits.processes,
                security_opt=_NO_MORE,
                cap_drop=["ALL"],
                cap_add=list(capabilities) or None,
                log_config=docker.types.LogConfig(type="json-file", config={"max-size": "20m", "max-file": "2"}),
                **{key: value for key, value in options.items() if value is not None},
            )
            try:
                created.start()
            except BaseException as error:
                Container(created, image).remove()
                if isinstance(error, docker.errors.APIError) and (lacking := _LACKING.search(first_line(error))):
                    # An image without an entry point takes the first option for one.
                    what = "starts no server by itself" if lacking[1].startswith("-") else f"has no program {lacking[1]}"
                    raise LifeboatError(
                        f"the image {image.name} {what}",
                        hint="is it the image that was meant? name one of the server's own kind and version",
                    ) from error
                raise
        return Container(created, image)

    def named(self, container: str, *volumes: str) -> list[str]:
        """Return which of these exist already: a container of that name, volumes of those names."""
        with translated(f"container {container}"):
            found = []
            with suppress(docker.errors.NotFound):
                found.append(f"container {self.client().containers.get(container).name}")
            for volume in volumes:
                with suppress(docker.errors.NotFound):
                    found.append(f"volume {self.client().volumes.get(volume).name}")
        return found

    def root(self) -> Path:
        """Return the directory where this machine's daemon keeps its data."""
        with translated("Docker"):
            return Path(self.client().info()["DockerRootDir"])

    def make_volume(self, name: str) -> Path:
        """Create a volume without a run's label; returns its directory on this machine, which does not exist yet."""
        with translated(f"volume {name}"):
            directory = Path(self.client().volumes.create(name).attrs["Mountpoint"])
        # It is empty and belongs to root: the caller creates it again, with the owner of the files.
        directory.rmdir()
        return directory

    def volume(self, name: str) -> Path:
        """Return the directory of a volume on this machine; raises LifeboatError when there is no such volume."""
        with translated(f"volume {name}"):
            return Path(self.client().volumes.get(name).attrs["Mountpoint"])

    def has_volume(self, name: str) -> bool:
        """Return whether there is a volume of that name."""
        with translated(f"volume {name}"):
            try:
                self.client().volumes.get(name)
            except docker.errors.NotFound:
                return False
        return True

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that does not exist is fine."""
        with translated(f"volume {name}"), suppress(docker.errors.NotFound):
            self.client().volumes.get(name).remove(force=True)

    def remove_container(self, name: str) -> None:
        """Remove a container, running or not; one that does not exist is fine."""
        with translated(f"container {name}"), suppress(docker.errors.NotFound):
            Container(self.client().containers.get(name), Image("", "")).remove()

    def keep(
        self,
        name: str,
        image: Image,
        volumes: Mapping[str, str],
        options: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        start: bool = True,
    ) -> Container:
        """Make a container that stays: without a run's label, restarted with the daemon, with its image's entry point.

        volumes: the name of each volume, and where the container has it. start: at once
        """
        with translated(f"container {name}"):
            created = self.client().containers.create(
                image.id,
                list(options) or None,
                name=name,
                environment=dict(environment or {}),
                mounts=[Mount(target=inside, source=volume, type="volume") for volume, inside in volumes.items()],
                restart_policy=_RESTARTED,
                security_opt=_NO_MORE,
            )
            if start:
                created.start()
        return Container(created, image)

    def isolated_network(self, name: str) -> str:
        """Create a network without a route to anywhere else; returns its name."""
        with translated(f"network {name}"):
            self.client().networks.create(name, driver="bridge", internal=True, labels=dict(self.labels))
        return name

    def labelled(self, label: str) -> Iterator[DockerContainer | Network]:
        """Yield every container, then every network, with `label` (`key` or `key=value`)."""
        with translated("Docker"):
            filters: dict[str, Any] = {"label": label}
            yield from self.client().containers.list(all=True, filters=filters, ignore_removed=True)
            yield from self.client().networks.list(filters=filters)

    def owners(self, label: str) -> set[str]:
        """Return the ids of the runs that own containers or networks with `label`."""
        with translated("Docker"):
            filters: dict[str, Any] = {"label": label}
            containers = self.client().containers.list(all=True, filters=filters, sparse=True)
            networks = self.client().networks.list(filters=filters)
        return {str(thing.attrs["Labels"].get(RUN_LABEL, "")) for thing in (*containers, *networks)} - {""}

    def remove_labelled(self, label: str) -> int:
        """Remove every container (with its anonymous volumes) and network with `label`; returns how many."""
        things = list(self.labelled(label))
        for thing in things:
            if isinstance(thing, DockerContainer):
                Container(thing, Image("", "")).remove()
                continue
            with translated(f"network {thing.name}"), suppress(docker.errors.NotFound):
                thing.remove()
        return len(things)

    def runs(self, container: str) -> bool:
        """Return whether a container, anybody's, runs; one that is not there does not."""
        with translated(f"container {container}"):
            try:
                return bool(self.client().containers.get(container).status in ("running", "restarting", "paused"))
            except docker.errors.NotFound:
                return False


def _command_line(
    name: str,
    image: Image,
    command: Sequence[str] | None,
    entrypoint: Sequence[str] | None,
    mounts: Mapping[Path, str] | None,
    user: str | None,
    network: str,
) -> list[str]:
    """Return the command line that starts the same container."""
    line = ["docker", "run", "-d", "--name", name, "--network", network]
    line += [part for outside, inside in (mounts or {}).items() for part in ("-v", f"{outside}:{inside}")]
    line += ["--user", user] if user else []
    line += ["--entrypoint", entrypoint[0]] if entrypoint else []
    return [*line, image.name, *(entrypoint or [])[1:], *(command or [])]
