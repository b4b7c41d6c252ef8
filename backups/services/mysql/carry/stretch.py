"""Sums up a stretch of the log for each table, and whatever in it may have changed tables that it does not name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from backups.services.mysql.binlog import statements
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.binlog.statements import Statement
from backups.services.mysql.binlog.transactions import Changed, Transaction, transactions

Name = tuple[str, str]
"""Schema and name of a table."""

_DEFINING = frozenset({"ALTER", "CREATE", "DROP", "IMPORT", "OPTIMIZE", "RENAME", "REPAIR", "TRUNCATE"})
"""First words of statements that change the tables that they name, and no others."""
_HARMLESS = frozenset({"ANALYZE", "FLUSH", "GRANT", "REVOKE", "SET"})
"""First words of statements that change no row: in a log, SET is of passwords and roles."""
_ROWLESS = frozenset({"DEFINER", "EVENT", "FUNCTION", "PROCEDURE", "ROLE", "SERVER", "TRIGGER", "USER", "VIEW"})
"""What other statements are about that change no row. Whatever has a DEFINER is one of these."""
_WITH_A_KIND = frozenset({"ALTER", "CREATE", "DROP", "RENAME"})
"""First words of statements that then say what kind of thing they are about; in TRUNCATE user, a table is called so."""
_OF_DATABASES = frozenset({"DATABASE", "SCHEMA"})


@dataclass
class Stretch:
    """What a stretch of the log did.

    tables: to each table that rows are logged of; as `Changed`, summed up
    named: names (in lower case) of whatever statements that define tables name; databases: names of databases, in the same way
    whole: why any table may have changed, a phrase; None when nothing says so
    """

    tables: dict[Name, Changed] = field(default_factory=dict)
    named: set[Name] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    whole: str | None = None

    def of(self, name: Name) -> list[tuple[Name, Changed]]:
        """Return what happened to the tables of that name, in whatever case."""
        wanted = folded(name)
        return [(found, changed) for found, changed in self.tables.items() if folded(found) == wanted]

    def defines(self, name: Name) -> bool:
        """Return whether a statement defines that table, or its database, anew."""
        schema, table = folded(name)
        return (schema, table) in self.named or schema in self.databases


def read(pieces: Iterable[Piece]) -> Stretch:
    """Sum up the log's pieces. Raises Damaged, naming file and offset, where the bytes are no log."""
    stretch = Stretch()
    for transaction in transactions(pieces):
        add(stretch, transaction)
    return stretch


def add(stretch: Stretch, transaction: Transaction) -> None:
    """Add what a transaction did."""
    if transaction.odd and stretch.whole is None:
        where = f"{transaction.commit.file}:{transaction.start}"
        stretch.whole = f"the log holds {', '.join(sorted(transaction.odd))} ({where})"
    for name, changed in transaction.changed.items():
        _sum_up(stretch.tables.setdefault(name, Changed(changed.table)), changed)
    for statement in transaction.statements:
        reason = _unattributed(stretch, statement)
        if reason and stretch.whole is None:
            stretch.whole = f"the log holds {reason} ({transaction.commit.file}:{transaction.start})"
    if transaction.unkept and stretch.whole is None:
        stretch.whole = "the log holds a transaction of very many statements"


def _sum_up(total: Changed, more: Changed) -> None:
    if total.table.form != more.table.form:
        total.odd.add("its columns changed in the middle of the log")
    total.inserted += more.inserted
    total.updated += more.updated
    total.deleted += more.deleted
    total.size += more.size
    total.largest = max(total.largest, more.largest)
    total.odd |= more.odd
    total.counted = total.counted and more.counted


def _unattributed(stretch: Stretch, statement: Statement) -> str | None:
    """Note what a statement names; returns a phrase when it may change what it does not name."""
    verb, about = statements.subject(statement)
    if verb in _HARMLESS:
        return None
    if not statement.exact:
        return "a statement that cannot be read in its character set"
    if verb not in _DEFINING:
        return f"a statement whose rows are not told: {verb or 'none that is known'}"
    if verb in _WITH_A_KIND and about in _ROWLESS:
        return None
    names = list(_names(statement))
    if about in _OF_DATABASES:
        stretch.databases.update(table for _, table in names)
    stretch.named.update(names)
    return None


def _names(statement: Statement) -> Iterator[Name]:
    """Yield every word of a statement as if it were a table's name: in the database before the dot, or else in the session's."""
    before, dot = "", False
    for kind, text in statements.tokens(statement):
        if kind == "sign":
            before, dot = (before, True) if text == "." else ("", False)
            continue
        name = statements.folded(text)
        yield before if dot else statements.folded(statement.database), name
        before, dot = name, False


def folded(name: Name) -> Name:
    """Fold the case of a table's name; see `statements.folded`."""
    return statements.folded(name[0]), statements.folded(name[1])
