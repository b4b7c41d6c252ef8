"""Files of another machine by one tar stream. Each is written under another name and renamed when it is whole.

A broken connection is begun anew for the files that are not there yet; what came in part never bears its file's name.
"""

import contextlib
import tarfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from backups.errors import LifeboatError, Transient
from backups.hosts.session import Said, Session
from backups.machine import disk
from backups.places.remote import shell
from backups.places.remote.shell import SECONDS, Far, quoted
from backups.places.remote.tar_stream import members

_BATCH = 1024 * 1024
"""Bytes of names of one stream. More might wait for tar, while tar waits for us to take its files."""

_TAR = (
    "tar --create --file=- --format=gnu --no-recursion --dereference --hard-dereference --null --verbatim-files-from --no-unquote"
)


def fetch(place: Far, paths: Sequence[str], into: Path) -> None:
    """See `Place.fetch`."""
    wanted = {_relative(place, path): path for path in paths}
    into.mkdir(parents=True, exist_ok=True)
    if not wanted:
        return
    _require_inside(place, wanted)
    arrived: dict[str, int] = {}
    with disk.full_disk_told(into, f"the copy from {place.name}"):
        for batch in _batches(list(wanted)):
            _batch(place, batch, into, arrived)
    _compare(place, arrived, into)


def _batch(place: Far, batch: list[str], into: Path, arrived: dict[str, int]) -> None:
    for attempt in range(1, shell.ATTEMPTS + 1):
        missing = [name for name in batch if name not in arrived]
        try:
            _stream(place, missing, into, arrived)
        except Transient:
            if attempt == shell.ATTEMPTS:
                raise
            time.sleep(shell.PAUSE * attempt)
        else:
            return


def _stream(place: Far, names: list[str], into: Path, arrived: dict[str, int]) -> None:
    script = f"export LC_ALL=C\ncd -- {quoted(place.root)} && exec {_TAR} --files-from=-"
    with place.connection.session(script) as session:
        # Whatever it has against us, it says at its end; and there it shows whether a piece is missing.
        with contextlib.suppress(BrokenPipeError):
            session.write(shell.lines_of([f"./{name}" for name in names]))
        session.close_input()
        with contextlib.suppress(tarfile.TarError):
            _unpack(session, set(names), into, arrived)
        said = place.permitted(session.end(SECONDS))
    _judge(place, said, [name for name in names if name not in arrived])


def _unpack(session: Session, names: set[str], into: Path, arrived: dict[str, int]) -> None:
    for member, stream in members(session.read):
        name = member.name.removeprefix("./")
        if not member.isreg() or name not in names:
            continue
        partial = into / f".lifeboat-partial-{uuid.uuid4().hex}"
        try:
            with partial.open("wb", buffering=0) as file:
                stream.copy(member.size, file)
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.rename(target)
        finally:
            partial.unlink(missing_ok=True)
        arrived[name] = member.size


def _judge(place: Far, said: Said, missing: list[str]) -> None:
    """Raise LifeboatError for what tar complained about, unless it is only that a file is being written to: sizes tell that."""
    for line in said.errors.splitlines():
        if ": File shrank by " in line:
            path = line.removeprefix("tar: ").partition(": File shrank by ")[0].removeprefix("./")
            raise LifeboatError(f"{path} of {place.name} changed while it was copied: it shrank", hint="try again")
    if not missing and said.code in (0, 1):
        return
    reason = shell.last_line(said)
    if said.code == 0:
        reason = "it is no file"
    elif missing:
        reason = reason.rpartition(": ")[2]
    raise LifeboatError(
        f"{missing[0] if missing else 'something'} of {place.name} cannot be read: {reason}",
        hint="did the service remove it meanwhile, and may Lifeboat read it?",
    )


def _compare(place: Far, arrived: dict[str, int], into: Path) -> None:
    """Raise LifeboatError, and remove what is short, unless each file there still has the size that came."""
    for names in _batches(list(arrived)):
        said = place.ask(
            f"cd -- {quoted(place.root)} && xargs -0 -r stat -L --printf='%s\\0%n\\0' --",
            stdin=shell.lines_of([f"./{name}" for name in names]),
        )
        found = shell.words(said.output)
        sizes = dict(zip((name.removeprefix("./") for name in found[1::2]), map(int, found[::2]), strict=True))
        for name in names:
            if sizes.get(name) == arrived[name]:
                continue
            (into / name).unlink(missing_ok=True)
            if name not in sizes:
                raise LifeboatError(
                    f"{name} of {place.name} cannot be read: {shell.last_line(said).rpartition(': ')[2]}",
                    hint="did the service remove it meanwhile, and may Lifeboat read it?",
                )
            raise LifeboatError(
                f"{name} of {place.name} changed while it was copied: {arrived[name]} bytes came, it has {sizes[name]}",
                hint="try again",
            )


def _relative(place: Far, path: str) -> str:
    place.inside(path)
    return PurePosixPath(path).as_posix()


def _require_inside(place: Far, wanted: dict[str, str]) -> None:
    """Raise LifeboatError when a link of the way to any of them leads outside."""
    for names in _batches(list(wanted)):
        said = place.ask(
            f"cd -- {quoted(place.root)} && realpath -z -- . && xargs -0 -r realpath -m -z --",
            stdin=shell.lines_of([f"./{name}" for name in names]),
        )
        found = shell.words(said.output)
        if said.code != 0 or len(found) != len(names) + 1:
            raise place.fault(f"{place.name} cannot be looked at", said)
        root = PurePosixPath(found[0])
        for name, real in zip(names, found[1:], strict=True):
            if not PurePosixPath(real).is_relative_to(root):
                raise place.leads_out(wanted[name])


def _batches(names: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for name in names:
        if batch and size + len(name) * 4 > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += len(name.encode("utf-8", "surrogateescape")) + 3
    if batch:
        yield batch
