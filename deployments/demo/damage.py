"""Damage done to a restored copy on purpose: one row goes, and the proof must notice."""

import sqlalchemy

from backups.errors import LifeboatError
from backups.services.base import Copy
from verification.drill.tamper import Tamper

TABLE = "agama.order_line"
_DELETION = "DELETE FROM agama.order_line ORDER BY order_id DESC, line LIMIT 1"


def _delete_one_row(copy: Copy) -> None:
    url = copy.database_url("agama")
    if url is None:
        raise LifeboatError("the copy to damage answers no SQL", hint="this is a bug in the demo")
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.begin() as connection:
            gone = connection.execute(sqlalchemy.text(_DELETION)).rowcount
    finally:
        engine.dispose()
    if gone != 1:
        raise LifeboatError(
            f"{gone} rows of {TABLE} were deleted from the copy to damage, not 1", hint="this is a bug in the demo"
        )


ONE_ROW_LOST = Tamper(f"one row deleted from {TABLE} of the restored copy", running=_delete_one_row)
