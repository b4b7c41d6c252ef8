"""States what a copy must hold at a moment between two witnesses: the one before it, changed by what the log holds up to there.

The rows are hashed from the log on a throw-away server, not read from the copy: a copy that lacks the last transaction, or has
done the next one, is not equal. Of a table that cannot be carried so, only the witnesses around the moment tell.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from backups.machine.docker import Image
from backups.manifest import Manifest
from backups.services.base import Sandbox
from backups.services.continuous import Expected
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import expected, foreign_keys, in_sandbox
from backups.services.mysql.carry.expected import EMPTY, Value
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.source.connection import Session
from backups.services.mysql.witness import catalogue, definitions, kinds
from backups.services.mysql.witness.catalogue import Table
from backups.witness import Fact

_T = TypeVar("_T")


class Server(Protocol):
    """The copy's server, which stands at the moment."""

    def run(self, function: Callable[[Session], _T]) -> _T:
        """Run a function in a session of its own."""
        ...


def state(server: Server, last: Manifest, details: MySQLDetails, pieces: list[Piece], sandbox: Sandbox, image: Image) -> Expected:
    """State rows and fingerprint of each table where the pieces of log end that begin at the witness of `last` (`details`)."""

    def look(session: Session) -> tuple[tuple[Table, ...], dict[str, str], dict[tuple[str, str], set[tuple[str, str]]]]:
        tables = catalogue.read(session, of_users=kinds.GUESTS in details.form.kinds).tables
        stated = map(partial(definitions.table_definition, session), tables)
        return tables, {fact.subject: str(fact.value) for fact in stated}, foreign_keys.unlogged_cascades(session)

    tables, defined, cascades = server.run(look)
    found = expected.expected(
        tables,
        defined,
        expected.known_of(last, details, details.form),
        pieces,
        cascades,
        lambda: in_sandbox.empty_server(sandbox, image, f"{last.service}-carry"),
        details.form,
    )
    facts, untold = [], {}
    for about, value in found.items():
        if value == EMPTY:
            # No rows are all that there is to tell.
            facts.append(Fact(about, "rows", 0))
        elif isinstance(value, Value):
            facts += [Fact(about, "rows", value.rows), Fact(about, "fingerprint", value.fingerprint)]
        else:
            untold[about] = value
    return Expected(tuple(facts), untold)


def scanned(details: MySQLDetails) -> Callable[[str], bool]:
    """Say of a subject whether a backup's witness scanned it, or carried it through the log; see `MySQLDetails.carried`."""
    carried = frozenset(about for subjects in details.carried.values() for about in subjects)
    return lambda about: about not in carried
