"""The servers that tests of carrying share."""

import pytest

from backups.services.mysql.carry.nightly import OPTIONS
from tests.servers.mysql import MySQLServer, StartMySQL


@pytest.fixture(scope="session")
def source(mysql_session_servers: StartMySQL) -> MySQLServer:
    """A server whose log is read: nobody else may write on it."""
    return mysql_session_servers()


@pytest.fixture(scope="session")
def throw_away(mysql_session_servers: StartMySQL) -> MySQLServer:
    """A server that hashes images of rows, as the one that a backup starts."""
    return mysql_session_servers(*OPTIONS, binlog=False)
