"""A tree becomes a directory of another machine: by one tar stream beside it, compared there, synced, renamed last."""

import contextlib
import logging
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from backups.errors import LifeboatError, Transient
from backups.hosts.session import Said, Session
from backups.places import put as putting
from backups.places.base import Ownership
from backups.places.local import filesystem
from backups.places.put import PARTIAL, Entry
from backups.places.remote import shell
from backups.places.remote.inspect import Look, look
from backups.places.remote.shell import SECONDS, Far, quoted, words

log = logging.getLogger(__name__)

_FULL = ("No space left on device", "Disk quota exceeded")


_PIECE = 1024 * 1024
"""Bytes of a file that are read at once."""


class _Sink:
    """A session as a file that is written to: tarfile's own stream writer would copy every byte three times more."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._written = 0

    def tell(self) -> int:
        """Bytes written until now."""
        return self._written

    def write(self, data: bytes) -> int:
        """Send all of it."""
        self._written += len(data)
        return self._session.write(data)


@dataclass(frozen=True)
class FarArrival:
    """Arrivals at one root of another machine."""

    far: Far

    def look(self) -> Look:
        """See what is there."""
        return look(self.far)

    def put(self, tree: Path, ownership: Ownership) -> None:
        """See `Place.put`. Only a stream that broke is begun anew: the rename is tried once."""
        sent = putting.inventory(tree)
        seen = look(self.far, ownership.names)
        putting.require_empty(self.far.name, seen.names or [])
        putting.require_room(self.far.name, sum(entry.size for entry in sent.values()), seen.free)
        given = (
            ownership.user if seen.user is None else seen.user,
            ownership.group if seen.group is None else seen.group,
            ownership.mode,
        )
        owner = given if seen.names is None else seen.owner
        partial = f"{seen.real.rstrip('/')}/{PARTIAL}" if seen.mounted else f"{seen.real}{PARTIAL}"
        with self._cleared_after(BaseException, partial):
            self._send_patiently(tree, sent, partial, owner, seen)
            self._settle(partial, owner, seen)
        # While it may be under way there, nothing is removed under its hands.
        with self._cleared_after(LifeboatError, partial):
            renamed = self._rename(partial, seen)
        if not renamed:
            self._require_renamed(partial)
        self._checked(self.far.ask(f"sync -f {quoted(str(PurePosixPath(seen.real).parent))}"))
        filesystem.remove(tree)

    def move_aside(self, suffix: str) -> str:
        """Rename the root; returns what it is now."""
        seen, name = self.look(), self.far.name
        aside = f"{seen.real}.{suffix}"
        hint = "move what it holds elsewhere by hand, or restore to another place"
        if seen.names is None:
            raise LifeboatError(f"{name} is not there, so it cannot be moved aside", hint="leave --replace out")
        if seen.mounted:
            raise LifeboatError(f"{name} is a mount point, which cannot be renamed", hint=hint)
        said = self.far.ask(
            f"if [ -e {quoted(aside)} ] || [ -L {quoted(aside)} ]; then exit 4; fi\nmv -T -- {quoted(seen.real)} {quoted(aside)}",
            again=False,
        )
        if said.code == 4:
            raise LifeboatError(f"{name} cannot be moved aside: {aside} is there already", hint="move that one away first")
        if said.code != 0:
            raise self.far.fault(f"{name} cannot be moved aside to {aside}", said)
        return aside

    @contextlib.contextmanager
    def _cleared_after(self, fault: type[BaseException], partial: str) -> Iterator[None]:
        try:
            yield
        except fault:
            with contextlib.suppress(LifeboatError):
                self.far.ask(_removed(partial), again=False)
            raise

    def _send_patiently(
        self, tree: Path, sent: Mapping[str, Entry], partial: str, owner: tuple[int, int, int], seen: Look
    ) -> None:
        for attempt in range(1, shell.ATTEMPTS + 1):
            try:
                self._checked(self._send(tree, sent, partial, owner, seen))
            except Transient:
                # The directory is new each time: what an old tar still writes, it writes into one that is gone.
                if attempt == shell.ATTEMPTS:
                    raise
                time.sleep(shell.PAUSE * attempt)
            else:
                break
        putting.compare(self.far.name, sent, self._arrived(partial))

    def _send(self, tree: Path, sent: Mapping[str, Entry], partial: str, owner: tuple[int, int, int], seen: Look) -> Said:
        owned = "--same-owner" if seen.ourselves == 0 else "--no-same-owner"
        script = f"""
            export LC_ALL=C; set -e
            mkdir -p -- {quoted(str(PurePosixPath(partial).parent))}
            {_removed(partial)}
            umask 077; mkdir -- {quoted(partial)}; cd -- {quoted(partial)}
            exec tar --extract --file=- --preserve-permissions --numeric-owner {owned}
        """

        def belongs(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.uid, member.gid, member.uname, member.gname = owner[0], owner[1], "", ""
            return member

        with self.far.connection.session(script) as session:
            # Whatever it has against us, it says at its end.
            with (
                contextlib.suppress(BrokenPipeError),
                tarfile.TarFile(
                    fileobj=cast("Any", _Sink(session)),
                    mode="w",
                    format=tarfile.GNU_FORMAT,
                    encoding="utf-8",
                    errors="surrogateescape",
                    copybufsize=_PIECE,
                ) as writer,
            ):
                for name in sorted(sent):
                    writer.add(tree / name, f"./{name}", recursive=False, filter=belongs)
            session.close_input()
            return session.end(SECONDS)

    def _arrived(self, partial: str) -> dict[str, Entry]:
        said = self._checked(self.far.ask(f"cd -- {quoted(partial)} && find . -mindepth 1 -printf '%y\\0%m\\0%s\\0%P\\0'"))
        found = words(said.output)
        return {
            path: Entry(kind, 0 if kind == "l" else int(mode, 8), int(size) if kind == "f" else 0)
            for kind, mode, size, path in zip(found[::4], found[1::4], found[2::4], found[3::4], strict=True)
        }

    def _settle(self, partial: str, owner: tuple[int, int, int], seen: Look) -> None:
        """What may take long, and may be done twice: the root's own owner and mode, and everything on the disk for good."""
        new = quoted(partial)
        if seen.ourselves not in (0, owner[0]):
            log.warning(
                "the files of %s belong to %s, not to %d:%d, since Lifeboat is not root there; change that before the start",
                *(self.far.name, self.far.connection.settings.user, *owner[:2]),
            )
        own = f"chown {owner[0]}:{owner[1]} -- {new}\n" if seen.ourselves == 0 else ""
        self._checked(self.far.ask(f"set -e\n{own}chmod {owner[2]:o} -- {new}\nsync -f {new}"))

    def _rename(self, partial: str, seen: Look) -> bool:
        """What takes a moment, and is done once; whether its answer came."""
        root, new = quoted(seen.real), quoted(partial)
        move = f"mv -T -- {new} {root}"
        if seen.mounted:
            move = f"""
                cd -- {new}
                back() {{
                    cd -- {root}
                    for e in .[!.]* ..?* *; do
                        case "$e" in {PARTIAL} | lost+found) continue ;; esac
                        if [ -e "$e" ] || [ -L "$e" ]; then mv -T -- "$e" {new}/"$e"; fi
                    done
                    exit 1
                }}
                for e in .[!.]* ..?* *; do
                    if [ -e "$e" ] || [ -L "$e" ]; then mv -T -- "$e" {root}/"$e" || back; fi
                done
                cd /; rmdir -- {new}; sync -f {root}
            """
        try:
            self._checked(self.far.ask(f"set -e\n{move}", again=False))
        except Transient:
            return False
        return True

    def _require_renamed(self, partial: str) -> None:
        """Raise Transient unless the rename was done, though its answer was lost."""
        time.sleep(shell.PAUSE)
        left = self._checked(self.far.ask(f"if [ -e {quoted(partial)} ]; then echo yes; fi")).output
        if left or self.look().names is None:
            raise Transient(
                f"the connection to {self.far.connection} was cut while {partial} was renamed to its last name",
                hint="nothing is lost: begin again, and it is replaced",
            )

    def _checked(self, said: Said) -> Said:
        self.far.permitted(said)
        if any(words in said.errors for words in _FULL):
            raise putting.filled(self.far.name, self.look().free)
        if said.code != 0:
            raise self.far.fault(f"nothing can be put into {self.far.name}", said)
        return said


def _removed(partial: str) -> str:
    """A script that removes what an earlier attempt left; whoever still writes there has lost its connection, and ends soon."""
    return f"rm -rf -- {quoted(partial)} || {{ sleep 2; rm -rf -- {quoted(partial)}; }}"
