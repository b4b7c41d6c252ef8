"""Writes what `lifeboat log` tells as JSON: one object, a transaction a line, whole or not at all, and in bounded memory."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from backups.follow.beyond import Beyond
from backups.services.continuous import Transaction
from backups.text import json_shown
from verification.restore.history import History, Hole, Told

_SPOOLED = 1 << 20
"""Bytes that are kept in memory; the rest, until all of it is there, in a file without a name."""


def write(service: str, kind: str, history: History, told: Told) -> None:
    """Print one object, with a transaction a line; only when all of it is there, and in bounded memory."""
    holes: list[Hole] = []
    begins = history.begins
    with tempfile.SpooledTemporaryFile(_SPOOLED, mode="w+", encoding="utf-8") as kept:
        head = {
            "service": service,
            "type": kind,
            "begins": begins.taken_at.isoformat() if begins else None,
        }
        kept.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "transactions": [')
        for number, line in enumerate(_lines(told, holes)):
            kept.write(f"{',' if number else ''}\n{line}")
        tail = {"holes": [_hole(hole) for hole in holes], "older": told.older}
        kept.write("\n], " + json_shown(json.dumps(tail, ensure_ascii=False))[1:] + "\n")
        kept.seek(0)
        shutil.copyfileobj(kept, sys.stdout)


def _lines(told: Told, holes: list[Hole]) -> Iterator[str]:
    for item in told:
        if isinstance(item, Hole):
            holes.append(item)
        else:
            yield json_shown(json.dumps(as_json(item), ensure_ascii=False))


def as_json(transaction: Transaction) -> dict[str, Any]:
    """Return a transaction as `--json` has it."""
    return {
        "transaction": transaction.name,
        "gtid": transaction.gtid,
        "place": transaction.place,
        "committed_at": transaction.committed_at.isoformat(),
        "tables": [
            {
                "table": each.table,
                "inserted": each.inserted,
                "changed": each.changed,
                "deleted": each.deleted,
                "odd": list(each.odd),
            }
            for each in transaction.tables
        ],
        "statements": list(transaction.statements),
        "more_statements": transaction.more_statements,
        "untold": list(transaction.untold),
    }


def _hole(hole: Hole) -> dict[str, Any]:
    return {
        "after": hole.after.id,
        "from": hole.begins.isoformat(),
        "before": hole.before.id if hole.before and not isinstance(hole.before, Beyond) else None,
        "to": hole.before.taken_at.isoformat() if hole.before else None,
        "why": hole.why,
        "damaged": hole.fault is not None,
    }
