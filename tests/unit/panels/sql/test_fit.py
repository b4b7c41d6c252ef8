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
    "SELECT /*+ NO_MERGE(a) */ max_execution_time FROM job",
    "SELECT 'it''s @here', \"@@x\", 'a\\'@@b'",
]
REFUSED = {
    "": "begins with nothing",
    "SHOW STATUS": "SHOW",
    "EXPLAIN SELECT 1": "EXPLAIN",
    "DELETE FROM t": "DELETE",
    "COMMIT": "COMMIT",
    "/*! DELETE */ FROM t": "begins with /*",
    "SET STATEMENT max_statement_time=0 FOR SELECT 1": "SET",
    "SELECT authentication_string FROM mysql.user": "(mysql)",
    "SELECT * FROM `mysql` /* */ . user": "(mysql)",
    'SELECT * FROM "MySQL"."user"': "(mysql)",
    "SELECT * FROM performance_schema.threads": "(performance_schema)",
    "SELECT table_rows FROM INFORMATION_SCHEMA.tables": "(information_schema)",
    "SELECT /*!50000 * FROM mysql.*/ user": "reads as SQL",
    "SELECT 1 /*M!100100 + 1 */": "reads as SQL",
    "SELECT @@version": "variable",
    "SELECT @a := 1": "variable",
    "SELECT GET_LOCK('x', 10)": "lock",
    "SELECT SLEEP(100)": "SLEEP",
    "SELECT load_file('/etc/passwd')": "LOAD_FILE",
    "SELECT 1 INTO OUTFILE '/tmp/x'": "INTO",
    "SELECT * FROM t FOR UPDATE": "locks",
    "SELECT * FROM t FOR SHARE": "locks",
    "SELECT * FROM t LOCK IN SHARE MODE": "locks",
    "SELECT /*+ MAX_EXECUTION_TIME(0) */ 1": "another time",
    "SELECT /*+ max_execution_time(5000) */ 1": "another time",
    "SELECT /*+ SET_VAR(max_execution_time=0) */ 1": "SET_VAR",
    "SELECT CONNECTION_ID ()": "who is asking",
    "SELECT NEXTVAL(numbers)": "nobody gets again",
    "SELECT NEXT VALUE FOR numbers": "nobody gets again",
}


@pytest.mark.parametrize("sql", READS)
def test_what_reads_data_is_asked(sql: str) -> None:
    """Words in texts, comments and quotes are no keywords."""
    assert fit.unfit(sql) is None


@pytest.mark.parametrize(("sql", "why"), REFUSED.items())
def test_what_does_not_is_refused_and_says_why(sql: str, why: str) -> None:
    """Also where it is hidden from the eye."""
    assert why in (fit.unfit(sql) or "")


QUOTED = [
    sql
    for name in ("load_file", "sleep", "get_lock", "connection_id", "benchmark")
    for sql in (f"SELECT `{name}`(1)", f"SELECT `{name.upper()}` (1)")
]


@pytest.mark.parametrize("sql", QUOTED)
def test_a_functions_name_in_quotes_is_the_function(sql: str) -> None:
    """Seen on MySQL 9.7."""
    assert fit.unfit(sql)


# Each seen on MySQL 9.7 to answer how many accounts there are, and where the mark is, to read on as SQL.
HIDDEN = {
    "SELECT count(*) /*!99999 {mark} */ FROM mysql.user -- {mark}": "",
    "SELECT /*M! {mark} */ count(*) FROM mysql.user -- {mark}": "",
    "SELECT count(*) /*+ {mark} */ FROM mysql.user -- {mark}": "",
    "SELECT /*+ {mark} */ count(*) FROM mysql.user -- {mark}": "",
    "SELECT 1 --\u00a0.host, {mark}--\u00a0{mark} FROM mysql.user \u00a0": "",
    "SELECT 1 --\u0085.host FROM mysql.user \u0085": "",
    "SELECT '\\', count(*) FROM mysql.user WHERE {mark}{mark} = ''": "NO_BACKSLASH_ESCAPES",
    "SELECT '\\', count(*) FROM mysql.user WHERE '\\' = ''": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
    'SELECT 1 AS "\\", count(*) FROM mysql.user WHERE 1 OR "user" = 1': "REAL_AS_FLOAT,ANSI_QUOTES,ANSI",
}


@pytest.mark.parametrize("mark", ["'", '"', "`"])
@pytest.mark.parametrize(("sql", "mode"), HIDDEN.items())
def test_nothing_is_hidden_where_lifeboat_and_the_server_read_otherwise(sql: str, mode: str, mark: str) -> None:
    """What looks like text or a comment to the one, and is SQL to the other."""
    assert fit.unfit(sql.format(mark=mark), mode)


@given(st.sampled_from([sql for sql in REFUSED if " " in sql]), st.sampled_from(["\t", "\n", "/* x */", " -- x\n", " # x\n"]))
def test_other_space_hides_nothing(sql: str, space: str) -> None:
    """Comments are space."""
    assert fit.unfit(sql.replace(" ", space))


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
        ("SELECT `rand` (1), `uuid`()", "RAND"),
        ("SELECT sysdate()", "SYSDATE"),
        ("SELECT $__timeGroupAlias(at,'1M'), 1", "an interval of months or years"),
        ("SELECT $__unixEpochGroup( e , 1y, 0)", "an interval of months or years"),
    ],
)
def test_what_hangs_on_the_clock_or_chance_is_named(sql: str, name: str) -> None:
    """Whatever was answered."""
    assert fit.moves(sql) == name


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT now FROM t",
        "SELECT UNIX_TIMESTAMP(at) FROM t",
        "SELECT 'now()'",
        "SELECT `rand`",
        "SELECT $__timeGroup(at,'1m')",
        "SELECT $__timeGroup(at,1d,1)",
    ],
)
def test_names_alone_are_not(sql: str) -> None:
    """Nor text."""
    assert fit.moves(sql) is None
