"""Creates a new container for a restore, with the restored data in a volume."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backups.errors import ConfigError, LifeboatError
from backups.machine.docker import Container, Docker, Image
from backups.places.base import Ownership
from backups.places.local.place import LocalPlace

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


@dataclass(frozen=True)
class NewVolume:
    """A Docker volume that is made when something is put into it."""

    docker: Docker
    name: str

    def __str__(self) -> str:
        return f"docker volume {self.name}"

    def entries(self) -> list[str] | None:
        """Return its name when it is there already; None when it is not."""
        return [self.name] if self.docker.has_volume(self.name) else None

    def put(self, tree: Path, ownership: Ownership) -> None:
        """Create it and put the files into it; one that cannot be filled is removed again. Names of owners are this machine's."""
        if self.entries():
            raise LifeboatError(f"{self} is there already", hint=f"docker volume rm {self.name}; or restore to another name")
        directory = self.docker.make_volume(self.name)
        try:
            LocalPlace(directory, f"volume {self.name}").put(tree, replace(ownership, names=""))
        except BaseException:
            self.docker.remove_volume(self.name)
            raise


@dataclass(frozen=True)
class NewContainer:
    """`docker:NAME`: the container NAME, and the volume NAME-data."""

    docker: Docker
    name: str

    @classmethod
    def named(cls, text: str, docker: Docker) -> "NewContainer | None":
        """Return the container that `docker:NAME` stands for; None for any other place."""
        kind, _, name = text.partition(":")
        if kind != "docker" or ":" in name:
            return None
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{text!r} is not a container's name",
                hint="docker:NAME makes a new container, docker:NAME:/path is a place in one",
            )
        return cls(docker, name)

    def __str__(self) -> str:
        return f"docker:{self.name}"

    @property
    def volume(self) -> str:
        """The name of its volume."""
        return f"{self.name}-data"

    @property
    def configuration(self) -> str:
        """The name of the volume that its configuration is put into, where the backup holds one."""
        return f"{self.name}-configuration"

    def entries(self) -> list[str] | None:
        """Return the container and volumes that have its names already; None when there are none."""
        return self.docker.named(self.name, self.volume, self.configuration, self.outside(1)) or None

    def outside(self, number: int) -> str:
        """The name of the volume of one of the directories that it has beside its data and its configuration, counted from 1."""
        return f"{self.name}-outside-{number}"

    def free(self) -> int:
        """Return the bytes that are free where Docker keeps its volumes."""
        return LocalPlace(self.docker.root()).free()

    def fill(self, tree: Path, ownership: Ownership) -> None:
        """Create the volume and put the files into it; a volume that cannot be filled is removed again."""
        NewVolume(self.docker, self.volume).put(tree, ownership)

    def keep_configuration(self, tree: Path, ownership: Ownership) -> str:
        """Put the configuration, which holds keys and passwords, into another volume, for a person to mount."""
        volume = NewVolume(self.docker, self.configuration)
        volume.put(tree, replace(ownership, mode=0o700))
        return str(volume)

    def keep_outside(self, directories: Mapping[str, Path], ownership: Ownership) -> dict[str, str]:
        """Put further directories into volumes of their own; returns where a container has each volume."""
        volumes = {}
        for number, (inside, tree) in enumerate(sorted(directories.items()), start=1):
            NewVolume(self.docker, self.outside(number)).put(tree, replace(ownership, mode=0o755))
            volumes[self.outside(number)] = inside
        return volumes

    def begin(
        self,
        image: Image,
        volumes: Mapping[str, str],
        options: Sequence[str],
        environment: Mapping[str, str],
        *,
        start: bool = True,
    ) -> Container:
        """Make the container, and start it; raises LifeboatError with the end of its log when it ends at once.

        volumes: its name, and where the container has it, of each
        """
        container = self.docker.keep(self.name, image, volumes, options, environment, start=start)
        if start and not container.running():
            raise LifeboatError(
                f"container {self.name} ended at once: {container.log_line(8)}",
                hint=f"its data are in the volume {self.volume}; see: docker logs {self.name}",
            )
        return container

    def remove(self) -> None:
        """Remove the container and its volumes, as far as they are there."""
        self.docker.remove_container(self.name)
        for volume in (self.volume, self.configuration):
            self.docker.remove_volume(volume)

    def files(self) -> LocalPlace:
        """Return the place of its data, as this machine sees them."""
        return LocalPlace(self.docker.volume(self.volume), f"volume {self.volume}")
