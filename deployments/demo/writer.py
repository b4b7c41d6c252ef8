"""Writes to the demo's database all the time: orders, payments, changes, deletions, and a few schema changes."""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import cast

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from backups.errors import LifeboatError

_BUSY = (1205, 1213)
"""Lock wait timeout, deadlock: the clients go on with the next transaction."""


@dataclass
class Writer:
    """Writes to a MySQL server from some threads until stopped; `done` counts committed transactions by kind.

    pause: seconds between two transactions of one thread.
    """

    host: str
    password: str = field(repr=False)
    threads: int = 2
    pause: float = 0.02
    done: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _fault: BaseException | None = None

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Write while the block runs. Raises LifeboatError at its end when a thread has failed: then there was no load."""
        threads = [
            threading.Thread(target=self._work, args=(number,), name=f"writer {number}", daemon=True)
            for number in range(self.threads)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(timeout=60)
        if self._fault is not None:
            raise LifeboatError(f"the demo's writer stopped early: {self._fault}", hint="see the log of its MySQL container")

    @property
    def transactions(self) -> int:
        """The number of transactions committed so far."""
        return sum(self.done.values())

    def _work(self, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - the demo's rows, not a secret
        try:
            with closing(self._connect()) as connection:
                while not self._stop.wait(self.pause):
                    step = cast("Callable[[Cursor, random.Random], None]", chance.choices(_STEPS, _WEIGHTS)[0])
                    self._one(connection, step, chance)
        except Exception as error:  # noqa: BLE001 - raised when the block of `writing` ends
            if not self._stop.is_set():
                self._fault = error

    def _one(
        self, connection: "Connection[Cursor]", step: Callable[[Cursor, random.Random], None], chance: random.Random
    ) -> None:
        try:
            with connection.cursor() as cursor:
                step(cursor, chance)
            connection.commit()
        except pymysql.err.OperationalError as error:
            if error.args[0] not in _BUSY:
                raise
            with contextlib.suppress(pymysql.MySQLError):
                connection.rollback()
            return
        with self._guard:
            self.done[step.__name__.strip("_").replace("_", " ")] += 1

    def _connect(self) -> "Connection[Cursor]":
        return pymysql.connect(host=self.host, user="agama", password=self.password, database="agama", charset="utf8mb4")


def _order(cursor: Cursor, chance: random.Random) -> None:
    cursor.execute(
        "INSERT INTO `order` (client_id, placed_at, note) VALUES (%s, NOW(6), %s)",
        (chance.randint(1, 20000), chance.choice([None, "by the back door 🚪", "now!"])),
    )
    order = cursor.lastrowid
    for line in range(1, chance.randint(2, 5)):
        cursor.execute(
            "INSERT INTO order_line (order_id, line, product_id, quantity, price) "
            "SELECT %s, %s, id, %s, price FROM product WHERE id = %s",
            (order, line, chance.randint(1, 9), chance.randint(1, 800)),
        )
    if chance.random() < 0.5:
        cursor.execute("CALL pay(%s, 'card')", (order,))


def _client_change(cursor: Cursor, chance: random.Random) -> None:
    cursor.execute(
        "UPDATE client SET credit = credit + %s, rating = %s, loyalty = loyalty * 1.0000001, flags = flags ^ %s, seen = NOW(6), "
        "settings = JSON_SET(COALESCE(settings, '{}'), '$.visits', %s) WHERE id = %s",
        (
            chance.randint(-500, 500) / 100,
            chance.random() * 100,
            chance.randint(0, 4095),
            chance.randint(1, 999),
            chance.randint(1, 20000),
        ),
    )


def _stock_change(cursor: Cursor, chance: random.Random) -> None:
    cursor.execute(
        "UPDATE product SET stock = stock - 1, weight = weight * 1.001 WHERE id BETWEEN %s AND %s + 3",
        (chance.randint(1, 800),) * 2,
    )


def _cancellation(cursor: Cursor, chance: random.Random) -> None:
    cursor.execute("DELETE FROM `order` WHERE id = %s", (chance.randint(1, 45000),))


def _log_rotation(cursor: Cursor, chance: random.Random) -> None:
    cursor.execute("DELETE FROM audit_log ORDER BY at, who LIMIT %s", (chance.randint(1, 5),))


def _document(cursor: Cursor, chance: random.Random) -> None:
    cursor.execute(
        "INSERT INTO document (client_id, title, media_type, content, plain_text) VALUES (%s, 'scan', 'image/png', %s, %s)",
        (chance.randint(1, 20000), chance.randbytes(chance.randint(1, 20000)), "seen and signed ✍️"),
    )


def _rolled_back(cursor: Cursor, chance: random.Random) -> None:
    cursor.execute("DELETE FROM payment WHERE id = %s", (chance.randint(1, 25000),))
    cursor.execute("ROLLBACK")


def _schema_change(cursor: Cursor, chance: random.Random) -> None:
    table = f"campaign_{chance.randint(1, 3)}"
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} (id INT PRIMARY KEY AUTO_INCREMENT, sent DATETIME(6), code VARBINARY(8))")
    cursor.execute(f"INSERT INTO {table} (sent, code) VALUES (NOW(6), %s)", (chance.randbytes(8),))  # noqa: S608 - our own name
    cursor.execute(
        chance.choice(
            [
                f"TRUNCATE TABLE {table}",
                f"DROP TABLE {table}",
                f"ALTER TABLE {table} ADD COLUMN note{chance.randint(1, 10**9)} TEXT",
            ]
        )
    )


_STEPS = (_order, _client_change, _stock_change, _cancellation, _log_rotation, _document, _rolled_back, _schema_change)
_WEIGHTS = (40, 30, 10, 5, 10, 5, 2, 0.5)
