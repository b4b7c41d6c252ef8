"""A masked copy of MariaDB, from a dump: the same code, another server."""

import pytest

from backups.errors import ConfigError
from backups.services.masked import Masks
from tests.integration.mysql.dump.harness import Dumping, dumping
from tests.servers.mariadb import StartMariaDB, mariadb_template, start_mariadb

__all__ = ["dumping", "mariadb_template", "start_mariadb"]
pytestmark = pytest.mark.docker

SOURCE = (
    "CREATE DATABASE shop",
    (
        "CREATE TABLE shop.client (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(100) UNIQUE, name VARCHAR(50), settings JSON, "
        "loud VARCHAR(99) AS (UPPER(name)) STORED, f FLOAT, i INET6)"
    ),
    "INSERT INTO shop.client (email, name, settings, f, i) VALUES ('Quastenflosser@gibtsnicht.cz', 'Kunigunde Quastenflosser', '{\"a\": \"Zwetschgenweg\"}', 1.1, '::7'), (NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE shop.old (id INT PRIMARY KEY, name VARCHAR(50)) WITH SYSTEM VERSIONING",
    "INSERT INTO shop.old VALUES (1, 'Kunigunde Quastenflosser')",
    "UPDATE shop.old SET name = 'Zwetschgenweg'",
    "CREATE TABLE shop.Old (x INT)",
    "INSERT INTO shop.Old VALUES (7)",
    "CREATE SEQUENCE shop.numbers START 100",
    "CREATE USER quastenflosser",
    "CREATE DEFINER = quastenflosser VIEW shop.people AS SELECT name FROM shop.client",
)


def test_mariadb(start_mariadb: StartMariaDB, dumping: Dumping) -> None:
    server = start_mariadb()
    server.sql(*SOURCE)
    dumped = dumping.take(server)
    copy, service = dumping.bring_back(dumped, server), dumping.service(server)
    with pytest.raises(ConfigError, match=r"masks: shop\.client\.loud: the server computes shop\.client\.loud"):
        service.masking(copy, Masks({"shop.client.loud": "name"}, b"k" * 32), copy._sandbox)
    masks = Masks({"*.email": "email", "*.name": "name", "*.settings": "text", "shop.client.i": "keep"}, b"k" * 32)
    masking = service.masking(copy, masks, copy._sandbox)
    assert masking.unruled == []
    made = masking.make(lambda _: None)
    assert made.tables == {"shop.client": 2, "shop.old": 1, "shop.Old": 1}
    assert made.without_history == ["shop.old"]
    assert made.searched is not None
    assert made.searched.values >= 3
    files = [path.read_bytes() for path in made.delivery.data.rglob("*") if path.is_file()]
    for planted in (b"quastenflosser", b"zwetschgenweg"):
        assert not [len(file) for file in files if planted in file.lower()]
