"""Finds where the files of a container, anybody's, are on this machine, and what it starts with."""

from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

import docker
import docker.errors
from docker.models.containers import Container as DockerContainer

from backups.errors import LifeboatError
from backups.machine.docker.errors import translated


@dataclass(frozen=True)
class Mounted:
    """A mount of a container that a path of it is in: where that path is on this machine; `volume`: its name, where it is one.

    whole: whether the path is all of the mount
    """

    path: Path
    volume: str | None
    whole: bool


class Mounts:
    """What a Docker Engine knows of its containers' files."""

    def client(self) -> docker.DockerClient:
        """Connect on first use."""
        raise NotImplementedError

    def host_path(self, container: str, path: str) -> Path:
        """Return where `path` of a container is on this machine: in its volume, its bind mount, or its layer.

        Raises LifeboatError when there is no such container, or when its files are not on this machine.
        """
        if mounted := self.mounted(container, path):
            return mounted.path
        found, wanted = self._found(container), Path(normpath(path))
        merged = (found.attrs.get("GraphDriver", {}).get("Data") or {}).get("MergedDir")
        if merged is None:
            raise LifeboatError(
                f"{path} of container {container} is not in a volume or a bind mount that this machine can read",
                hint=f"mount a volume at {path}, or give the files' place as local:/path",
            )
        return _below(Path(merged), wanted.relative_to("/"), container)

    def mounted(self, container: str, path: str) -> Mounted | None:
        """Return the mount that `path` of a container is in; None where it is in the container's own layer.

        Such a layer is there only while the container runs: what is written to its path otherwise is in no container.
        Raises LifeboatError when there is no such container.
        """
        wanted = Path(normpath(path))
        mounts = self._found(container).attrs["Mounts"]
        for mount in sorted(mounts, key=lambda mount: len(mount["Destination"]), reverse=True):
            if wanted.is_relative_to(mount["Destination"]):
                below = wanted.relative_to(mount["Destination"])
                volume = str(mount["Name"]) if mount["Type"] == "volume" else None
                return Mounted(_below(Path(mount["Source"]), below, container), volume, whole=below == Path())
        return None

    def mounting(self, directory: Path) -> list[str]:
        """Return the running containers, anybody's, that have a directory of this machine, or one below it, mounted to write."""
        with translated("Docker"):
            every = self.client().containers.list(sparse=True)
        return sorted(
            container.attrs["Names"][0].lstrip("/")
            for container in every
            if any(
                mount.get("RW") and Path(mount.get("Source") or "/").is_relative_to(directory)
                for mount in container.attrs["Mounts"]
            )
        )

    def arguments(self, container: str) -> list[str]:
        """Return the command line that a container starts with; raises LifeboatError when there is no such container."""
        found = self._found(container).attrs
        return [str(argument) for argument in (found.get("Path"), *(found.get("Args") or ())) if argument]

    def environment(self, container: str) -> dict[str, str]:
        """Return the environment that a container starts with; raises LifeboatError when there is no such container."""
        written = self._found(container).attrs["Config"].get("Env") or []
        return dict(variable.split("=", 1) for variable in written if "=" in variable)

    def _found(self, container: str) -> DockerContainer:
        with translated(f"container {container}"):
            try:
                return self.client().containers.get(container)
            except docker.errors.NotFound as error:
                raise LifeboatError(
                    f"there is no container {container} on this machine",
                    hint="docker ps -a lists them; a place is docker:container:/path",
                ) from error


def _below(base: Path, path: Path, container: str) -> Path:
    """Return `path` below `base`; refuses a symbolic link, which leads elsewhere outside the container."""
    for part in (*reversed(path.parents), path):
        if (base / part).is_symlink() and part != Path():
            raise LifeboatError(
                f"{part} of container {container} is a symbolic link to {(base / part).readlink()}",
                hint="write the path that the link leads to, as the container sees it",
            )
    return base / path
