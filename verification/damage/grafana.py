"""Damages the database and the configuration of a Grafana backup: rows, values, secrets and the key to them."""

import random
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from backups.services.grafana.files import other_files, tables
from backups.services.grafana.files.configuration_files import CONFIG
from backups.services.grafana.files.database import FILE
from verification.damage.anywhere import flip
from verification.damage.kind import MOST, Injected, Kind, NotInjected, Stand, Target, promised

TYPES = frozenset({"grafana"})
_KEY = re.compile(rb"(?m)^([ \t]*secret_key[ \t]*=[^\n]*?)(\S)([ \t\r]*)$")
_TRIES = 20
"""Rows that are tried: a value may be one that no two rows may have."""


@contextmanager
def _database(stand: Stand) -> Iterator[sqlite3.Connection]:
    """Open the backup's database; raises NotInjected when it would not be of the same size any more."""
    path = stand.chain[-1].data / FILE
    size = path.stat().st_size
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = MEMORY")
        yield connection
    if path.stat().st_size != size:
        raise NotInjected(f"{FILE} would be {path.stat().st_size} bytes long instead of {size}")


def _has_database(stand: Stand) -> bool:
    return bool(stand.chain) and (stand.chain[-1].data / FILE).is_file()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _filled(stand: Stand) -> list[str]:
    """Return the tables that hold rows, which have numbers of their own."""
    if not _has_database(stand):
        return []
    with _database(stand) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name"
        ).fetchall()
        return [name for (name,) in names if _numbered(connection, name)]


def _numbered(connection: sqlite3.Connection, name: str) -> bool:
    try:
        return connection.execute(f"SELECT rowid FROM {_quoted(name)} LIMIT 1").fetchone() is not None  # noqa: S608 - quoted
    except sqlite3.DatabaseError:
        return False


def _tables(stand: Stand) -> Sequence[Target]:
    return [(name,) for name in _compared(stand)][:MOST]


def _compared(stand: Stand) -> list[str]:
    """Return those of which every value is compared; the witness of an older backup compares fewer."""
    stated = promised(stand, tables.CONTENT)
    return [name for name in _filled(stand) if f"table {name}" in stated]


def _rows(connection: sqlite3.Connection, name: str) -> list[int]:
    found = connection.execute(f"SELECT rowid FROM {_quoted(name)} ORDER BY rowid LIMIT 1000")  # noqa: S608 - quoted
    return [number for (number,) in found]


def _delete(stand: Stand, target: Target, chance: random.Random) -> Injected:
    (name,) = target
    with _database(stand) as connection:
        row = chance.choice(_rows(connection, name))
        connection.execute(f"DELETE FROM {_quoted(name)} WHERE rowid = ?", [row])  # noqa: S608 - quoted
    return Injected(f"row {row} deleted from table {name}", (f"table {name}",))


def _change(stand: Stand, target: Target, chance: random.Random) -> Injected:
    """Change one byte of one value: a text keeps its length, a number its size."""
    (name,) = target
    with _database(stand) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(name)})") if not row[5]]
        for row in chance.sample(rows := _rows(connection, name), min(_TRIES, len(rows))):
            for column in chance.sample(columns, len(columns)):
                if _change_value(connection, name, column, row, chance):
                    return Injected(f"a byte of {column} of row {row} changed in table {name}", (f"table {name}",))
    raise NotInjected(f"no value of table {name} can be changed")


def _change_value(connection: sqlite3.Connection, name: str, column: str, row: int, chance: random.Random) -> bool:
    """Change it, and return whether that was possible."""
    where = f"FROM {_quoted(name)} WHERE rowid = ?"
    (value,) = connection.execute(f"SELECT {_quoted(column)} {where}", [row]).fetchone()
    changed = _changed(value, chance)
    if changed is None:
        return False
    try:
        connection.execute(f"UPDATE {_quoted(name)} SET {_quoted(column)} = ? WHERE rowid = ?", [changed, row])  # noqa: S608
    except sqlite3.IntegrityError:
        return False
    # A column may make of it what it was before.
    return bool(connection.execute(f"SELECT {_quoted(column)} IS NOT ? {where}", [value, row]).fetchone()[0])


def _changed(value: object, chance: random.Random) -> object:
    """Return another value of the same kind and size; None for one that has no byte, or is no text, number or bytes."""
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, bytes) and value:
        at = chance.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    plain = [at for at, letter in enumerate(value) if letter.isascii() and letter.isalnum()] if isinstance(value, str) else []
    if not plain or not isinstance(value, str):
        return None
    at = chance.choice(plain)
    return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]


def _indexes(stand: Stand) -> Sequence[Target]:
    if not _has_database(stand) or "database" not in promised(stand, tables.DEFINITIONS):
        return []
    with _database(stand) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
        return [(name,) for (name,) in found][:MOST]


def _drop_index(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    with _database(stand) as connection:
        connection.execute(f"DROP INDEX {_quoted(target[0])}")
    return Injected(f"index {target[0]} dropped", ("database",))


def _holding(table: str, column: str) -> Callable[[Stand], Sequence[Target]]:
    """Return what names the rows of a table that hold something in a column."""

    def targets(stand: Stand) -> Sequence[Target]:
        if table not in _compared(stand):
            return []
        with _database(stand) as connection:
            found = connection.execute(
                f"SELECT rowid FROM {_quoted(table)} WHERE LENGTH({_quoted(column)}) > 4 ORDER BY rowid LIMIT {MOST}"  # noqa: S608
            )
            return [(table, column, str(number)) for (number,) in found]

    return targets


def _change_secret(stand: Stand, target: Target, chance: random.Random) -> Injected:
    """Change a letter of a sealed value; of one in JSON, none of what it is called by."""
    table, column, row = target
    with _database(stand) as connection:
        (value,) = connection.execute(f"SELECT {_quoted(column)} FROM {_quoted(table)} WHERE rowid = ?", [row]).fetchone()  # noqa: S608
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if isinstance(value, bytes):
            changed: object = _changed(value, chance)
        else:
            sealed = max(re.finditer(r"[A-Za-z0-9+/=]{16,}", text), key=lambda found: len(found[0]), default=None)
            if sealed is None:
                raise NotInjected(f"row {row} of table {table} holds nothing sealed in {column}")
            at = chance.randrange(sealed.start() + 4, sealed.end() - 4)
            changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        connection.execute(f"UPDATE {_quoted(table)} SET {_quoted(column)} = ? WHERE rowid = ?", [changed, row])  # noqa: S608
    return Injected(f"a byte of a sealed value changed in row {row} of table {table}", (f"table {table}",))


def _secrets(stand: Stand) -> Sequence[Target]:
    return [*_holding("data_source", "secure_json_data")(stand), *_holding("secrets", "value")(stand)]


def _files(stand: Stand, below: str) -> Sequence[Target]:
    if not stand.chain:
        return []
    last, stated = stand.chain[-1], promised(stand, other_files.METRIC)
    found = (
        entry.path
        for entry in last.manifest.files
        if entry.path.startswith(below) and entry.size and _configuration_file(entry.path) in stated
    )
    return [(path,) for path in islice(found, MOST)]


def _flip_file(stand: Stand, target: Target, chance: random.Random) -> Injected:
    path = stand.chain[-1].data / target[0]
    at = chance.randrange(path.stat().st_size)
    flip(path, at)
    return Injected(f"one bit of byte {at} of {target[0]} flipped", (_configuration_file(target[0]),))


def _configuration_file(path: str) -> str:
    return f"configuration file {path.removeprefix(f'{CONFIG}/')}"


def _keyed(stand: Stand) -> Sequence[Target]:
    return [target for target in _files(stand, f"{CONFIG}/") if _KEY.search(_text(stand, target))]


def _text(stand: Stand, target: Target) -> bytes:
    path: Path = stand.chain[-1].data / target[0]
    return path.read_bytes() if target[0].endswith(".ini") else b""


def _change_key(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    """Change the last letter of the key that opens every secret."""
    path = stand.chain[-1].data / target[0]
    other = _KEY.sub(lambda found: found[1] + (b"a" if found[2] != b"a" else b"b") + found[3], path.read_bytes(), count=1)
    path.write_bytes(other)
    return Injected(f"the secret_key changed in {target[0]}", ("secrets", _configuration_file(target[0])))


KINDS: Sequence[Kind] = (
    Kind("row of a Grafana table deleted", TYPES, "fetched", _tables, _delete),
    Kind("byte of a Grafana table changed", TYPES, "fetched", _tables, _change),
    Kind("index of a Grafana table gone", TYPES, "fetched", _indexes, _drop_index),
    Kind("sealed secret changed", TYPES, "fetched", _secrets, _change_secret),
    Kind("data key changed", TYPES, "fetched", _holding("data_keys", "encrypted_data"), _change_secret),
    Kind("secret_key changed", TYPES, "fetched", _keyed, _change_key),
    Kind("provisioned file changed", TYPES, "fetched", lambda stand: _files(stand, f"{CONFIG}/provisioning/"), _flip_file),
)
