"""Asks a copy's server the first question, whose answer ends the clock of a restore."""

from collections.abc import Sequence

from backups.errors import Damaged
from backups.services.mysql.copy.server import Server
from backups.services.mysql.source.connection import quoted, rows
from backups.services.mysql.witness.definitions import table_names
from backups.witness import Fact


def first_answer(server: Server, witness: Sequence[Fact]) -> None:
    """Count the rows of the smallest table that has any. Raises Damaged when the witness counted another number."""
    counts = [fact for fact in witness if fact.metric == "rows" and isinstance(fact.value, int)]
    filled = [fact for fact in counts if fact.value] or counts
    if not filled:
        server.run(lambda session: rows(session, "SELECT 1"))
        return
    fact = min(filled, key=lambda fact: (fact.value, fact.subject))
    statement = f"SELECT COUNT(*) FROM {'.'.join(map(quoted, table_names(fact.subject)))}"  # noqa: S608 -- quoted
    found = server.run(lambda session: rows(session, statement))[0][0]
    if found != fact.value:
        raise Damaged(
            f"the first answer is wrong: {fact.subject} has {found} rows, the witness counted {fact.value}",
            hint="the comparison ends here, so other tables may differ too; verify an older backup",
        )
