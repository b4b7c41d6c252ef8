"""Deletes one row of a restored copy on purpose, which its verification has to notice."""

import sqlalchemy

from backups.errors import LifeboatError
from backups.services.base import Copy
from verification.drill.tamper import Tamper

TABLE = "agama.order_line"
_DELETION = "DELETE FROM agama.order_line ORDER BY order_id DESC, line LIMIT 1"


def _delete_one_row(copy: Copy) -> None:
    url = copy.database_url("agama")
    if url is None:
        raise LifeboatError("the copy to damage answers no SQL", hint="this is a bug in Lifeboat's demo")
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.begin() as connection:
            deleted = connection.execute(sqlalchemy.text(_DELETION)).rowcount
    finally:
        engine.dispose()
    if deleted != 1:
        raise LifeboatError(
            f"{deleted} rows of {TABLE} were deleted from the copy to damage, not 1", hint="this is a bug in Lifeboat's demo"
        )


ONE_ROW_LOST = Tamper(f"one row deleted from {TABLE} of the restored copy", running=_delete_one_row)
