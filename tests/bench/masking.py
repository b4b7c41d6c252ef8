"""How fast rows are masked: from one server into another, three of six columns, one of them in a unique key."""

import time
from pathlib import Path

from backups.machine.docker import Docker
from backups.services.masked import Kind, Masks, Ruled
from backups.services.mysql.masking import columns, load
from backups.services.mysql.masking.replace import Replacer
from backups.services.mysql.source.connection import rows
from tests.bench.server import Server, start
from tests.bench.table import Row, at_least

_ROWS = 500_000
_TABLE = (
    "CREATE DATABASE masking",
    (
        "CREATE TABLE masking.client (id INT PRIMARY KEY, email VARCHAR(120) UNIQUE, name VARCHAR(60), phone VARCHAR(30), "
        "credit DECIMAL(10,2), seen DATETIME)"
    ),
)
_FILLED = (
    "SET SESSION cte_max_recursion_depth = 10000000",
    (
        f"INSERT INTO masking.client WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < {_ROWS}) "
        "SELECT n, CONCAT('client.', n, '@firma.example'), CONCAT('Vor', n % 900, ' Nach', n % 7000), CONCAT('+49 30 ', 1000000 + n), "
        "n / 7, NOW() FROM n"
    ),
)
_RULES: dict[str, Kind] = {"email": "email", "name": "name", "phone": "phone"}


def row(docker: Docker, name: str, server: Server, base: Path) -> Row:
    """The rows of a second. name: of the server that takes them, which does not wait for the disk, as one that is masked into."""
    other = start(docker, name, base / "masked")
    server.sql(*_TABLE, *_FILLED)
    other.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0, GLOBAL sync_binlog = 0", *_TABLE)
    with server.connect() as original, other.connect() as masked:
        load.prepare(original)
        load.prepare(masked)
        rows(masked, "SET SESSION sql_log_bin = 0")
        members = [each for each in columns.read(original) if each.schema == "masking"]
        chosen = {each: Ruled(each.subject, _RULES[each.name], each.name) for each in members if each.name in _RULES}
        replacer = Replacer(Masks({}, b"k" * 32), chosen, ())
        replaced = [load.Replaced(each, ruled.kind, replacer.of(each, ruled.kind)) for each, ruled in chosen.items()]
        started = time.monotonic()
        written = load.copy(original, masked, ("masking", "client"), members, replaced)
        seconds = time.monotonic() - started
    if written.rows != _ROWS:
        raise RuntimeError(f"{written.rows} rows were masked, {_ROWS} were there")
    server.sql("DROP DATABASE masking")
    other.container.remove()
    return at_least("rows masked in a second", written.rows / seconds, 50_000, "", detail=f" ({seconds:.1f} s)")
