"""A restored server that is handed over is the source's: an operator's own server starts on its files, and finds nothing of ours."""

import itertools
import os
from pathlib import Path

import pymysql
import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from backups.services.mysql.copy import hand_over
from backups.services.mysql.copy.for_drill import Account
from backups.services.mysql.copy.server import Server
from backups.services.mysql.source.connection import Session, rows
from tests.servers.mysql import IMAGE, ROOT_PASSWORD, StartMySQL
from tests.servers.mysql_chain import StartChain
from tests.servers.mysql_operator import Operator

_numbers = itertools.count(1)

SOURCE = (
    "CREATE DATABASE agama",
    "CREATE TABLE agama.client (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50))",
    "CREATE TABLE agama.ticked (at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6), id INT AUTO_INCREMENT PRIMARY KEY)",
    "INSERT INTO agama.client (name) VALUES ('a'), ('b'), ('c')",
    "DELETE FROM agama.client WHERE id = 3",
    "CREATE USER app@'%' IDENTIFIED BY 'app''s own'",
    "GRANT ALL ON *.* TO app@'%'",
    "CREATE EVENT agama.tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO agama.ticked () VALUES ()",
    "CREATE EVENT agama.asleep ON SCHEDULE EVERY 1 SECOND DISABLE DO INSERT INTO agama.ticked () VALUES ()",
    # It follows somebody: what is restored must not.
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'elsewhere.invalid', SOURCE_PORT = 3307",
)


@pytest.mark.parametrize("gtid", [True, False], ids=["with GTIDs", "without GTIDs"])
def test_an_operator_starts_a_server_on_what_is_handed_over(
    start_mysql: StartMySQL, start_chain: StartChain, operator: Operator, gtid: bool
) -> None:
    server = start_mysql("--event-scheduler=OFF", "--plugin-load-add=auth_socket=auth_socket.so", gtid=gtid)
    server.sql(*SOURCE)
    uuid = server.value("SELECT @@server_uuid")
    chain = start_chain(server)
    chain.backup()
    server.sql(
        "INSERT INTO agama.client (name) VALUES ('d')",
        "CREATE EVENT agama.later ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "XA START 'open'",
        "INSERT INTO agama.client (name) VALUES ('prepared')",
        "XA END 'open'",
        "XA PREPARE 'open'",
    )
    chain.backup()
    restored = chain.restore(for_restore=True).bring_back()
    assert restored.differences() == []
    assert restored.sql(
        "SELECT @@innodb_doublewrite, @@innodb_flush_log_at_trx_commit, @@innodb_fast_shutdown, @@event_scheduler, @@replica_parallel_workers"
    ) == [("ON", 1, 1, "OFF", max(2, min(8, len(os.sched_getaffinity(0)))))]
    delivery = restored.copy.settle()

    assert (delivery.inside, delivery.configuration) == ("/var/lib/mysql", None)
    assert (delivery.ownership.names, delivery.ownership.user, delivery.ownership.mode) == ("mysql:mysql", 999, 0o750)
    names = {path.name for path in delivery.data.iterdir()}
    assert not names & {"auto.cnf", "#clone", "mysqld-auto.cnf"}
    assert not [
        name for name in names if name.endswith((".pem", ".pid", ".sock", ".lock")) or "relay" in name or "binlog" in name
    ]
    # As the source was: a server runs events unless it is told not to.
    assert "--event_scheduler=OFF" in delivery.options
    assert delivery.beside is not None
    notes = "\n".join(delivery.notes)
    assert "the next backup is a full" in notes
    assert "lower_case_table_names=" in notes
    assert "1 XA transactions were prepared" in notes
    assert "auth_socket.so" in notes
    assert "the source followed elsewhere.invalid:3307" in notes
    assert "2 events are enabled as on the source" in notes
    assert ("gtid_mode=ON" in notes, f"GTIDs executed: {uuid}" in notes) == (gtid, gtid)

    modes = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON") if gtid else ()
    operated = operator.start(restored, delivery, *modes)
    told = operated.container.logs(400)
    assert "was not shutdown normally" not in told
    assert "[ERROR]" not in told
    # As somebody who knew the source's password: and there is nobody else.
    users = "SELECT user, host FROM mysql.user ORDER BY user, host"
    assert operated.rows(users) == [*server.rows(users)]
    assert operated.rows("SELECT @@read_only, @@super_read_only, @@log_bin, @@event_scheduler") == [(0, 0, 1, "ON")]
    assert operated.rows("SHOW REPLICA STATUS") == []
    for table in ("slave_master_info", "slave_relay_log_info", "slave_worker_info"):
        assert operated.rows(f"SELECT * FROM mysql.{table}") == []
    assert operated.rows("SELECT @@server_uuid") != [(uuid,)]
    assert operated.rows("SELECT @@innodb_doublewrite, @@innodb_flush_log_at_trx_commit, @@sync_binlog") == [("ON", 1, 1)]
    assert operated.rows("SELECT event_name, status FROM information_schema.events ORDER BY 1") == [
        ("asleep", "DISABLED"),
        ("later", "ENABLED"),
        ("tick", "ENABLED"),
    ]
    # It never ran in the sandbox (the witness was equal), and runs now.
    assert wait_until(lambda: operated.rows("SELECT COUNT(*) FROM agama.ticked")[0][0] > 0, seconds=60)
    operated.rows("XA ROLLBACK 'open'")
    with operated.connect("app", "app's own") as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO agama.client (name) VALUES ('e')")
        # 5 was the prepared one's: AUTO_INCREMENT goes on behind everything that the source gave away.
        assert cursor.lastrowid == 6
    if gtid:
        purged, executed = operated.rows("SELECT @@gtid_purged, @@gtid_executed")[0]
        assert uuid in str(purged)
        assert str(executed).count(":") > str(purged).count(":")
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        operated.connect("app", "another")


@pytest.mark.parametrize(
    ("script", "told"),
    [("exit 3", "did not end in order \\(exit code 3\\)"), ("exec sleep 600", "does not end within 1 s")],
    ids=["crashed", "hanging"],
)
def test_a_server_that_does_not_end_in_order_is_not_handed_over(
    mysql_docker: Docker, start_mysql: StartMySQL, script: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's session is real; the container that is looked at is one that ends as no server should."""
    monkeypatch.setattr(hand_over, "_ENDING", 1.0 if "sleep" in script else 60.0)
    account, server = Account.random(), start_mysql()
    name = f"lifeboat-test-ending-{os.getpid()}-{next(_numbers)}"
    container = mysql_docker.run(name, mysql_docker.image(IMAGE), entrypoint=["sh", "-c", script])
    try:
        with Session(trusted=True, host=server.host, user="root", password=ROOT_PASSWORD, autocommit=True) as session:
            rows(session, f"CREATE USER {account.user}@localhost")
            with pytest.raises(LifeboatError, match=told):
                list(hand_over.shut_down(session, account, Server(container, Path("/nowhere"), account), 0))
    finally:
        container.remove()
