"""Compares what the log claims of tables with what a scan has found: a difference says that the log does not tell everything.

`sql_log_bin = 0`, a `binlog_ignore_db`, a fault of an engine or of a disk change a table and not the log. The scan is the truth
of the source, so it is what the witness states; a copy has what the log tells, so the drill of that backup fails for the table.
"""

from collections.abc import Mapping

from backups.services.mysql.witness.data import Counted

OF_INCREMENTAL = (
    "{about}: the source changed without its log saying so; this table cannot be brought back by log since {since}, and a "
    "drill of this backup fails for it; the next backup is a full ({words})"
)
OF_FULL = (
    "{about}: the source changed without its log saying so, between {since} and this full; it is right from here on, and no "
    "moment between the two can be trusted for this table ({words})"
)


def unlogged(compared: Mapping[str, tuple[Counted, Counted]]) -> dict[str, str]:
    """Return the tables of which a scan has found something else than the log claims, each with both sides in words."""
    return {about: _words(*both) for about, both in sorted(compared.items()) if both[0] != both[1]}


def _words(claimed: Counted, read: Counted) -> str:
    if claimed[0] != read[0]:
        return f"rows: {claimed[0]} by the log, {read[0]} by the table"
    return f"fingerprint of its {read[0]} rows: {claimed[1][:16]}… by the log, {read[1][:16]}… by the table"
