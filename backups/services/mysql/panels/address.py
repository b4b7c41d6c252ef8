"""Tells by its address whether a data source of Grafana's is this MySQL server."""

from backups.panels.boards import DataSource
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection
from backups.services.panelled import same_server

_PORT = 3306


def answers(settings: MySQLSettings, source: DataSource) -> bool:
    """Return whether a data source leads to the server that the settings name; asks no server.

    Behind SSH, `localhost` is that machine: whether Grafana means the same one, its address does not tell.
    """
    if settings.ssh is not None and connection.loopback(settings.host):
        return False
    if source.type != "mysql" or source.url.startswith("/"):
        return False
    host, colon, port = source.url.strip().rpartition(":")
    if not colon or (host.startswith("[") and not host.endswith("]")) or (":" in host and not host.startswith("[")):
        host, port = source.url.strip(), str(_PORT)
    if not host or not port.isdecimal():
        return False
    return same_server((host, int(port)), (settings.host, settings.port))
