"""Takes the definitions of a server over into another one: everything but rows, accounts, and what holds values of rows.

Not taken over: histograms, which hold values; connections to other servers, which hold passwords. What somebody has defined is
the developer's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backups.services.mysql.dump import definitions, plan, views
from backups.services.mysql.dump.statements import MARK
from backups.services.mysql.dump_details import LAST, SCHEMA, TRIGGERS, VIEWS
from backups.services.mysql.source.connection import Session
from backups.services.mysql.witness.definitions import subject

_DEFINER = re.compile(
    rb"^((?:SET @lifeboat = ')?CREATE (?:OR REPLACE )?(?:ALGORITHM=\w+ )?)DEFINER=`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?",
    re.MULTILINE,
)
BEFORE_ROWS, AFTER_ROWS = (SCHEMA,), (VIEWS, TRIGGERS)
"""The files of definitions, by when they are loaded: a trigger must not fire for the rows."""


@dataclass(frozen=True)
class Definitions:
    """The files of definitions in `directory`, the SQL of each object, and what could not be taken over."""

    directory: Path
    sql: dict[str, str]
    left_out: Sequence[str]


def write(session: Session, into: Path, *, mariadb: bool, definer: str) -> Definitions:
    """Write all definitions into the new directory `into`, with `definer` (`user@host` in SQL) in the place of every account."""
    into.mkdir(mode=0o700)
    found = plan.survey(session)
    broken = views.broken(session, found.catalogue.views)
    usable = found.without(broken)
    definitions.write(session, usable.databases, usable.catalogue, into, mariadb=mariadb, servers=False)
    (into / LAST).unlink()
    sql: dict[str, str] = {}
    for name in (*BEFORE_ROWS, *AFTER_ROWS):
        path = into / name
        text = defined_by(path.read_bytes(), definer)
        path.write_bytes(text)
        sql |= objects(text)
    left_out = [f"{subject(*view, kind='view')}: {why}" for view, why in sorted(broken.items())]
    return Definitions(into, sql, left_out)


def defined_by(sql: bytes, definer: str) -> bytes:
    """Return statements with that definer in the place of every other. Pure."""
    return _DEFINER.sub(lambda found: found[1] + b"DEFINER=" + definer.encode(), sql)


def objects(sql: bytes) -> dict[str, str]:
    """Return the SQL of each object of a file, by its subject. Pure."""
    parts = re.split(rb"^" + re.escape(MARK) + rb"(.*)\n", sql, flags=re.MULTILINE)
    return {parts[at].decode("ascii", "replace"): parts[at + 1].decode("utf-8", "replace") for at in range(1, len(parts) - 1, 2)}
