"""Opens sessions that measure, with the same settings on the source and on its copy, so that equal data give equal facts.

Several sessions measure side by side; whatever goes wrong in one of them ends the others at the server, at once.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import pymysql.err

from backups.errors import LifeboatError
from backups.services.mysql.source.connection import Session, rows

Item = TypeVar("Item")
Result = TypeVar("Result")

_SETTINGS: dict[str, str | int] = {
    "time_zone": "+00:00",
    "lock_wait_timeout": 5,
    "wait_timeout": 86400,
    "net_write_timeout": 3600,
    "sql_quote_show_create": 1,
}
"""What a server's own defaults could make a fact depend on, besides the limits that every session is freed from."""
_SOME_SETTINGS: dict[str, str | int] = {
    "transaction_isolation": "REPEATABLE-READ",
    "tx_isolation": "REPEATABLE-READ",
    "print_identified_with_as_hex": 1,
    "show_create_table_skip_secondary_engine": 0,
    "show_gipk_in_create_table_and_information_schema": 1,
    "use_secondary_engine": "OFF",
}
"""The same, of servers that have them: newer ones, or MariaDB, or all but MariaDB."""
_LIMITS = {"max_execution_time": 1000, "max_statement_time": 1}
"""How long a statement may take, in parts of a second: on MySQL, on MariaDB."""
TOO_LONG = (3024, 1969)
"""The error of a statement that took longer: on MySQL, on MariaDB."""
_HEARTBEAT = 20.0
"""Seconds."""


def prepare(session: Session) -> None:
    """Set the session variables that every fact is measured under."""
    rows(session, "SET NAMES utf8mb4")
    _set(session, _SETTINGS)
    known = {row[0] for row in rows(session, "SHOW SESSION VARIABLES WHERE variable_name IN %s", [tuple(_SOME_SETTINGS)])}
    _set(session, {name: value for name, value in _SOME_SETTINGS.items() if name in known})


@contextlib.contextmanager
def sessions(connect: Callable[[], Session], count: int) -> Iterator[list[Session]]:
    """Open `count` prepared sessions; all are closed at the end, which gives back every lock and snapshot they hold."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            session = connect()
            stack.callback(_close, session)
            prepare(session)
            opened.append(session)
        yield opened


def rows_without_warnings(session: Session, statement: str) -> list[tuple[object, ...]]:
    """Run a statement and return its rows. Raises LifeboatError when the server has warnings: then they prove nothing."""
    with session.cursor() as cursor:
        cursor.execute(statement)
        answer = list(cursor.fetchall())
        if cursor.warning_count:
            warnings = rows(session, "SHOW WARNINGS")
            level, code, message = warnings[0] if warnings else ("Warning", 0, "which is no longer shown")
            raise LifeboatError(
                f"the server answered with {cursor.warning_count} warnings, so the answer proves nothing: "
                f"{str(level).lower()} {code}: {message}; the statement was: {statement[:200]}",
                hint="1301 means that a row is longer than max_allowed_packet: raise it on the server",
            )
    return answer


def in_parallel(
    function: Callable[[Session, Item], Result],
    items: Iterable[Item],
    *,
    over: Sequence[Session],
    connect: Callable[[], Session],
    meanwhile: Callable[[], object] = lambda: None,
) -> list[Result]:
    """Call `function(session, item)` for each item, one thread a session; results in no order.

    The first fault, or an interrupt, ends what the other sessions are doing and is raised. `meanwhile` is called every 20 s.
    """
    waiting, lock, stop = iter(list(items)), threading.Lock(), threading.Event()

    def work(session: Session) -> list[Result]:
        results = []
        while not stop.is_set():
            with lock:
                item = next(waiting, None)
            if item is None:
                break
            results.append(function(session, item))
        return results

    with ThreadPoolExecutor(max_workers=len(over)) as pool:
        futures = [pool.submit(work, session) for session in over]
        try:
            return [result for part in _finished(futures, meanwhile) for result in part]
        except BaseException:
            stop.set()
            _end(connect, over)
            raise


def limit_statements(session: Session, seconds: float) -> None:
    """End each SELECT of the session after that long, with an error of `TOO_LONG`."""
    known = {row[0] for row in rows(session, "SHOW SESSION VARIABLES WHERE variable_name IN %s", [tuple(_LIMITS)])}
    _set(session, {name: max(1, int(seconds * unit)) for name, unit in _LIMITS.items() if name in known})


def _finished(futures: Sequence[Future[Result]], meanwhile: Callable[[], object]) -> list[Result]:
    while True:
        done, waiting = wait(futures, timeout=_HEARTBEAT, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        if not waiting:
            return [future.result() for future in futures]
        meanwhile()


def _end(connect: Callable[[], Session], busy: Sequence[Session]) -> None:
    """Kill sessions that are in the middle of a statement: the server would finish it although nobody listens."""
    with contextlib.suppress(pymysql.err.Error, LifeboatError), connect() as session:
        for other in busy:
            with contextlib.suppress(pymysql.err.Error):
                rows(session, "KILL %s", [other.thread_id()])  # type: ignore[no-untyped-call]


def _close(session: Session) -> None:
    with contextlib.suppress(pymysql.err.Error):
        session.close()


def _set(session: Session, settings: dict[str, str | int]) -> None:
    if settings:
        rows(session, "SET " + ", ".join(f"SESSION {name} = %s" for name in settings), list(settings.values()))
