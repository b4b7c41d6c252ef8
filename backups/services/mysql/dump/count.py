"""Counts what the files of a dump hold, and compares it with the witness: each definition and the rows of each table.

The dump programs leave out what they take for something else (names that differ in case or accents only) and end with 0.
"""

import mmap
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from backups.errors import LifeboatError
from backups.services.mysql.doctor.checks import some
from backups.services.mysql.dump.statements import MARK, one_line
from backups.services.mysql.witness.definitions import subject
from backups.witness import Fact

ROWS = "rows of "
"""Begins what a file says it holds of a table when it is its rows."""
_USE, _ROWS = b"\nUSE `", b"\n/*!40000 ALTER TABLE `"
"""What the dump programs write before a database's tables, and before the rows of each, none or many."""
_KIND = re.compile(r"([a-z]+(?: [a-z]+)?) ")
"""Begins a subject that is no table."""
_DUMPED = ("account", "database", "view", "trigger", "function", "procedure", "package", "package body", "event", "sequence")
_REST_OF_NAME = re.compile(rb"((?:[^`]|``)*)`( DISABLE KEYS)?")


def require_whole(directory: Path, facts: Iterable[Fact], elsewhere: Iterable[tuple[str, str]] = ()) -> None:
    """Raise LifeboatError, by name, for what the witness knows and no file holds. `elsewhere`: tables without rows."""
    held = {what for path in directory.glob("*.sql") for what in holdings(path)}
    without_rows = {subject(*table) for table in elsewhere}
    missing = [what for fact in facts if (what := _wanted(fact, without_rows)) is not None and one_line(what) not in held]
    if missing:
        raise LifeboatError(
            f"the dump is not whole: it lacks {some(missing)}",
            hint="this is a fault of Lifeboat or of the dump program; the backup was not kept",
        )


def _wanted(fact: Fact, without_rows: set[str]) -> str | None:
    if fact.metric == "rows":
        return None if fact.subject in without_rows else ROWS + fact.subject
    kind = _KIND.match(fact.subject)
    return fact.subject if fact.metric == "definition" and (kind is None or kind[1] in _DUMPED) else None


def holdings(path: Path) -> Iterator[str]:
    """Yield what a file holds: what Lifeboat's own marks say, and the tables whose rows a dump program wrote."""
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if text[: len(MARK)] == MARK:
            yield text[len(MARK) : text.find(b"\n")].decode()
        for at in _places(text, b"\n" + MARK):
            yield text[at : text.find(b"\n", at)].decode()
        for schema, table in sections(text):
            yield one_line(ROWS + subject(schema, table))


def rows_of(path: Path) -> list[tuple[str, str]]:
    """Return database and table of each section of rows that a dump program wrote into a file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return list(sections(text))


def sections(text: "mmap.mmap | bytes") -> Iterator[tuple[str, str]]:
    """Yield database and table of each section of rows that a dump program wrote; no line begins inside a value."""
    places = sorted([*((at, True) for at in _places(text, _USE)), *((at, False) for at in _places(text, _ROWS))])
    schema = ""
    for at, is_use in places:
        found = _REST_OF_NAME.match(text, at)
        if found is None or (not is_use and not found[2]):
            continue
        name = found[1].decode().replace("``", "`")
        if is_use:
            schema = name
        else:
            yield schema, name


def _places(text: "mmap.mmap | bytes", mark: bytes) -> Iterator[int]:
    """Yield where each mark ends."""
    at = text.find(mark)
    while at >= 0:
        yield at + len(mark)
        at = text.find(mark, at + len(mark))
