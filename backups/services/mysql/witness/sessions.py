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
from backups.services.mysql.source.looking import fix, set_variables

Item = TypeVar("Item")
Result = TypeVar("Result")

_LIMITS = {"max_execution_time": 1000, "max_statement_time": 1}
"""How long a statement may take, in parts of a second: on MySQL, on MariaDB."""
TOO_LONG = (3024, 1969)
"""The error of a statement that took longer: on MySQL, on MariaDB."""
_HEARTBEAT = 20.0
"""Seconds."""


@contextlib.contextmanager
def sessions(connect: Callable[[], Session], count: int) -> Iterator[list[Session]]:
    """Open `count` prepared sessions; all are closed at the end, which gives back every lock and snapshot they hold."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            session = connect()
            stack.callback(_close, session)
            fix(session)
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
    set_variables(session, {name: max(1, int(seconds * unit)) for name, unit in _LIMITS.items() if name in known})


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
