"""Everything that a real server stores is witnessed, or left out for a reason; what a newer server adds is in neither, and noticed."""

from fnmatch import fnmatchcase

from backups.services.mysql.source.connection import connect
from backups.services.mysql.witness import grants, kinds, scope, sessions
from tests.servers.mysql import MySQLServer


def _named(schema: str, table: str) -> list[str]:
    """The reasons under which a table stands."""
    name = table if schema == "information_schema" else f"{schema}.{table}"
    every = [*scope.WITNESSED.items(), *scope.LEFT_OUT.items()]
    return [reason for reason, patterns in every if any(fnmatchcase(name, pattern) for pattern in patterns)]


def test_every_table_of_the_server_stands_in_one_place(mysql_server: MySQLServer) -> None:
    """By the names that a 9.7 has: a table in neither list, or in two, fails."""
    found = mysql_server.rows(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN "
        "('mysql', 'information_schema', 'performance_schema') OR table_schema = 'sys' AND table_type = 'BASE TABLE'"
    )
    assert len(found) > 200
    assert {f"{schema}.{table}": reasons for schema, table in found if len(reasons := _named(schema, table)) != 1} == {}
    assert _named("mysql", "of_the_next_release") == []
    assert _named("information_schema", "INNODB_OF_THE_NEXT_RELEASE") == []


def test_what_is_called_witnessed_is_stated_by_something(mysql_server: MySQLServer) -> None:
    """Each kind has a function that works on a real server; each grant table is read; nothing is stated that is not listed."""
    with sessions.sessions(lambda: connect(mysql_server.settings()), 1) as (session,):
        _, known, limits = kinds.stated(session)
    with mysql_server.connect() as root:
        _, every, none = kinds.stated(root)
    assert (set(every), none) == (set(kinds.ALL) - {kinds.COUNTERS, kinds.PROBES}, [])
    # Of the privileges that a backup needs, none shows these, and the server does not say so.
    assert set(every) - set(known) == {"resource group"}
    assert limits == ["not compared, since this user may not see it: resource group (GRANT RESOURCE_GROUP_USER ON *.* TO it)"]
    in_mysql = {name.removeprefix("mysql.") for name in scope.WITNESSED["accounts"] if name.startswith("mysql.")}
    assert in_mysql == set(grants.TABLES)
    assert set(known) <= set(scope.WITNESSED)


def test_memory_and_table_agree_on_a_server_that_nobody_touched(mysql_server: MySQLServer) -> None:
    """Whatever accounts there are: with odd names, roles, partial revokes, or every privilege."""
    accounts = ("'it''s'@'10.%'", "'a@b'@'%'", "''@'localhost'", "'back`tick'@'%'")
    mysql_server.sql(*(f"CREATE USER {account} IDENTIFIED BY 'x'" for account in accounts), "CREATE ROLE worker")
    try:
        mysql_server.sql(
            f"GRANT ALL ON *.* TO {accounts[0]} WITH GRANT OPTION",
            f"GRANT SELECT, CREATE TEMPORARY TABLES, REPLICATION CLIENT, SHOW DATABASES, BACKUP_ADMIN ON *.* TO {accounts[1]}",
            f"GRANT worker TO {accounts[1]}",
        )
        with sessions.sessions(lambda: connect(mysql_server.settings()), 1) as (session,):
            assert list(grants.not_loaded(session)) == []
            mysql_server.sql("UPDATE mysql.user SET Repl_slave_priv = 'Y' WHERE user = 'a@b'")
            assert list(grants.not_loaded(session)) == ["a@b@%"]
            mysql_server.sql("FLUSH NO_WRITE_TO_BINLOG PRIVILEGES")
            assert list(grants.not_loaded(session)) == []
    finally:
        mysql_server.sql(*(f"DROP USER {account}" for account in accounts), "DROP ROLE worker")


def test_what_this_user_may_not_read_is_said(mysql_server: MySQLServer) -> None:
    """Never left out in silence: a user without SELECT on mysql is told which kinds are not compared."""
    mysql_server.sql("CREATE USER blind@'%' IDENTIFIED BY 'blind'")
    try:
        settings = mysql_server.settings(user="blind", password="blind")
        with sessions.sessions(lambda: connect(settings), 1) as (session,):
            _, known, limits = kinds.stated(session)
    finally:
        mysql_server.sql("DROP USER blind@'%'")
    for kind in ("server", "loadable function", "plugin", "component"):
        assert kind not in known
        assert any(
            limit.startswith(f"not compared, since this user may not see it: {kind} (SELECT command denied") for limit in limits
        )
