"""Reads and writes the files of a place on another machine, `ssh:host:/path`: many files are one stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from backups.errors import LifeboatError
from backups.hosts.connection import HostConnection
from backups.places import put as putting
from backups.places.base import Ownership, PlacedFile
from backups.places.links import inside
from backups.places.remote import fetch as fetching
from backups.places.remote import sqlite
from backups.places.remote.put import RemoteTarget
from backups.places.remote.shell import RemoteRoot, fields, quoted

_BEGIN = "lifeboat-begins"


@dataclass(frozen=True)
class SshPlace:
    """The directory `root` on the machine of `connection`."""

    connection: HostConnection
    root: str

    def __str__(self) -> str:
        return f"ssh:{self.connection.name}:{self.root}"

    def check(self) -> None:
        """See Place."""
        result = self._remote.run_script(
            f"""
            echo {_BEGIN}
            for tool in tar find realpath stat df; do
                "$tool" --version 2>/dev/null | grep -q GNU || {{ echo "$tool"; exit 3; }}
            done
            [ -d {quoted(self.root)} ] || exit 4
            [ -r {quoted(self.root)} ] && [ -x {quoted(self.root)} ] || exit 5
            """
        )
        before, _, output = result.output.decode(errors="replace").partition(f"{_BEGIN}\n")
        if before:
            raise LifeboatError(
                f"the login of {self.connection} prints text before every command: {before.strip()[:80]}",
                hint=f"put `[[ $- == *i* ]] || return` before it in ~{self.connection.settings.user}/.bashrc there",
            )
        if result.code == 3:
            raise LifeboatError(
                f"{self.connection} has no GNU {output.strip()}, which a place over SSH needs",
                hint="install it there: apt-get install tar findutils coreutils, or: apk add tar findutils coreutils",
            )
        if result.code == 4:
            raise LifeboatError(
                f"{self} is not a directory on {self.connection}",
                hint=f"is the path right, and may {self.connection.settings.user} see it? `sudo: true` runs commands as root",
            )
        if result.code == 5:
            raise LifeboatError(
                f"{self} cannot be read: Permission denied",
                hint=f"let {self.connection.settings.user} read it, or set hosts.{self.connection.name}.sudo: true",
            )
        if result.code != 0:
            raise self._remote.fault(f"{self} cannot be read", result)

    def exists(self, path: str) -> bool:
        """See Place."""
        result = self._remote.run_inside(path, 'if [ -e "$t" ]; then echo yes; else echo no; fi')
        if result.code != 0:
            raise self._remote.fault(f"{path} of {self} cannot be read", result)
        return result.output == b"yes\n"

    def files(self, path: str = ".") -> list[PlacedFile]:
        """See Place."""
        # A file that the service removes meanwhile is left out; one that may not be read is an error.
        result = self._remote.run_inside(
            path, '[ -e "$t" ] || exit 4; find -H "$t" -ignore_readdir_race -type f -printf "%s\\0%P\\0"'
        )
        if result.code == 4:
            raise LifeboatError(f"{path} is not in {self}", hint="is the place the directory that the service writes to?")
        errors = [line for line in result.errors.splitlines() if not line.endswith(": No such file or directory")]
        if result.code != 0 and (errors or not result.errors):
            raise self._remote.fault(f"{path} of {self} cannot be listed", result)
        found = fields(result.output)
        sizes = zip(found[1::2], map(int, found[::2]), strict=True)
        return sorted(
            (PlacedFile((PurePosixPath(path) / name).as_posix(), size) for name, size in sizes), key=lambda file: file.path
        )

    def links(self) -> dict[str, str | None]:
        """See Place."""
        result = self._remote.run_script(
            f"""
            r=$(realpath -e -- {quoted(self.root)} && echo .) || exit; r=${{r%??}}
            printf '%s\\0' "$r"
            find "$r" -ignore_readdir_race -type l -exec sh -c '
                for l; do
                    printf "%s\\0" "$l"; realpath -mz -- "$l"
                    if [ -e "$l" ]; then printf "there\\0"; else printf "gone\\0"; fi
                done' sh {{}} +
            """
        )
        if result.code != 0:
            raise self._remote.fault(f"{self} cannot be listed", result)
        root, *found = fields(result.output)
        triples = zip(found[::3], found[1::3], found[2::3], strict=True)
        named = ((PurePosixPath(link).relative_to(root).as_posix(), real, state) for link, real, state in triples)
        return {path: inside(path, root, real, there=state == "there") for path, real, state in named}

    def fetch(self, paths: Sequence[str], into: Path) -> None:
        """See Place."""
        fetching.fetch(self._remote, paths, into)

    def remove(self, path: str) -> None:
        """See Place."""
        if self._remote.inside(path) == str(PurePosixPath(self.root)):
            raise ValueError(f"refusing to remove the whole of {self}")
        result = self._remote.run_inside(path, '[ "$(realpath -m -- "$t")" != "$r" ] || exit 4; rm -rf -- "$t"')
        if result.code == 4:
            raise ValueError(f"refusing to remove the whole of {self}")
        if result.code != 0:
            raise self._remote.fault(f"{path} of {self} cannot be removed", result)

    def fetch_sqlite(self, path: str, destination: Path, *, seconds: float) -> None:
        """See Place."""
        sqlite.fetch(self._remote, path, destination, seconds)

    def entries(self) -> list[str] | None:
        """See Place."""
        names = self._target.inspect().names
        return None if names is None else putting.occupying(names)

    def free(self) -> int:
        """See Place."""
        return self._target.inspect().free

    def put(self, tree: Path, ownership: Ownership) -> None:
        """See Place."""
        self._target.put(tree, ownership)

    def move_aside(self, suffix: str) -> str:
        """See Place."""
        return f"ssh:{self.connection.name}:{self._target.move_aside(suffix)}"

    def run(self, command: str, *, seconds: float) -> tuple[int, str]:
        """See Place."""
        result = self._remote.require_sudo(self.connection.run(f"{{ {command}\n}} 2>&1", seconds=seconds))
        return result.code, (result.output.decode(errors="replace") + result.errors).strip()

    @property
    def _remote(self) -> RemoteRoot:
        return RemoteRoot(self.connection, self.root, str(self))

    @property
    def _target(self) -> RemoteTarget:
        return RemoteTarget(self._remote)
