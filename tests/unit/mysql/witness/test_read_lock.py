"""The read lock on a scripted session: what is sent to the server, in which order, and what is given back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pymysql.err
import pytest

from backups.errors import LifeboatError, Transient
from backups.services.mysql.dump import instant as dump_instant
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import Version
from backups.services.mysql.witness.read_lock import read_lock

FLUSH, UNLOCK = "FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"
TIMED_OUT = pymysql.err.OperationalError(1205, "Lock wait timeout exceeded")
FORBIDDEN = pymysql.err.OperationalError(1227, "Access denied; you need RELOAD")


class Scripted:
    """A session that notes what it is sent; `faults` are raised by statements that begin so, one after another."""

    def __init__(self, **faults: Sequence[BaseException]) -> None:
        self.sent: list[str] = []
        self._faults = {start: list(each) for start, each in faults.items()}

    @contextmanager
    def cursor(self) -> Iterator["Scripted"]:
        yield self

    def execute(self, statement: str, arguments: object) -> None:
        self.sent.append(statement)
        waiting = self._faults.get(statement.split(maxsplit=1)[0], [])
        if waiting:
            raise waiting.pop(0)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [(7, "app", 61, "SELECT\n  SLEEP(61)")] if "processlist" in self.sent[-1] else []

    @property
    def locks(self) -> list[str]:
        return [statement for statement in self.sent if statement.split()[0] in ("FLUSH", "LOCK", "UNLOCK", "DO")]


def ticking() -> Callable[[], float]:
    """A clock that is one second later each time."""
    return iter(map(float, range(100))).__next__


def session(scripted: Scripted) -> Session:
    return cast("Session", scripted)


def test_is_given_back_once_and_its_seconds_end_then() -> None:
    scripted = Scripted()
    with read_lock(session(scripted), print, idle_limit=10, clock=ticking()) as lock:
        assert scripted.locks == [FLUSH]
        lock.release()
        seconds = lock.seconds
    assert scripted.locks == [FLUSH, UNLOCK]
    assert lock.seconds == seconds > 0
    assert lock.attempts == 1


def test_between_two_attempts_nothing_is_held() -> None:
    """FLUSH that waits in vain keeps the global lock: writers would wait while we pause."""
    scripted, said = Scripted(FLUSH=[TIMED_OUT]), []
    with read_lock(session(scripted), said.append, idle_limit=10) as lock:
        assert scripted.locks == [FLUSH, UNLOCK, "DO SLEEP(%s)", FLUSH]
    assert lock.attempts == 2
    assert said == ["the read lock is not free (attempt 1): session 7 of app has been running for 61 s: SELECT SLEEP(61)"]


def test_what_is_taken_under_it_is_waited_for_in_the_same_way() -> None:
    scripted, guard = Scripted(), iter([TIMED_OUT, None])

    def lock_instance() -> None:
        if (fault := next(guard)) is not None:
            raise fault

    with read_lock(session(scripted), print, idle_limit=10, under_lock=lock_instance) as lock:
        assert scripted.locks == [FLUSH, UNLOCK, "DO SLEEP(%s)", FLUSH]
    assert lock.attempts == 2


def test_is_given_back_when_the_block_fails_and_not_waited_for_for_ever() -> None:
    scripted = Scripted()
    with pytest.raises(ZeroDivisionError), read_lock(session(scripted), print, idle_limit=10):
        raise ZeroDivisionError
    assert scripted.locks == [FLUSH, UNLOCK]
    late = Scripted(FLUSH=[TIMED_OUT])
    never = pytest.raises(Transient, match=r"could not be taken in 10 minutes \(1 attempt of 1 s each\): session 7 of app")
    with never, read_lock(session(late), print, idle_limit=10, clock=iter([0.0, 0.0, 601.0]).__next__):
        raise AssertionError("the lock was not free")
    assert late.locks == [FLUSH, UNLOCK]


LOST = pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")
ENDS = [LOST, FORBIDDEN, pymysql.err.InterfaceError(0, ""), pymysql.err.MySQLError(), KeyboardInterrupt(), ZeroDivisionError()]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__ + str(end.args[:1]))
@pytest.mark.parametrize("where", ["asked for", "held"])
@pytest.mark.parametrize("gone", [None, LOST, pymysql.err.InterfaceError(0, "")], ids=["alive", "lost", "closed"])
def test_is_given_back_whatever_ends_the_taking(end: BaseException, where: str, gone: Exception | None) -> None:
    """Before it is got or right under it, by a lost session or an interrupt: the fault is told as it is, and no writer waits."""
    scripted = Scripted(FLUSH=[end] if where == "asked for" else [], UNLOCK=[gone] if gone else [])

    def lock_instance() -> None:
        if where == "held":
            raise end

    with (
        pytest.raises(type(end)) as caught,
        read_lock(session(scripted), print, idle_limit=10, under_lock=lock_instance),
    ):
        raise AssertionError("the lock was not taken")
    assert caught.value is end
    assert scripted.locks == [FLUSH, UNLOCK]


def wanted(*privileges: str) -> "dump_instant._Lock":
    seen = Source(Version.parse("8.4.3"), "uuid", {}, {}, frozenset(privileges), tls=True)
    return dump_instant._Lock([("a", "t"), ("a", "u")], seen)


def test_a_dump_locks_every_table_where_the_server_allows_no_global_lock() -> None:
    tables = "LOCK TABLES `a`.`t` READ, `a`.`u` READ"
    for privileges, faults, sent in (
        (["RELOAD"], [], [FLUSH]),
        (["LOCK TABLES"], [], [tables]),
        (["RELOAD"], [FORBIDDEN], [FLUSH, tables]),
    ):
        scripted, lock = Scripted(FLUSH=faults), wanted(*privileges)
        lock.take(session(scripted))
        assert scripted.locks == sent
        assert lock.kind == ("global" if sent == [FLUSH] else "tables")
    with pytest.raises(LifeboatError, match="may take neither the read lock nor locks on tables: Access denied"):
        wanted().take(session(Scripted(LOCK=[FORBIDDEN])))
