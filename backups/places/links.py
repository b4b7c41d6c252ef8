"""Symbolic links of a place: which lead to something below its root, and what is fetched made whole by them."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


def inside(path: str, root: str, real: str, *, there: bool) -> str | None:
    """The path below `root` that a link at `path` leads to; None outside, in a circle, and where nothing is.

    root, real: absolute paths without links. there: whether what it leads to exists
    """
    target = PurePosixPath(real)
    if not there or not target.is_relative_to(root):
        return None
    found = target.relative_to(root).as_posix()
    # A directory that the link itself is in would hold itself.
    return None if PurePosixPath(path).is_relative_to(found) or found == "." else found


def follow(links: Mapping[str, str | None], fetched: Path) -> list[str]:
    """Put copies of what the links lead to in their place, below the directory `fetched` that holds the place's regular files.

    A directory that holds links is copied once they are there. Returns the links that were not followed, sorted: those that
    lead outside, in a circle, or to what was not fetched.
    """
    pending = {path: target for path, target in links.items() if target is not None}
    while pending:
        ready = {path: target for path, target in pending.items() if not any(_within(other, target) for other in pending)}
        if not ready:
            break
        for path, target in ready.items():
            del pending[path]
            source, copy = fetched / target, fetched / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, dirs_exist_ok=True)
            elif source.is_file():
                shutil.copyfile(source, copy)
    return sorted(path for path in links if not (fetched / path).exists())


def _within(path: str, directory: str) -> bool:
    return PurePosixPath(path).is_relative_to(directory)
