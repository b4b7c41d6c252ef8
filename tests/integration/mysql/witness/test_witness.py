"""The witness of a live source: quick, let go of whatever happens, and of one instant."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pymysql
import pytest

from backups.errors import Transient
from backups.machine.wait import wait_until
from backups.services.mysql.source.connection import Session, connect, rows
from backups.services.mysql.witness import instant, read_lock, sessions, witness
from backups.services.mysql.witness.witness import Witnessed
from tests.servers.mysql import MySQLServer, StartMySQL

Take = Callable[..., Witnessed]


@pytest.fixture
def take(mysql_server: MySQLServer) -> Iterator[Take]:
    """Take a witness of the shared server, which holds nothing for us afterwards."""

    def taken(say: Callable[[str], None] = lambda line: None, inside: Callable[[Session], None] | None = None) -> Witnessed:
        return witness.take(lambda: connect(mysql_server.settings()), connections=2, say=say, inside=inside)

    yield taken
    assert wait_until(lambda: not ours(mysql_server), seconds=120), ours(mysql_server)
    mysql_server.sql("SET lock_wait_timeout = 1", "CREATE DATABASE free_again", "DROP DATABASE free_again")


def ours(server: MySQLServer) -> list[tuple[object, ...]]:
    return server.rows("SELECT id, command, info FROM information_schema.processlist WHERE user = 'lifeboat'")


@contextmanager
def database(server: MySQLServer, name: str) -> Iterator[str]:
    server.sql(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        server.sql(f"DROP DATABASE {name}")


@contextmanager
def running(server: MySQLServer, statement: str) -> Iterator[None]:
    """A session in which `statement` runs until the block ends, if it has not ended by itself."""
    session = server.connect()
    number = session.thread_id()

    def run() -> None:
        try:
            with session.cursor() as cursor:
                cursor.execute(statement)
        except pymysql.err.Error:
            return

    thread = threading.Thread(target=run)
    thread.start()
    assert wait_until(
        lambda: bool(server.rows("SELECT 1 FROM information_schema.processlist WHERE id = %s AND info IS NOT NULL", [number])),
        seconds=10,
    )
    try:
        yield
    finally:
        if thread.is_alive():
            server.sql(f"KILL {number}")
        thread.join()
        session.close()


def test_a_thousand_tables(mysql_server: MySQLServer, take: Take) -> None:
    """The lock does not grow with the number of tables, nor do the statements that DDL waits for grow long."""
    with database(mysql_server, "many"):
        mysql_server.sql(
            *(f"CREATE TABLE t{number} (id INT PRIMARY KEY) TABLESPACE innodb_system" for number in range(1000)), database="many"
        )
        began = time.monotonic()
        taken = take()
        assert time.monotonic() - began < 60
    tables = [fact for fact in taken.facts if fact.subject.startswith("many.")]
    assert len(tables) == 3000
    assert taken.lock_seconds < 5


def test_a_long_statement_holds_writers_up_for_a_second_at_most(mysql_server: MySQLServer, take: Take) -> None:
    """The read lock is asked for again and again, never waited for; what is in the way is named."""
    said: list[str] = []
    with database(mysql_server, "held"):
        mysql_server.sql(
            "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE w (id INT AUTO_INCREMENT PRIMARY KEY)", database="held"
        )
        mysql_server.sql("INSERT INTO t VALUES (1)", database="held")
        stop, pauses = threading.Event(), []

        def write() -> None:
            with mysql_server.connect("held") as session, session.cursor() as cursor:
                while not stop.is_set():
                    began = time.monotonic()
                    cursor.execute("INSERT INTO w VALUES ()")
                    pauses.append(time.monotonic() - began)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            with running(mysql_server, "SELECT SLEEP(5) FROM held.t"):
                taken = take(said.append)
        finally:
            stop.set()
            writer.join()
    assert taken.lock_attempts > 1
    assert any("SELECT SLEEP(5) FROM held.t" in line for line in said), said
    assert max(pauses) < read_lock.LOCK_WAIT + 3
    assert taken.lock_seconds < read_lock.LOCK_WAIT + 2


def test_gives_up_when_the_lock_is_not_to_be_had(mysql_server: MySQLServer) -> None:
    """In the end it says what is in the way, and holds nothing."""
    clock = iter([0.0, 0.0, 9999.0])
    with database(mysql_server, "held"):
        mysql_server.sql("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", database="held")
        with (
            running(mysql_server, "SELECT SLEEP(60) FROM held.t"),
            sessions.sessions(lambda: connect(mysql_server.settings()), 3) as (control, guard, reader),
            pytest.raises(
                Transient, match=r"could not be taken in 10 minutes \(1 attempt of 1 s each\): session .* SELECT SLEEP\(60\)"
            ),
        ):
            instant.freeze(control, guard, [reader], print, clock=lambda: next(clock))


def test_ddl_that_never_ends_is_made_to_wait(mysql_server: MySQLServer, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is replaced over and over voids a round; after two of them DDL waits, and the witness comes to an end."""
    said: list[str] = []
    with database(mysql_server, "churned"):
        mysql_server.sql(
            "CREATE TABLE large (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT)",
            "CREATE TABLE t (id INT PRIMARY KEY)",
            database="churned",
        )
        mysql_server.sql(
            "INSERT INTO large (t) SELECT REPEAT('x', 5000) FROM information_schema.columns LIMIT 2000", database="churned"
        )
        stop, count = threading.Event(), []

        def churn() -> None:
            with mysql_server.connect("churned") as session, session.cursor() as cursor:
                while not stop.is_set():
                    cursor.execute("CREATE TABLE next (id INT PRIMARY KEY)")
                    cursor.execute("INSERT INTO next VALUES (1)")
                    # The way that online schema changes end: another table takes the name, no snapshot objects.
                    cursor.execute("RENAME TABLE t TO old, next TO t")
                    cursor.execute("DROP TABLE old")
                    count.append(1)

        really = witness.thaw

        def thaw_and_see_it_change(guard: Session) -> None:
            really(guard)
            goal = len(count) + 2
            assert wait_until(lambda: len(count) >= goal, seconds=60)

        def inside(session: Session) -> None:
            goal = len(count) + 2
            assert wait_until(lambda: len(count) >= goal, seconds=60), "DDL waits although the witness is taken"
            asked.append(rows(session, "SELECT @@transaction_read_only"))

        asked: list[object] = []
        monkeypatch.setattr(witness, "thaw", thaw_and_see_it_change)
        thread = threading.Thread(target=churn)
        thread.start()
        try:
            assert wait_until(lambda: len(count) > 5, seconds=60)
            taken = take(said.append, inside)
        finally:
            stop.set()
            thread.join()
    assert [line for line in said if "taking it anew" in line], said
    assert said[-1].endswith("taking it anew, DDL waits")
    assert len(asked) == 1
    assert {fact.metric for fact in taken.facts if fact.subject == "churned.t"} == {"rows", "fingerprint", "definition"}


def test_a_table_that_takes_anothers_name_does_not_pass_for_it(mysql_server: MySQLServer) -> None:
    """RENAME leaves both tables readable in an old snapshot: only the catalogue tells that they were exchanged."""
    from backups.services.mysql.witness import catalogue

    with database(mysql_server, "renamed"), sessions.sessions(lambda: connect(mysql_server.settings()), 1) as (session,):
        mysql_server.sql("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)", database="renamed")
        before = catalogue.read(session)
        assert before.still_holds(catalogue.read(session))
        mysql_server.sql("CREATE TABLE c (id INT PRIMARY KEY)", database="renamed")
        assert before.still_holds(catalogue.read(session))
        mysql_server.sql("RENAME TABLE a TO x, b TO a, x TO b", database="renamed")
        assert not before.still_holds(catalogue.read(session))


@pytest.mark.parametrize(
    "change", ["TRUNCATE t", "ALTER TABLE t RENAME COLUMN id TO number", "DROP TABLE t", "ALTER TABLE t FORCE"]
)
def test_the_catalogue_notices(mysql_server: MySQLServer, change: str) -> None:
    from backups.services.mysql.witness import catalogue

    with database(mysql_server, "noticed"), sessions.sessions(lambda: connect(mysql_server.settings()), 1) as (session,):
        mysql_server.sql("CREATE TABLE t (id INT PRIMARY KEY)", database="noticed")
        before = catalogue.read(session)
        mysql_server.sql(change, database="noticed")
        assert not before.still_holds(catalogue.read(session))


def test_a_fault_in_one_session_ends_the_others_at_once(mysql_server: MySQLServer) -> None:
    """A statement that nobody listens to any more would keep a processor of the source busy until it ends."""
    began = time.monotonic()

    def ask(session: Session, statement: str) -> None:
        sessions.rows_without_warnings(session, statement)

    def connecting() -> Session:
        return connect(mysql_server.settings())

    with sessions.sessions(connecting, 2) as opened, pytest.raises(pymysql.err.ProgrammingError, match="no_such"):
        sessions.in_parallel(ask, ["SELECT SLEEP(300)", "SELECT * FROM mysql.no_such"], over=opened, connect=connecting)
    assert time.monotonic() - began < 60
    assert wait_until(lambda: not ours(mysql_server), seconds=120)


def test_the_position_is_that_of_the_snapshots(start_mysql: StartMySQL) -> None:
    """Under a writer at full speed, what the position's GTIDs hold is what was counted, to the row."""
    server = start_mysql()
    server.sql("CREATE DATABASE counted", "CREATE TABLE counted.t (id INT AUTO_INCREMENT PRIMARY KEY)")
    # From here on, every transaction is one row.
    before = int(server.value("SELECT @@GLOBAL.gtid_executed").rpartition("-")[2])
    stop = threading.Event()

    def write() -> None:
        with server.connect("counted") as session, session.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("INSERT INTO t VALUES ()")

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        taken = [witness.take(lambda: connect(server.settings()), connections=2, say=print) for _ in range(10)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for each in taken:
        (counted,) = [fact.value for fact in each.facts if (fact.subject, fact.metric) == ("counted.t", "rows")]
        assert each.position.gtid_executed is not None
        assert counted == int(each.position.gtid_executed.rpartition("-")[2]) - before
    assert len({each.position.offset for each in taken}) == len(taken)
