"""Compares what the log claims of tables with what a scan has found: a difference says that the log does not tell everything.

`sql_log_bin = 0`, a `binlog_ignore_db`, a fault of an engine or of a disk change a table and not the log. The scan is the truth
of the source, so it is what the witness states; a copy has what the log tells, so the drill of that backup fails for the table.
"""

from collections.abc import Iterable, Mapping

from backups.services.mysql.witness.witness import Counted
from backups.witness import Fact

MEANING = (
    "the source changed without its log saying so; this table cannot be brought back by log since {since}, and a drill of this "
    "backup fails for it; the next backup is a full"
)


def unlogged(claimed: Mapping[str, Counted], facts: Iterable[Fact]) -> dict[str, str]:
    """Return the tables of which a scan has found something else than was claimed, each with both sides in words."""
    found: dict[str, dict[str, object]] = {}
    for fact in facts:
        if fact.subject in claimed and fact.metric in ("rows", "fingerprint"):
            found.setdefault(fact.subject, {})[fact.metric] = fact.value
    return {
        about: _words(claimed[about], stated)
        for about, stated in sorted(found.items())
        if (stated["rows"], stated["fingerprint"]) != claimed[about]
    }


def limit(about: str, words: str, since: str) -> str:
    """Return the sentence that says of a table that its log cannot be trusted."""
    return f"{about}: {MEANING.format(since=since)} ({words})"


def _words(claimed: Counted, stated: Mapping[str, object]) -> str:
    rows, fingerprint = claimed
    if stated["rows"] != rows:
        return f"rows: {rows} by the log, {stated['rows']} by the table"
    return f"fingerprint of its {rows} rows: {fingerprint[:16]}… by the log, {str(stated['fingerprint'])[:16]}… by the table"
