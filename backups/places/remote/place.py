"""Files of another machine: `ssh:host:/path`. Reading many files is one stream, never one call each."""

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
from backups.places.remote.put import FarArrival
from backups.places.remote.shell import Far, quoted, words

_BEGIN = "lifeboat-begins"


@dataclass(frozen=True)
class SshPlace:
    """`root` on the machine that `connection` leads to. Its name in `hosts:` is the connection's."""

    connection: HostConnection
    root: str

    def __str__(self) -> str:
        return f"ssh:{self.connection.name}:{self.root}"

    def check(self) -> None:
        """See Place."""
        said = self._far.ask(
            f"""
            echo {_BEGIN}
            for tool in tar find realpath stat df; do
                "$tool" --version 2>/dev/null | grep -q GNU || {{ echo "$tool"; exit 3; }}
            done
            [ -d {quoted(self.root)} ] || exit 4
            [ -r {quoted(self.root)} ] && [ -x {quoted(self.root)} ] || exit 5
            """
        )
        before, _, output = said.output.decode(errors="replace").partition(f"{_BEGIN}\n")
        if before:
            raise LifeboatError(
                f"the login of {self.connection} prints what no command asked for: {before.strip()[:80]}",
                hint=f"put `[[ $- == *i* ]] || return` before it in ~{self.connection.settings.user}/.bashrc or its like there",
            )
        if said.code == 3:
            raise LifeboatError(
                f"{self.connection} has no GNU {output.strip()}, which places over SSH need",
                hint="install it there: apt-get install tar findutils coreutils, or: apk add tar findutils coreutils",
            )
        if said.code == 4:
            raise LifeboatError(
                f"{self} is not a directory on {self.connection}",
                hint=f"is the path right, and may {self.connection.settings.user} see it? `sudo: true` makes Lifeboat root there",
            )
        if said.code == 5:
            raise LifeboatError(
                f"{self} cannot be read: Permission denied",
                hint=f"let {self.connection.settings.user} read it, or set hosts.{self.connection.name}.sudo: true",
            )
        if said.code != 0:
            raise self._far.fault(f"{self} cannot be looked at", said)

    def exists(self, path: str) -> bool:
        """See Place."""
        said = self._far.ask_inside(path, 'if [ -e "$t" ]; then echo yes; else echo no; fi')
        if said.code != 0:
            raise self._far.fault(f"{path} of {self} cannot be looked at", said)
        return said.output == b"yes\n"

    def files(self, path: str = ".") -> list[PlacedFile]:
        """See Place."""
        # What a living service removes meanwhile is passed by; what may not be read is an error.
        said = self._far.ask_inside(path, '[ -e "$t" ] || exit 4; find -H "$t" -ignore_readdir_race -type f -printf "%s\\0%P\\0"')
        if said.code == 4:
            raise LifeboatError(f"{path} is not in {self}", hint="is the place the directory that the service writes to?")
        vanished = [line for line in said.errors.splitlines() if not line.endswith(": No such file or directory")]
        if said.code != 0 and (vanished or not said.errors):
            raise self._far.fault(f"{path} of {self} cannot be listed", said)
        found = words(said.output)
        sizes = zip(found[1::2], map(int, found[::2]), strict=True)
        return sorted(
            (PlacedFile((PurePosixPath(path) / name).as_posix(), size) for name, size in sizes), key=lambda file: file.path
        )

    def links(self) -> dict[str, str | None]:
        """See Place."""
        said = self._far.ask(
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
        if said.code != 0:
            raise self._far.fault(f"{self} cannot be listed", said)
        root, *found = words(said.output)
        triples = zip(found[::3], found[1::3], found[2::3], strict=True)
        named = ((PurePosixPath(link).relative_to(root).as_posix(), real, state) for link, real, state in triples)
        return {path: inside(path, root, real, there=state == "there") for path, real, state in named}

    def fetch(self, paths: Sequence[str], into: Path) -> None:
        """See Place."""
        fetching.fetch(self._far, paths, into)

    def remove(self, path: str) -> None:
        """See Place."""
        if self._far.inside(path) == str(PurePosixPath(self.root)):
            raise ValueError(f"refusing to remove the whole of {self}")
        said = self._far.ask_inside(path, '[ "$(realpath -m -- "$t")" != "$r" ] || exit 4; rm -rf -- "$t"')
        if said.code == 4:
            raise ValueError(f"refusing to remove the whole of {self}")
        if said.code != 0:
            raise self._far.fault(f"{path} of {self} cannot be removed", said)

    def fetch_sqlite(self, path: str, destination: Path, *, seconds: float) -> None:
        """See Place."""
        sqlite.fetch(self._far, path, destination, seconds)

    def entries(self) -> list[str] | None:
        """See Place."""
        names = self._arrival.look().names
        return None if names is None else putting.held(names)

    def free(self) -> int:
        """See Place."""
        return self._arrival.look().free

    def put(self, tree: Path, ownership: Ownership) -> None:
        """See Place."""
        self._arrival.put(tree, ownership)

    def move_aside(self, suffix: str) -> str:
        """See Place."""
        return f"ssh:{self.connection.name}:{self._arrival.move_aside(suffix)}"

    def run(self, command: str, *, seconds: float) -> tuple[int, str]:
        """See Place."""
        said = self._far.permitted(self.connection.run(f"{{ {command}\n}} 2>&1", seconds=seconds))
        return said.code, (said.output.decode(errors="replace") + said.errors).strip()

    @property
    def _far(self) -> Far:
        return Far(self.connection, self.root, str(self))

    @property
    def _arrival(self) -> FarArrival:
        return FarArrival(self._far)
