"""Lists the foreign keys by which a change of one table's rows changes another's, where no log tells of it."""

from collections.abc import Iterable, Mapping

from backups.services.mysql.carry.stretch import Name, folded
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.versions import Version

_LOGGED_SINCE = (9, 6, 0)
"""Since then the server itself cascades, unless it is told to leave it to the engine, and logs each row."""
_TO_THE_ENGINE = "innodb_native_foreign_keys"


def unlogged_cascades(session: Session) -> dict[Name, set[Name]]:
    """Return for each table the tables whose rows the engine changes with its own, without logging them."""
    version = Version.parse(*rows(session, "SELECT @@version, @@version_comment")[0])
    native = rows(session, "SHOW GLOBAL VARIABLES LIKE %s", [_TO_THE_ENGINE])
    if version.since(mysql=_LOGGED_SINCE, mariadb=None) and native and str(native[0][1]) in ("OFF", "0"):
        return {}
    found: dict[Name, set[Name]] = {}
    for schema, child, parent_schema, parent in rows(
        session,
        "SELECT constraint_schema, table_name, unique_constraint_schema, referenced_table_name "
        "FROM information_schema.referential_constraints "
        "WHERE update_rule NOT IN ('NO ACTION', 'RESTRICT') OR delete_rule NOT IN ('NO ACTION', 'RESTRICT')",
    ):
        found.setdefault((parent_schema, parent), set()).add((schema, child))
    return found


def reached(cascades: Mapping[Name, set[Name]], changed: Iterable[Name]) -> dict[Name, Name]:
    """Return the tables that changes of these may have changed, each with the table that it followed, however far away."""
    children: dict[Name, set[Name]] = {}
    for parent, each in cascades.items():
        children.setdefault(folded(parent), set()).update(map(folded, each))
    found: dict[Name, Name] = {}
    waiting = [folded(name) for name in changed]
    while waiting:
        parent = waiting.pop()
        for child in children.get(parent, set()) - found.keys():
            found[child] = parent
            waiting.append(child)
    return found
