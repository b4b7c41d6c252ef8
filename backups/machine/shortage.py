"""Tells a machine that ran out of something from data that are at fault: by what a program says, and by the disk's free space."""

import re
import shutil
import threading
from pathlib import Path

from backups.machine import disk

_LITTLE = 128 * 1024 * 1024
"""Bytes: below that a server's own files may not fit, which it says in words of its own."""
_EVERY = 0.5
"""Seconds between two looks at the disk."""
_NUMBER = r"\b(?:os err(?:or|no)|errno|errcode|operating system error number)\b\D{0,4}"
"""Of the system's own numbers: InnoDB counts its errors, too, and its 11 is any of them."""
_WORDS = {
    "the disk is full": (
        rf"no space left on device|disk (?:is )?full|disk quota exceeded|enospc|edquot|\bgot error 28\b|{_NUMBER}(?:28|122)\b"
    ),
    "the disk cannot be written": rf"read-only file system|input/output error|{_NUMBER}(?:5|30)\b",
    "memory ran out": rf"cannot allocate memory|out of memory|bad_alloc|enomem|{_NUMBER}12\b",
    "no more files could be opened": rf"too many open files|{_NUMBER}(?:23|24)\b",
    "no more processes could be started": rf"resource temporarily unavailable|can'?t create (?:a )?(?:new )?thread|{_NUMBER}11\b",
}


def said(text: str) -> str | None:
    """Return what the machine ran out of, by a program's own words; None when they say nothing of it."""
    return next((what for what, words in _WORDS.items() if re.search(words, text, re.IGNORECASE)), None)


class Watched:
    """Looks at a directory's disk now and then, from `start` to `stop`: who filled it may have cleared it when somebody asks."""

    def __init__(self, directory: Path, *, every: float = _EVERY) -> None:
        self._directory = directory
        self._every = every
        self._least: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lifeboat-disk", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def full(self) -> str | None:
        """Say how little was free at the least, when that was next to nothing."""
        self._sample()
        if self._least is None or self._least >= _LITTLE:
            return None
        return f"the disk of {self._directory} had only {disk.size(self._least)} free meanwhile"

    def _look(self) -> None:
        while not self._over.wait(self._every):
            self._sample()

    def _sample(self) -> None:
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError:
            return
        self._least = free if self._least is None else min(self._least, free)


def of(directory: Path, text: str) -> str | None:
    """Say what ran out while a program worked in `directory` and said `text`: its disk now, or what it names; else None."""
    return Watched(directory).full() or said(text)
