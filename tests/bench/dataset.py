"""What is backed up: per GiB some 3 million rows in six tables; text, blobs, JSON, decimals, floats, foreign keys, a table without a key."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import closing

from tests.bench.server import Server
from tests.servers.mysql_sessions import open_session

_SCHEMA = """
CREATE TABLE person (id INT PRIMARY KEY, name VARCHAR(60), email VARCHAR(80) UNIQUE, born DATE);
CREATE TABLE article (id INT PRIMARY KEY, title VARCHAR(100), body TEXT, KEY (title));
CREATE TABLE file (id INT PRIMARY KEY, name VARCHAR(40), content BLOB);
CREATE TABLE event (id INT PRIMARY KEY, person INT NOT NULL, at DATETIME(6), kind ENUM('a','b','c'), amount DECIMAL(12,2), ratio FLOAT, precise DOUBLE,
                    detail JSON, KEY (at), CONSTRAINT who FOREIGN KEY (person) REFERENCES person (id));
CREATE TABLE reading (sensor INT, at INT, value DOUBLE, flags BIT(8), PRIMARY KEY (sensor, at));
CREATE TABLE log (at TIMESTAMP(3) NULL, line VARCHAR(120));
"""
_CHUNK = 50_000
_PER_GIB = {"person": 100_000, "article": 180_000, "file": 16_000, "event": 1_900_000, "reading": 1_000_000, "log": 400_000}
_ROWS = {
    "person": "n, CONCAT('name ', HEX(CRC32(n))), CONCAT('p', n, '@example.org'), DATE '1950-01-01' + INTERVAL CRC32(n) MOD 20000 DAY",
    "article": "n, CONCAT('title ', HEX(CRC32(n))), CONCAT_WS(' ', " + ", ".join(f"SHA2(n * 16 + {part}, 512)" for part in range(11)) + ")",
    "file": "n, CONCAT('file ', n), CONCAT(" + ", ".join(["RANDOM_BYTES(1024)"] * 15) + ")",
    "event": "n, 1 + CRC32(n) MOD {person}, TIMESTAMP '2026-01-01 00:00:00' + INTERVAL n * 16 SECOND + INTERVAL CRC32(n) MOD 1000000 MICROSECOND, 1 + n MOD 3, "
             "CRC32(n) / 1000, CRC32(n) / 7, SIN(n), JSON_OBJECT('ip', n MOD 65536, 'agent', HEX(CRC32(n + 1)))",
    "reading": "n DIV 1000, n MOD 1000, SIN(n), CAST(n MOD 256 AS UNSIGNED)",
    "log": "TIMESTAMP '2026-01-01 00:00:00' + INTERVAL n DIV 3 SECOND, CONCAT('GET /page/', CRC32(n DIV 2), ' 200')",
}  # fmt: skip


def fill(server: Server, gib: float) -> None:
    """Create the database `bench` with about `gib` GiB."""
    server.sql("CREATE DATABASE bench", "SET GLOBAL innodb_flush_log_at_trx_commit = 2", "SET GLOBAL sync_binlog = 0")
    counts = {table: int(rows * gib) for table, rows in _PER_GIB.items()}
    with closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0, cte_max_recursion_depth = 1000000, unique_checks = 0")
        cursor.execute("USE bench")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            cursor.execute(statement)
        for table, rows in counts.items():
            values = _ROWS[table].format(person=counts["person"])
            for start in range(1, rows + 1, _CHUNK):
                end = min(start + _CHUNK - 1, rows)
                cursor.execute(
                    f"INSERT INTO {table} WITH RECURSIVE number (n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM number WHERE n < {end}) SELECT {values} FROM number"
                )
    server.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1", "SET GLOBAL sync_binlog = 1")
    server.settle()


def size(server: Server) -> int:
    """Bytes of the tables' own files."""
    return sum(path.stat().st_size for path in (server.directory / "bench").glob("*.ibd"))


def append_one_percent(server: Server) -> None:
    """Add 1 % to the rows of every table with a key, after those that are there."""
    people = server.value("SELECT COUNT(*) FROM bench.person")
    for table, values in _ROWS.items():
        if table != "log":
            rows = server.value(f"SELECT COUNT(*) FROM bench.{table}")
            numbers = f"WITH RECURSIVE number (n) AS (SELECT {rows + 1} UNION ALL SELECT n + 1 FROM number WHERE n < {rows + rows // 100})"
            server.sql(
                "SET SESSION cte_max_recursion_depth = 1000000",
                f"INSERT INTO bench.{table} {numbers} SELECT {values.format(person=people)} FROM number",
            )


def change_one_percent(server: Server) -> None:
    """Change 1 % of the rows of every table, scattered."""
    for table, assignment in {
        "person": "name = REVERSE(name)",
        "article": "body = REVERSE(body)",
        "file": "content = REVERSE(content)",
        "event": "amount = amount + 1, precise = precise * 1.1",
    }.items():
        server.sql(f"UPDATE bench.{table} SET {assignment} WHERE id MOD 100 = 7")
    server.sql("UPDATE bench.reading SET value = value + 1 WHERE at MOD 100 = 7", "DELETE FROM bench.log ORDER BY at LIMIT 4000")


def busy(server: Server, seconds: float) -> int:
    """Write small transactions from four threads for some seconds; returns how many were committed."""
    return sum(_written(server, seconds, 0.0))


def paced(server: Server, seconds: float, rate: float, look: Callable[[], object]) -> int:
    """Write so many small transactions a second, for some seconds; `look` is called five times a second. Returns how many were."""
    ended = threading.Event()

    def looking() -> None:
        while not ended.wait(0.2):
            look()

    looker = threading.Thread(target=looking)
    looker.start()
    try:
        return sum(_written(server, seconds, rate))
    finally:
        ended.set()
        looker.join()


def _written(server: Server, seconds: float, rate: float) -> list[int]:
    """Write from four threads, as fast as they can or so many transactions a second in all."""
    began = time.monotonic()
    deadline = began + seconds
    done = [0] * 4

    def work(number: int) -> None:
        chance = random.Random(number)
        people = server.value("SELECT COUNT(*) FROM bench.person")
        with closing(
            open_session(host=server.container.address(), user="root", password="bench", database="bench")
        ) as connection:
            while time.monotonic() < deadline:
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE event SET amount = amount + 1 WHERE id = %s", (chance.randint(1, 100_000),))
                    cursor.execute(
                        "UPDATE person SET name = %s WHERE id = %s", (f"n{chance.random()}", chance.randint(1, people))
                    )
                    cursor.execute("INSERT INTO log VALUES (NOW(3), %s)", (f"POST /page/{chance.random()}",))
                connection.commit()
                done[number] += 1
                if rate:
                    time.sleep(max(0.0, began + done[number] * len(done) / rate - time.monotonic()))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(done))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done
