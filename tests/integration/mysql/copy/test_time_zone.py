"""A source whose machine is not on UTC: statements in its log mean its time zone, and its copies take them so."""

import pytest

from backups.services.mysql.copy import options
from tests.servers.mysql import StartMySQL
from tests.servers.mysql_chain import StartChain


@pytest.mark.parametrize(("zone", "offset", "environment"), [("CET-1", 3600, "SRC-01:00"), ("NST+3:30", -12600, "SRC+03:30")])
def test_statements_of_another_time_zone_come_back_equal(
    start_mysql: StartMySQL, start_chain: StartChain, zone: str, offset: int, environment: str
) -> None:
    """Definitions and conversions that depend on the zone are made between full and incremental: they are in the log alone."""
    server = start_mysql(before=f"export TZ={zone}")
    assert server.value("SELECT @@time_zone") == "SYSTEM"
    server.sql(
        "CREATE DATABASE agama",
        "CREATE TABLE agama.placed (id INT PRIMARY KEY, at DATETIME)",
        "INSERT INTO agama.placed VALUES (1, '2026-01-01 00:30:00'), (2, '2026-07-01 12:00:00')",
    )
    chain = start_chain(server)
    chain.backup()
    server.sql(
        "ALTER TABLE agama.placed MODIFY at TIMESTAMP NULL",
        "CREATE TABLE agama.dated (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT '2026-03-01 00:00:00')",
        "INSERT INTO agama.dated (id) VALUES (1)",
        "CREATE EVENT agama.later ON SCHEDULE EVERY 1 DAY STARTS '2027-01-01 03:00:00' DO SELECT 1",
    )
    chain.backup()
    details = chain.details()
    assert details.system_offset == offset
    assert options.environment(details) == {"TZ": environment}
    assert chain.restore().bring_back().differences() == []
    # And the test can fail: taken as UTC, the conversion gives other moments.
    wrong = chain.restore()
    for fetched in wrong.copy._chain:
        fetched.manifest.details["system_offset"] = 0
    subjects = {check.subject for check in wrong.bring_back().differences()}
    assert "agama.placed" in subjects
