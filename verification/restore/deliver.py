"""Takes single tables out of a copy, as files of SQL."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from backups.errors import LifeboatError
from backups.places.base import Ownership
from backups.services.base import Copy, Delivery


@runtime_checkable
class Exports(Protocol):
    """A copy that can write single tables as SQL."""

    def export(self, names: Sequence[str], into: Path) -> list[Path]:
        """Write a file for each table into the directory `into`."""
        ...


def tables(copy: Copy, names: Sequence[str], into: Path) -> Delivery:
    """Hand single tables over as files of SQL; raises LifeboatError where the service has none."""
    if not isinstance(copy, Exports):
        raise LifeboatError("only MySQL has tables to restore one by one", hint="leave --tables out")
    into.mkdir()
    files = copy.export(names, into)
    notes = [f"load it beside the running server, into a database of your choice: mysql DATABASE < {file.name}" for file in files]
    return Delivery(into, Ownership("root:root", 0, 0, 0o700), "", notes=notes)
