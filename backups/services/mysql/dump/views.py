"""Finds out which views can be created, and in which order: one that reads another comes after it.

Views whose tables, columns or functions are gone stay in a server for years. No statement creates such a view again.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping

import pymysql.err

from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.definitions import subject

View = tuple[str, str]
_NAMES = re.compile(r"`((?:[^`]|``)*)`\.`((?:[^`]|``)*)`")
_DEFINER = re.compile(r" DEFINER=`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?")
_INVALID = 1356
"""A view that it reads is broken, or belongs to an account that is gone or may do less than it did."""
_NOT_ALLOWED = (1044, 1045, 1142, 1143, 1227, 1370, 1449)
"""Of the rights of whoever asks, or of an account that is gone: that does not keep a view from being created."""


def broken(session: Session, views: Iterable[View]) -> dict[View, str]:
    """Return the views that cannot be created again, each with what the server says of it."""
    bodies = {
        (schema, name): body
        for schema, name, body in rows(session, "SELECT table_schema, table_name, view_definition FROM information_schema.views")
    }
    found = {view: str(bodies.get(view) or "") for view in views}
    return judge(found, lambda body: _fault(session, body))


def judge(bodies: Mapping[View, str], fault: Callable[[str], tuple[int, str] | None]) -> dict[View, str]:
    """Return the broken ones of some views; `fault` says what is wrong with a body, if anything. Pure."""
    wrong: dict[View, str] = {}
    for view in ordered(bodies):
        said = fault(bodies[view])
        if said is None or said[0] in _NOT_ALLOWED:
            continue
        reads = [other for other in references(bodies[view], bodies) if other in wrong and other != view]
        if said[0] != _INVALID:
            wrong[view] = said[1]
        elif reads:
            wrong[view] = f"it reads {subject(*reads[0])}"
    return wrong


def ordered(bodies: Mapping[View, str]) -> list[View]:
    """Return views so that each comes after those that it reads. Pure."""
    done: dict[View, None] = {}
    for start in sorted(bodies):
        waiting = [(start, iter(sorted(references(bodies[start], bodies))))]
        entered = {start}
        while waiting:
            view, more = waiting[-1]
            following = next((other for other in more if other not in done and other not in entered), None)
            if following is None:
                done[view] = None
                waiting.pop()
            else:
                entered.add(following)
                waiting.append((following, iter(sorted(references(bodies[following], bodies)))))
    return list(done)


def references(body: str, views: Collection[View]) -> set[View]:
    """Return which of the views a body names. Pure."""
    named = {(schema.replace("``", "`"), name.replace("``", "`")) for schema, name in _NAMES.findall(body)}
    return named.intersection(views)


def by_us(create: str) -> str:
    """Return the statement that creates a view, with whoever runs it as its definer. Pure."""
    return _DEFINER.sub("", create, count=1)


def replacing(create: str) -> str:
    """Return the statement that creates a view, or puts it in the place of one that is there. Pure."""
    return create.replace("CREATE ", "CREATE OR REPLACE ", 1)


def _fault(session: Session, body: str) -> tuple[int, str] | None:
    """Have the server look at a body as if it were to be run: every name in it is looked up, and no row is read."""
    if not body:
        return None
    try:
        rows(session, "SET @lifeboat = %s", [body])
        rows(session, "PREPARE lifeboat FROM @lifeboat")
        rows(session, "DEALLOCATE PREPARE lifeboat")
    except pymysql.err.MySQLError as error:
        return int(error.args[0]), str(error.args[-1])
    return None


def text_of(session: Session, view: View) -> tuple[str, str, str]:
    """Return the statement that creates a view, its client's character set and its collation."""
    _, create, client, connection = rows(session, f"SHOW CREATE VIEW {quoted(view[0])}.{quoted(view[1])}")[0]
    return str(create), str(client), str(connection)
