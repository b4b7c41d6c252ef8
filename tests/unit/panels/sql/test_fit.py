"""Which SQL of dashboards is asked at all, and which is answered otherwise each time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.panels.sql import fit

READS = [
    "SELECT 1",
    "  ( SELECT 1 ) UNION (SELECT 2)",
    "/* a; comment */ -- another\n# and one\nselect count(*) from `order` where note = 'mysql.user into @x for update'",
    "WITH t AS (SELECT 1 AS n) SELECT * FROM t",
    "TABLE client",
    "SELECT `into`, `for` FROM t WHERE `user` = 1 AND sleep > 5",
    "SELECT $__timeGroupAlias(at,'5m'), avg(v) FROM reading WHERE $__timeFilter(at) GROUP BY 1",
    "SELECT shop.mysql.x FROM shop.mysql",
    "SELECT a.b FROM sales.sys_log",
    "SELECT /*+ MAX_EXECUTION_TIME(5000) */ max_execution_time FROM job",
    "SELECT 'it''s @here', \"@@x\", 'a\\'@@b'",
]
REFUSED = {
    "": "begins with nothing",
    "SHOW STATUS": "SHOW",
    "EXPLAIN SELECT 1": "EXPLAIN",
    "DELETE FROM t": "DELETE",
    "COMMIT": "COMMIT",
    "/*! DELETE */ FROM t": "DELETE",
    "SET STATEMENT max_statement_time=0 FOR SELECT 1": "SET",
    "SELECT authentication_string FROM mysql.user": "(mysql)",
    "SELECT * FROM `mysql` /* */ . user": "(mysql)",
    'SELECT * FROM "MySQL"."user"': "(mysql)",
    "SELECT * FROM performance_schema.threads": "(performance_schema)",
    "SELECT table_rows FROM INFORMATION_SCHEMA.tables": "(information_schema)",
    "SELECT /*!50000 * FROM mysql.*/ user": "(mysql)",
    "SELECT @@version": "variable",
    "SELECT @a := 1": "variable",
    "SELECT GET_LOCK('x', 10)": "lock",
    "SELECT SLEEP(100)": "SLEEP",
    "SELECT load_file('/etc/passwd')": "LOAD_FILE",
    "SELECT 1 INTO OUTFILE '/tmp/x'": "INTO",
    "SELECT * FROM t FOR UPDATE": "locks",
    "SELECT * FROM t FOR SHARE": "locks",
    "SELECT * FROM t LOCK IN SHARE MODE": "locks",
    "SELECT /*+ MAX_EXECUTION_TIME(0) */ 1": "more time",
    "SELECT /*+ max_execution_time(60000) */ 1": "more time",
    "SELECT /*+ SET_VAR(max_execution_time=0) */ 1": "SET_VAR",
    "SELECT CONNECTION_ID ()": "who is asking",
}


@pytest.mark.parametrize("sql", READS)
def test_what_reads_data_is_asked(sql: str) -> None:
    """Words in texts, comments and quotes are no keywords."""
    assert fit.unfit(sql) is None


@pytest.mark.parametrize(("sql", "why"), REFUSED.items())
def test_what_does_not_is_refused_and_says_why(sql: str, why: str) -> None:
    """Also where it is hidden from the eye."""
    assert why in (fit.unfit(sql) or "")


@given(st.sampled_from([sql for sql in REFUSED if " " in sql]), st.sampled_from(["\t", "\n", "/* x */", " -- x\n", " # x\n"]))
def test_other_space_hides_nothing(sql: str, space: str) -> None:
    """Comments are space."""
    assert fit.unfit(sql.replace(" ", space)) == fit.unfit(sql) or "'" in sql


@given(st.text())
def test_any_text_has_an_answer(sql: str) -> None:
    """However broken."""
    fit.unfit(sql)
    fit.moves(sql)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT * FROM t WHERE at > NOW() - INTERVAL 1 DAY", "NOW"),
        ("SELECT current_timestamp", "CURRENT_TIMESTAMP"),
        ("SELECT UNIX_TIMESTAMP ( )", "UNIX_TIMESTAMP"),
        ("SELECT rand(5)", "RAND"),
        ("SELECT uuid()", "UUID"),
        ("SELECT sysdate()", "SYSDATE"),
        ("SELECT $__timeGroupAlias(at,'1M'), 1", "an interval of months or years"),
        ("SELECT $__unixEpochGroup( e , 1y, 0)", "an interval of months or years"),
    ],
)
def test_what_hangs_on_the_clock_or_chance_is_named(sql: str, name: str) -> None:
    """Through a Grafana, whose sessions have one clock."""
    assert fit.moves(sql) == name


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT now FROM t",
        "SELECT UNIX_TIMESTAMP(at) FROM t",
        "SELECT 'now()'",
        "SELECT `rand` (1)",
        "SELECT $__timeGroup(at,'1m')",
        "SELECT $__timeGroup(at,1d,1)",
    ],
)
def test_names_alone_are_not(sql: str) -> None:
    """Nor text."""
    assert fit.moves(sql) is None


def test_under_two_clocks_only_what_they_do_not_move_is_named() -> None:
    """The others are told by their answers."""
    assert fit.moves("SELECT NOW(), CURDATE()", shifted=True) is None
    assert fit.moves("SELECT NOW(), SYSDATE()", shifted=True) == "SYSDATE"
    assert fit.moves("SELECT RAND()", shifted=True) == "RAND"
    assert fit.moves("SELECT $__timeGroup(at,'1M')", shifted=True) == "an interval of months or years"
