"""Damages restored copies on purpose, which their verification has to notice."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy

from backups.errors import LifeboatError
from backups.services.base import Copy
from verification.drill.tamper import Tamper

TABLE = "agama.order_line"
_DELETION = "DELETE FROM agama.order_line ORDER BY order_id DESC, line LIMIT 1"
_COUNTED = "DELETE FROM agama.document ORDER BY id LIMIT 1"
_BOARD = "availability"
_TWO_HOURS = 2 * 3600 * 1000


def _delete_one_row(copy: Copy, deletion: str = _DELETION) -> None:
    url = copy.database_url("agama")
    if url is None:
        raise LifeboatError("the copy to damage answers no SQL", hint="this is a bug in Lifeboat's demo")
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.begin() as connection:
            deleted = connection.execute(sqlalchemy.text(deletion)).rowcount
    finally:
        engine.dispose()
    if deleted != 1:
        raise LifeboatError(
            f"{deleted} rows were deleted from the copy to damage, not 1", hint="this is a bug in Lifeboat's demo"
        )


ONE_ROW_LOST = Tamper(f"one row deleted from {TABLE} of the restored copy", running=_delete_one_row)


def _lose_newest_of_history(copy: Copy, directory: Path) -> None:  # noqa: ARG001 - what was laid out is in the directory
    """Remove the newest block that the server did not write itself: hours that a panel shows, and that end before it began."""
    ends = {
        path.parent: json.loads(path.read_text(encoding="utf-8"))["maxTime"]
        for path in (directory / "prometheus").glob("*/meta.json")
    }
    history = {path: end for path, end in ends.items() if end < max(ends.values()) - _TWO_HOURS}
    shutil.rmtree(max(history, key=lambda path: history[path]))


def _lose_dashboard(copy: Copy, directory: Path) -> None:  # noqa: ARG001 - likewise
    with closing(sqlite3.connect(directory / "grafana" / "grafana.db")) as database, database:
        for table, column in (("resource", "name"), ("dashboard", "uid")):
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
                database.execute(f"DELETE FROM {table} WHERE {column} = ?", [_BOARD])  # noqa: S608 - names from above


EACH_DAMAGED = {
    "agama": Tamper(
        "one row deleted from agama.document",
        running=lambda copy: _delete_one_row(copy, _COUNTED),
    ),
    "prometheus": Tamper("a block of Prometheus removed", files=_lose_newest_of_history),
    "grafana": Tamper(f"the dashboard {_BOARD} removed", files=_lose_dashboard),
}
"""What panels see: by the service of the demo whose copy is damaged."""
NAMES = {"agama": "(agama)", "prometheus": "(prometheus)", "grafana": f"({_BOARD})"}
"""What names each of them in a reason."""
