"""Threads that write into a MySQL server of the tests hundreds of times a second, and create, alter and drop tables meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pymysql
from pymysql.cursors import Cursor

from backups.machine.wait import wait_until

if TYPE_CHECKING:
    from tests.servers.mysql import MySQLServer

_DEADLOCK = 1213
_PAUSE = 0.002
"""Seconds between a thread's transactions: without, they and the server take both cores from whatever is tested beside them."""


@dataclass
class Writer:
    """Threads that write hundreds of times a second; `transactions` counts what they committed."""

    stop: threading.Event = field(default_factory=threading.Event)
    transactions: int = 0
    ddl: int = 0
    errors: list[pymysql.err.Error] = field(default_factory=list)

    def wait_for(self, transactions: int) -> None:
        """Return once that many more transactions have been committed."""
        wanted = self.transactions + transactions
        assert wait_until(lambda: self.transactions >= wanted or bool(self.errors), seconds=120), self.transactions
        assert not self.errors, self.errors


@contextmanager
def writing(server: "MySQLServer", database: str, *, threads: int, ddl: bool) -> Iterator[Writer]:
    """Write into `database` until the block ends; see `MySQLServer.add_writer`."""
    server.sql(
        f"CREATE DATABASE IF NOT EXISTS `{database}`",
        f"CREATE TABLE IF NOT EXISTS `{database}`.ledger (id BIGINT AUTO_INCREMENT PRIMARY KEY, who INT, note TEXT, at DATETIME(6))",
        f"CREATE TABLE IF NOT EXISTS `{database}`.balance (who INT PRIMARY KEY, total BIGINT NOT NULL)",
        *(f"INSERT IGNORE INTO `{database}`.balance VALUES ({who}, 0)" for who in range(threads)),
    )
    writer = Writer()
    jobs = [threading.Thread(target=_write, args=(server, database, who, writer)) for who in range(threads)]
    if ddl:
        jobs.append(threading.Thread(target=_define, args=(server, database, writer)))
    for job in jobs:
        job.start()
    try:
        yield writer
    finally:
        writer.stop.set()
        for job in jobs:
            job.join()
    assert not writer.errors, writer.errors


def _write(server: "MySQLServer", database: str, who: int, writer: Writer) -> None:
    try:
        with server.connect(database) as session, session.cursor() as cursor:
            number = 0
            while not writer.stop.is_set():
                number += 1
                try:
                    _transaction(cursor, who, number)
                except pymysql.err.OperationalError as error:
                    # Two writers that delete side by side may deadlock; the server has rolled one of them back, as any application knows.
                    if error.args[0] != _DEADLOCK:
                        raise
                else:
                    writer.transactions += 1
                time.sleep(_PAUSE)
    except pymysql.err.Error as error:
        writer.errors.append(error)


def _transaction(cursor: Cursor, who: int, number: int) -> None:
    cursor.execute("BEGIN")
    note = f"note {number} " + "x" * (number % 200)
    cursor.execute("INSERT INTO ledger (who, note, at) VALUES (%s, %s, NOW(6))", (who, note))
    cursor.execute("UPDATE balance SET total = total + %s WHERE who = %s", (number, who))
    if number % 10 == 0:
        cursor.execute("DELETE FROM ledger WHERE who = %s ORDER BY id LIMIT 3", (who,))
    cursor.execute("COMMIT")


def _define(server: "MySQLServer", database: str, writer: Writer) -> None:
    try:
        with server.connect(database) as session, session.cursor() as cursor:
            # An earlier writer leaves its last tables.
            cursor.execute("SHOW TABLES LIKE 'passing%'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {name}")
            while not writer.stop.is_set():
                number = writer.ddl
                try:
                    _redefine(cursor, number)
                except pymysql.err.OperationalError as error:
                    # CREATE TABLE … SELECT reads the ledger under locks.
                    if error.args[0] != _DEADLOCK:
                        raise
                    cursor.execute(f"DROP TABLE IF EXISTS passing_{number}")
                else:
                    writer.ddl += 1
                time.sleep(0.02)
    except pymysql.err.Error as error:
        writer.errors.append(error)


def _redefine(cursor: Cursor, number: int) -> None:
    cursor.execute(f"CREATE TABLE passing_{number} AS SELECT * FROM ledger LIMIT 20")
    cursor.execute(f"ALTER TABLE passing_{number} ADD COLUMN extra INT DEFAULT {number}, ADD INDEX (who)")
    if number % 2:
        cursor.execute(f"TRUNCATE TABLE passing_{number}")
    if number >= 3:
        cursor.execute(f"DROP TABLE passing_{number - 3}")
