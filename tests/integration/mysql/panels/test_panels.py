"""What dashboards ask of a source inside its backup, its copies answer alike; what is damaged, they answer otherwise."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from backups.machine.wait import wait_until
from backups.panels import asking
from backups.panels.boards import DataSource
from backups.panels.compare import compared
from backups.panels.question import FILE, Answer, Panels, Question
from backups.panels.sql import fit
from backups.services.base import PanelsJob
from backups.services.mysql.panels.capture import PanelsCapture
from backups.services.mysql.source.connection import connect
from backups.services.mysql.witness import witness
from backups.services.panelled import PanelledCopy
from tests.integration.mysql.dump.harness import Dumping
from tests.servers.mariadb import StartMariaDB
from tests.servers.mysql import MySQLServer, StartMySQL
from tests.servers.mysql_chain import StartChain

WINDOW = (1795908000000, 1795908600000)
SERIES = "SELECT $__timeGroupAlias(at,'5m'), state AS metric, count(*) AS n FROM placed WHERE $__timeFilter(at) GROUP BY 1, 2 ORDER BY 1, 2"
ENDLESS = (
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT count(*) FROM r a, r b, r c, r d"
)
SQL = {
    "series": (SERIES, "time_series"),
    "table": ("SELECT id, at, stamped, price, state FROM placed ORDER BY id", "table"),
    "sum": ("SELECT sum(price) AS s FROM placed", "table"),
    "local": ("SELECT stamped, FROM_UNIXTIME(1795908000) AS at, HOUR(stamped) AS h FROM placed WHERE id = 1", "table"),
    "joined": ("SELECT group_concat(state ORDER BY id) AS `all`, \"quoted\" || 'x' AS q FROM placed", "table"),
    "empty": ("SELECT id FROM placed WHERE id < 0", "table"),
    "error": ("SELECT missing FROM placed", "table"),
    "today": ("SELECT day FROM today", "table"),
    "due": ("SELECT count(*) AS n FROM placed WHERE at BETWEEN NOW() + INTERVAL 7 DAY AND NOW() + INTERVAL 8 DAY", "table"),
    "chance": ("SELECT RAND() AS n", "table"),
    "server": ("SELECT user FROM mysql.user", "table"),
    "writes": ("DELETE FROM placed", "table"),
    "endless": (ENDLESS, "table"),
}
OUTCOMES = {
    **dict.fromkeys(("series", "table", "sum", "local", "joined"), "answered"),
    "empty": "empty",
    "error": "error",
    "today": "not-fixed",
    "due": "not-fixed",
    "chance": "not-fixed",
    **dict.fromkeys(("server", "writes", "endless"), "not-asked"),
}
SOURCE = DataSource(1, "shop", "Shop", "mysql", "", database="shop")
ELSEWHERE = DataSource(1, "east", "Shop in the east", "mysql", "", settings={"database": "shop", "timezone": "+09:00"})


def question(name: str, sql: str, form: str, uid: str = "shop") -> Question:
    """A panel's."""
    return Question(
        id=name,
        organisation=1,
        dashboard="orders",
        title="Orders",
        panel=f"panel 1 {name}",
        service="agama",
        start=WINDOW[0],
        end=WINDOW[1],
        query={"refId": "A", "datasource": {"type": "mysql", "uid": uid}, "rawSql": sql, "format": form, "intervalMs": 60000},
    )


QUESTIONS = [*(question(name, sql, form) for name, (sql, form) in SQL.items()), question("east", *SQL["local"], uid="east")]
JOB = PanelsJob("grafana-20261128T000000Z", QUESTIONS, (SOURCE, ELSEWHERE), seconds=60)


def fill(server: MySQLServer) -> None:
    """Orders of ten minutes."""
    server.sql(
        "CREATE DATABASE shop",
        "CREATE VIEW shop.today AS SELECT DATE(NOW()) AS day",
        "CREATE TABLE shop.placed (id INT PRIMARY KEY, at DATETIME(3), stamped TIMESTAMP NULL, price DECIMAL(10, 2), state VARCHAR(9) NOT NULL)",
        "INSERT INTO shop.placed SELECT n, FROM_UNIXTIME(1795908000 + n * 7), FROM_UNIXTIME(1795908000 + n * 7), n * 1.25, IF(n % 3, 'sent', 'new')"
        " FROM (WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 80) SELECT n FROM r) numbers",
    )


def kept(directory: Path) -> Panels:
    """What a backup keeps."""
    return asking.read((directory / FILE).read_bytes(), "a test")


def answers(panels: Panels) -> Mapping[str, Answer]:
    """By the questions' names."""
    return {answer.question: answer for answer in panels.answers}


def outcomes(panels: Panels, copy: PanelledCopy) -> dict[str, str]:
    """How a copy's answers compare with those that were kept."""
    with copy.asker((SOURCE, ELSEWHERE)) as asker:
        asked = asking.ask_all(asker, panels.questions, float("inf"))
    return {name: compared(then, asked.get(name)).outcome for name, then in answers(panels).items()}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question has one second here."""
    monkeypatch.setattr(fit, "MOST_SECONDS", 1)


def test_a_copy_answers_as_the_source_did(start_mysql: StartMySQL, start_chain: StartChain) -> None:
    """A source in another time zone and SQL mode, a full and an incremental; then with one row changed."""
    server = start_mysql("--sql-mode=PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION", before="export TZ=CET-1")
    fill(server)
    chain = start_chain(server)
    chain.backup(panels=JOB)
    panels = kept(chain.backups[0].data)
    assert {name: answer.outcome for name, answer in answers(panels).items()} == {**OUTCOMES, "east": "answered"}
    found = answers(panels)
    assert "(mysql)" in (found["server"].why or "")
    assert "1 s" in (found["endless"].why or "")
    assert found["local"].digest != found["east"].digest
    assert any("of 14 not asked" in limit for limit in chain.details().limits)
    server.sql("UPDATE shop.placed SET price = 0.01 WHERE id = 80")
    chain.backup(panels=replace(JOB, questions=[one for one in QUESTIONS if one.id != "endless"]))
    later = kept(chain.backups[1].data)
    assert answers(later)["sum"].digest != found["sum"].digest
    equal = {name: "equal" for name, outcome in {**OUTCOMES, "east": "answered"}.items() if outcome == "answered"}
    unproven = {"empty": "empty-at-source", "error": "error-at-source", **dict.fromkeys(("today", "due", "chance"), "not-fixed")}
    expected = equal | unproven | dict.fromkeys(("server", "writes"), "not-asked")
    restored = chain.restore().bring_back()
    assert outcomes(later, restored.copy) == expected
    assert restored.differences() == []
    # And the panels notice what they show.
    restored.sql("SET GLOBAL read_only = OFF", "UPDATE shop.placed SET price = price + 0.01 WHERE id = 3")
    noticed = {name for name, outcome in outcomes(later, restored.copy).items() if outcome == "otherwise"}
    assert noticed == {"table", "sum"}


def test_a_table_may_be_altered_while_dashboards_are_asked(mysql_server: MySQLServer, tmp_path: Path) -> None:
    """Nobody waits for a table that a question has read."""
    mysql_server.sql("CREATE DATABASE asked", "CREATE TABLE asked.t (id INT PRIMARY KEY)", "INSERT INTO asked.t VALUES (1)")
    questions = [question("first", "SELECT id FROM t", "table"), question("slow", ENDLESS, "table")]
    sources = (DataSource(1, "shop", "Shop", "mysql", "", database="asked"),)
    panels = PanelsCapture(PanelsJob(JOB.grafana, questions, sources), {}, lambda _: None)

    def take() -> None:
        witness.take(lambda: connect(mysql_server.settings()), connections=2, say=lambda _: None, inside=panels.inside)

    taking = threading.Thread(target=take)
    try:
        taking.start()
        running = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'WITH RECURSIVE%'"
        assert wait_until(lambda: bool(mysql_server.value(running)), seconds=60)
        mysql_server.sql("SET lock_wait_timeout = 1", "ALTER TABLE asked.t ADD n INT")
    finally:
        taking.join()
        mysql_server.sql("DROP DATABASE asked")
    panels.keep(tmp_path)
    found = answers(kept(tmp_path))
    assert "takes longer" in (found["slow"].why or "")
    # The second asking finds another table: then it is told so.
    assert "altered meanwhile" in (found["first"].why or "")


def test_a_dump_answers_too(start_mariadb: StartMariaDB, dumping: Dumping) -> None:
    """Of a MariaDB in another time zone; not where tables have no instant."""
    server = start_mariadb("--default-time-zone=+05:30")
    fill(server)
    names = ("series", "local", "today", "east")
    job = PanelsJob(JOB.grafana, [one for one in QUESTIONS if one.id in names], JOB.sources)
    server.sql("CREATE TABLE shop.old (id INT) ENGINE MyISAM")
    without = answers(kept(dumping.take(server, panels=job).fetched.data))
    assert {(answer.outcome, "shop.old (MyISAM)" in (answer.why or "")) for answer in without.values()} == {("not-asked", True)}
    server.sql("DROP TABLE shop.old")
    dumped = dumping.take(server, panels=job)
    panels = kept(dumped.fetched.data)
    found = {name: answer.outcome for name, answer in answers(panels).items()}
    assert found == {"series": "answered", "local": "answered", "today": "not-fixed", "east": "answered"}
    copy = dumping.bring_back(dumped, server)
    assert outcomes(panels, copy) == {"series": "equal", "local": "equal", "today": "not-fixed", "east": "equal"}
