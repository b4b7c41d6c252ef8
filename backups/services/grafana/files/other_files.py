"""States what a backup holds beside the database: its configuration, provisioning and whatever they name, file by file.

No server of a drill reads the source's own configuration, so only these facts tell that it came back as it was.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from backups.services.grafana.files.configuration_files import CONFIG
from backups.services.grafana.files.database import FILE
from backups.witness import Fact

METRIC = "sha256"


def facts(data: Path) -> Iterator[Fact]:
    """Yield a fact a file of a backup's `data/`, but for the database."""
    for path in sorted(data.rglob("*")):
        if path.is_file() and not path.is_symlink() and path != data / FILE:
            with path.open("rb") as file:
                yield Fact(_subject(path.relative_to(data)), METRIC, hashlib.file_digest(file, "sha256").hexdigest())


def _subject(path: Path) -> str:
    if path.parts[0] == CONFIG:
        return f"configuration file {path.relative_to(CONFIG).as_posix()}"
    return f"file {path.as_posix()}"
