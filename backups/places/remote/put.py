"""Puts a directory tree on another machine: by one tar stream beside the root, compared there, synced, renamed last."""

import contextlib
import logging
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from backups.errors import LifeboatError, Transient
from backups.hosts.session import CommandResult, Session
from backups.places import put as putting
from backups.places.base import Ownership
from backups.places.local import filesystem
from backups.places.put import PARTIAL, Entry
from backups.places.remote import shell
from backups.places.remote.inspect import RootState, inspect
from backups.places.remote.shell import SECONDS, RemoteRoot, fields, quoted

log = logging.getLogger(__name__)

_FULL = ("No space left on device", "Disk quota exceeded")

_FOREIGN_LINK = 8

_PIECE = 1024 * 1024
"""Bytes of a file that are read at once."""


class _Sink:
    """A session as a file to write to: the stream writer of tarfile would copy every byte three times more."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._written = 0

    def tell(self) -> int:
        """Return the bytes written so far."""
        return self._written

    def write(self, data: bytes) -> int:
        """Send all of `data`."""
        self._written += len(data)
        return self._session.write(data)


@dataclass(frozen=True)
class RemoteTarget:
    """The root of a place on another machine, to be filled or moved aside."""

    remote: RemoteRoot

    def inspect(self) -> RootState:
        """Read the state of the root."""
        return inspect(self.remote)

    def put(self, tree: Path, ownership: Ownership) -> None:
        """See `Place.put`. A stream that broke is sent again; the rename is tried once."""
        sent = putting.inventory(tree)
        state = inspect(self.remote, ownership.names)
        putting.require_empty(self.remote.name, state.names or [])
        putting.require_room(self.remote.name, sum(entry.size for entry in sent.values()), state.free)
        given = (
            ownership.user if state.user is None else state.user,
            ownership.group if state.group is None else state.group,
            ownership.mode,
        )
        owner = given if state.names is None else state.owner
        partial = f"{state.real.rstrip('/')}/{PARTIAL}" if state.mounted else f"{state.real}{PARTIAL}"
        with self._cleared_after(BaseException, partial):
            opened = self._send_with_retries(tree, sent, partial, owner, state)
            self._settle(opened, owner, state)
        # After a broken connection the rename may still be running there, so nothing is removed then.
        with self._cleared_after(LifeboatError, partial):
            renamed = self._rename(opened, partial, state)
        if not renamed:
            self._require_renamed(partial)
        self._checked(self.remote.run_script(f"sync -f {quoted(str(PurePosixPath(state.real).parent))}"))
        filesystem.remove(tree)

    def move_aside(self, suffix: str) -> str:
        """Rename the root; returns its new path."""
        state, name = self.inspect(), self.remote.name
        aside = f"{state.real}.{suffix}"
        hint = "move its contents elsewhere by hand, or restore to another place"
        if state.names is None:
            raise LifeboatError(f"{name} does not exist, so it cannot be moved aside", hint="leave --replace out")
        if state.mounted:
            raise LifeboatError(f"{name} is a mount point, which cannot be renamed", hint=hint)
        self._require_own_links()
        result = self.remote.run_script(
            f"if [ -e {quoted(aside)} ] || [ -L {quoted(aside)} ]; then exit 4; fi\n"
            f"mv -T -- {quoted(state.real)} {quoted(aside)}",
            retry=False,
        )
        if result.code == 4:
            raise LifeboatError(f"{name} cannot be moved aside: {aside} exists already", hint="move that one away first")
        if result.code != 0:
            raise self.remote.fault(f"{name} cannot be moved aside to {aside}", result)
        return aside

    @contextlib.contextmanager
    def _cleared_after(self, fault: type[BaseException], partial: str) -> Iterator[None]:
        try:
            yield
        except fault:
            with contextlib.suppress(LifeboatError):
                self.remote.run_script(_removed(partial), retry=False)
            raise

    def _send_with_retries(
        self, tree: Path, sent: Mapping[str, Entry], partial: str, owner: tuple[int, int, int], state: RootState
    ) -> str:
        """Send the files; returns the script that enters the directory that holds them."""
        self._require_own_links()

        def send() -> str:
            # The directory is new each time: an old tar that still writes, writes into one that was removed.
            opened = self._make(partial, state)
            self._checked(self._send(tree, sent, opened, owner, state))
            return opened

        opened = shell.with_retries(send)
        putting.compare(self.remote.name, sent, self._received(opened))
        return opened

    def _require_own_links(self) -> None:
        """Raise LifeboatError where a link on the way to the root is somebody else's, who may have it lead anywhere."""
        result = self.remote.run_script(
            f"""
            [ "$(id -u)" = 0 ] || exit 0
            p={quoted(self.remote.root)}
            while [ "$p" != / ]; do
                d=$(dirname -- "$p" && echo .) || exit; d=${{d%??}}
                if [ -L "$p" ]; then
                    set -- "$(stat -c %u -- "$p")" "$(stat -L -c %u -- "$d")" "$(stat -L -c %a -- "$d")"
                    w=$((0$3 & 022)); t=$((0$3 & 01000))
                    if [ "$1$2" != 00 ] || {{ [ $w != 0 ] && [ $t = 0 ]; }}; then printf %s "$p"; exit {_FOREIGN_LINK}; fi
                fi
                p=$d
            done
            """
        )
        if result.code == _FOREIGN_LINK:
            link = result.output.decode("utf-8", "backslashreplace")
            raise LifeboatError(
                f"{link}, on the way to {self.remote.name}, is a symbolic link that others than root may change",
                hint="name what it leads to",
            )
        self._checked(result)

    def _make(self, partial: str, state: RootState) -> str:
        """Make the directory; returns the script that enters it, and fails where somebody has exchanged it."""
        made = self._checked(
            self.remote.run_script(
                f"""
                set -e
                mkdir -p -- {quoted(str(PurePosixPath(partial).parent))}
                {_removed(partial)}
                umask 077; mkdir -- {quoted(partial)}; stat -c '%d:%i %u %F' -- {quoted(partial)}
                """,
                retry=False,
            )
        )
        identity, _, what = made.output.decode().strip().partition(" ")
        if what != f"{state.ourselves} directory":
            raise LifeboatError(
                f"{partial} of {self.remote.connection} was exchanged by somebody", hint="who else may write beside it?"
            )
        return (
            f'cd -P -- {quoted(partial)}; [ "$(stat -c %d:%i .)" = {identity} ] '
            "|| { echo 'it was exchanged by somebody' >&2; exit 1; }"
        )

    def _send(
        self, tree: Path, sent: Mapping[str, Entry], opened: str, owner: tuple[int, int, int], state: RootState
    ) -> CommandResult:
        owned = "--same-owner" if state.ourselves == 0 else "--no-same-owner"
        script = f"""
            export LC_ALL=C; set -e; umask 077
            {opened}
            exec tar --extract --file=- --preserve-permissions --numeric-owner {owned}
        """

        def owned_by(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.uid, member.gid, member.uname, member.gname = owner[0], owner[1], "", ""
            return member

        with self.remote.connection.session(script) as session:
            # An error of tar shows at its end.
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
                    writer.add(tree / name, f"./{name}", recursive=False, filter=owned_by)
            session.close_input()
            return session.end(SECONDS)

    def _received(self, opened: str) -> dict[str, Entry]:
        result = self._checked(self.remote.run_script(f"set -e\n{opened}\nfind . -mindepth 1 -printf '%y\\0%m\\0%s\\0%P\\0'"))
        found = fields(result.output)
        return {
            path: Entry(kind, 0 if kind == "l" else int(mode, 8), int(size) if kind == "f" else 0)
            for kind, mode, size, path in zip(found[::4], found[1::4], found[2::4], found[3::4], strict=True)
        }

    def _settle(self, opened: str, owner: tuple[int, int, int], state: RootState) -> None:
        """Set the owner and mode of the root, and sync its files to the disk; may take long, and may be done twice."""
        if state.ourselves not in (0, owner[0]):
            log.warning(
                "the files of %s belong to %s, not to %d:%d, since Lifeboat is not root there; change that before the start",
                *(self.remote.name, self.remote.connection.settings.user, *owner[:2]),
            )
        chown = f"chown {owner[0]}:{owner[1]} .\n" if state.ourselves == 0 else ""
        self._checked(self.remote.run_script(f"set -e\n{opened}\n{chown}chmod {owner[2]:o} .\nsync -f ."))

    def _rename(self, opened: str, partial: str, state: RootState) -> bool:
        """Rename the files to the root, once; returns whether the answer came."""
        root, new = quoted(state.real), quoted(partial)
        # What is renamed has to be the directory that was entered: that is still the present one afterwards.
        move = f'{opened}\nmv -T -- {new} {root}; [ . -ef {root} ] || {{ echo "it was exchanged by somebody" >&2; exit 1; }}'
        if state.mounted:
            move = f"""
                {opened}
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
            self._checked(self.remote.run_script(f"set -e\n{move}", retry=False))
        except Transient:
            return False
        return True

    def _require_renamed(self, partial: str) -> None:
        """Raise Transient unless the rename was done although its answer did not come."""
        time.sleep(shell.PAUSE)
        left = self._checked(self.remote.run_script(f"if [ -e {quoted(partial)} ]; then echo yes; fi")).output
        if left or self.inspect().names is None:
            raise Transient(
                f"the connection to {self.remote.connection} was cut while {partial} was renamed",
                hint="the root is as it was: start again, and the partial copy is replaced",
            )

    def _checked(self, result: CommandResult) -> CommandResult:
        self.remote.require_sudo(result)
        if any(text in result.errors for text in _FULL):
            raise putting.disk_full(self.remote.name, self.inspect().free)
        if result.code != 0:
            raise self.remote.fault(f"nothing can be put into {self.remote.name}", result)
        return result


def _removed(partial: str) -> str:
    """Return a script that removes what an earlier attempt left; a tar still writing there ends soon, its connection is gone."""
    return f"rm -rf -- {quoted(partial)} || {{ sleep 2; rm -rf -- {quoted(partial)}; }}"
