"""Fetches many files of another machine by one tar stream.

Each file is written under a temporary name and renamed when it is complete. After a broken connection, only the files that are
missing are fetched again.
"""

import contextlib
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from backups.errors import LifeboatError
from backups.hosts.session import CommandResult, Session
from backups.machine import disk
from backups.places.remote import shell
from backups.places.remote.shell import SECONDS, RemoteRoot, quoted
from backups.places.remote.tar_stream import members

_BATCH = 1024 * 1024
"""Bytes of names for one stream. With more, writing names might wait for tar while tar waits for its output to be read."""

_TAR = "tar --create --file=- --format=gnu --no-recursion --hard-dereference --null --verbatim-files-from --no-unquote"


def fetch(place: RemoteRoot, paths: Sequence[str], into: Path) -> None:
    """See `Place.fetch`."""
    wanted = {_relative(place, path): path for path in paths}
    into.mkdir(parents=True, exist_ok=True)
    if not wanted:
        return
    _require_inside(place, wanted)
    received: dict[str, int] = {}
    with disk.full_disk_reported(into, f"the copy from {place.name}"):
        for batch in _batches(list(wanted)):
            _batch(place, batch, into, received)
    _compare(place, received, into)


def _batch(place: RemoteRoot, batch: list[str], into: Path, received: dict[str, int]) -> None:
    shell.with_retries(lambda: _stream(place, [name for name in batch if name not in received], into, received))


def _stream(place: RemoteRoot, names: list[str], into: Path, received: dict[str, int]) -> None:
    script = f"export LC_ALL=C\ncd -- {quoted(place.root)} && exec {_TAR} --files-from=-"
    with place.connection.session(script) as session:
        # An error of tar shows at its end, and so does a file that is missing.
        with contextlib.suppress(BrokenPipeError):
            session.write(shell.nul_terminated([f"./{name}" for name in names]))
        session.close_input()
        with contextlib.suppress(tarfile.TarError):
            _unpack(session, set(names), into, received)
        result = place.require_sudo(session.end(SECONDS))
    _judge(place, result, [name for name in names if name not in received])


def _unpack(session: Session, names: set[str], into: Path, received: dict[str, int]) -> None:
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
        received[name] = member.size


def _judge(place: RemoteRoot, result: CommandResult, missing: list[str]) -> None:
    """Raise LifeboatError for tar's errors, except that a file is being written to: that shows in the sizes."""
    for line in result.errors.splitlines():
        if ": File shrank by " in line:
            path = line.removeprefix("tar: ").partition(": File shrank by ")[0].removeprefix("./")
            raise LifeboatError(f"{path} of {place.name} changed while it was copied: it shrank", hint="try again")
    if not missing and result.code in (0, 1):
        return
    reason = shell.last_line(result)
    if result.code == 0:
        reason = "it is not a file"
    elif missing:
        reason = reason.rpartition(": ")[2]
    raise LifeboatError(
        f"{missing[0] if missing else 'something'} of {place.name} cannot be read: {reason}",
        hint="did the service remove it meanwhile? may Lifeboat read it?",
    )


def _compare(place: RemoteRoot, received: dict[str, int], into: Path) -> None:
    """Raise LifeboatError, and remove the copy, when a file there has another size than the copy."""
    for names in _batches(list(received)):
        result = place.run_script(
            f"cd -- {quoted(place.root)} && xargs -0 -r stat --printf='%s\\0%n\\0' --",
            stdin=shell.nul_terminated([f"./{name}" for name in names]),
        )
        found = shell.fields(result.output)
        sizes = dict(zip((name.removeprefix("./") for name in found[1::2]), map(int, found[::2]), strict=True))
        for name in names:
            if sizes.get(name) == received[name]:
                continue
            (into / name).unlink(missing_ok=True)
            if name not in sizes:
                raise LifeboatError(
                    f"{name} of {place.name} cannot be read: {shell.last_line(result).rpartition(': ')[2]}",
                    hint="did the service remove it meanwhile? may Lifeboat read it?",
                )
            raise LifeboatError(
                f"{name} of {place.name} changed while it was copied: {received[name]} bytes were copied, it has {sizes[name]}",
                hint="try again",
            )


def _relative(place: RemoteRoot, path: str) -> str:
    place.inside(path)
    return PurePosixPath(path).as_posix()


def _require_inside(place: RemoteRoot, wanted: dict[str, str]) -> None:
    """Raise LifeboatError when a link in any of the paths leads outside."""
    for names in _batches(list(wanted)):
        result = place.run_script(
            f"cd -- {quoted(place.root)} && realpath -z -- . && xargs -0 -r realpath -m -z --",
            stdin=shell.nul_terminated([f"./{name}" for name in names]),
        )
        found = shell.fields(result.output)
        if result.code != 0 or len(found) != len(names) + 1:
            raise place.fault(f"{place.name} cannot be read", result)
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
