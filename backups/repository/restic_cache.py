"""Runs restic, and mends what a full disk or a power cut has left of its cache: no later restic would open it."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from backups.machine import processes
from backups.machine.processes import Completed
from backups.repository import restic_errors

log = logging.getLogger(__name__)


def run_restic(command: Sequence[str], *, environment: Mapping[str, str], **how: Any) -> Completed:
    """Run restic, once more where it could not read of which version its cache is. how: see `processes.run`."""
    completed = processes.run(command, environment=environment, **how)
    unread = completed.code != 0 and "readversion" in restic_errors.error_text(completed)
    if unread and _mended(Path(environment["RESTIC_CACHE_DIR"])):
        return processes.run(command, environment=environment, **how)
    return completed


def _mended(cache: Path) -> bool:
    """Remove what is no version: restic writes it anew, and checks the rest by itself. Returns whether there was any."""
    odd = [file for file in cache.glob("*/version") if not _is_version(file)]
    for file in odd:
        log.info("restic's cache in %s was cut off when it was begun, and is begun again", file.parent)
        with suppress(OSError):
            file.unlink()
    return bool(odd)


def _is_version(file: Path) -> bool:
    with suppress(OSError):
        return file.read_bytes().strip().isdigit()
    return True
