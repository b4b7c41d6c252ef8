"""Checks what a snapshot holds, before restic writes any of it and again on disk: plain files of the manifest, and directories.

A link, a device, a pipe, a name that is there twice or a file that no manifest lists is Damaged: restic, run as root, would make
the link, set modes through it, and give a program its setuid bit.
"""

import json
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backups.errors import Damaged, LifeboatError
from backups.foreign import shown
from backups.manifest import DATA, FILE_NAME, Manifest

_HINT = "Lifeboat saves no such thing: was this snapshot put there by somebody else? take another backup: lifeboat list {service}"
_KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


@dataclass(frozen=True)
class Node:
    """One thing in a snapshot: its path from the root (`/data/…`), and restic's word for what it is."""

    path: str
    type: str


def read(found: bytes, snapshots: Sequence[str]) -> dict[str, tuple[Node, ...]]:
    """Read what `restic find --json` prints of these snapshots; raises LifeboatError for one that it says nothing of."""
    trees = {
        str(each["snapshot"]): tuple(Node(str(node["path"]), str(node["type"])) for node in each["matches"])
        for each in json.loads(found or b"[]")
    }
    if absent := [snapshot for snapshot in snapshots if snapshot not in trees]:
        raise LifeboatError(
            f"snapshot {absent[0][:8]} does not exist any more, or holds nothing",
            hint="was it pruned meanwhile? see: lifeboat list",
        )
    return trees


def require_plain(nodes: Iterable[Node], manifest: Manifest) -> None:
    """Raise Damaged, naming it, when a snapshot holds anything but the manifest, the files that it lists, and directories."""
    files = {f"/{FILE_NAME}", *(f"/{DATA}/{entry.path}" for entry in manifest.files)}
    found: set[str] = set()
    for node in nodes:
        if node.path in found:
            raise _odd(manifest, f"two things of the name {shown(node.path)}")
        found.add(node.path)
        if node.type == "file":
            if node.path not in files:
                raise _odd(manifest, f"the file {shown(node.path)}, which its manifest does not list")
        elif node.type != "dir":
            raise _odd(manifest, f"{shown(node.path)}, which is neither a file nor a directory: {shown(node.type)}")
        elif not f"{node.path}/".startswith(f"/{DATA}/"):
            raise _odd(manifest, f"the directory {shown(node.path)} beside its data")


def make_private(directory: Path) -> None:
    """Give everything below a fetched directory to this user alone: what modes, owners and attributes it has is foreign."""
    root = os.geteuid() == 0
    for path, status in _below(directory):
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            # Left to `require_plain_on_disk`, which names it.
            continue
        if root:
            os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        Path(path).chmod(0o700 if stat.S_ISDIR(status.st_mode) else 0o600)
        # Capabilities, and lists of who else may read; not every file system has them, and some are the system's own.
        with suppress(OSError):
            for name in os.listxattr(path, follow_symlinks=False):
                with suppress(OSError):
                    os.removexattr(path, name, follow_symlinks=False)


def require_plain_on_disk(data: Path, manifest: Manifest) -> None:
    """Raise Damaged, naming it, when there is anything below `data` but files of the manifest, each once, and directories."""
    files = {entry.path for entry in manifest.files}
    for path, status in _below(data):
        name = os.path.relpath(path, data)
        if stat.S_ISDIR(status.st_mode):
            continue
        if not stat.S_ISREG(status.st_mode):
            raise _odd(manifest, f"{shown(name)}, which is {_KINDS.get(stat.S_IFMT(status.st_mode), 'a device')}")
        if name not in files:
            raise _odd(manifest, f"the file {shown(name)}, which its manifest does not list")
        if status.st_nlink != 1:
            raise _odd(manifest, f"{shown(name)}, which has another name elsewhere (a hard link)")


def _below(directory: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the directory and everything below it, and follow no link."""
    try:
        top = os.lstat(directory)
    except FileNotFoundError:
        return
    yield str(directory), top
    if not stat.S_ISDIR(top.st_mode):
        return
    # A stack, no recursion: whoever has made the tree chose its depth.
    waiting = [str(directory)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                yield entry.path, status
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)


def _odd(manifest: Manifest, what: str) -> Damaged:
    return Damaged(f"the snapshot of backup {manifest.id} holds {what}", hint=_HINT.format(service=manifest.service))


def batches(paths: Collection[str], most_bytes: int) -> Iterator[list[str]]:
    """Deal paths out so that those of one batch fit on a command line."""
    batch: list[str] = []
    room = most_bytes
    for path in paths:
        # An escaped byte is two, and the kernel counts a pointer and an end for each of both arguments.
        needed = 2 * len(path.encode()) + 40
        if batch and needed > room:
            yield batch
            batch, room = [], most_bytes
        batch.append(path)
        room -= needed
    if batch:
        yield batch
