"""Sessions of tests with MySQL servers: pymysql's own, but for what it does for each: to read the certificates of all the world.

That takes a thirtieth of a second of processor time, nothing is checked against them, and a new server is asked thirty times
whether it is there.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from pymysql.connections import Connection

_UNCHECKED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_UNCHECKED.check_hostname = False
_UNCHECKED.verify_mode = ssl.CERT_NONE


def open_session(**arguments: Any) -> Connection:
    """As `pymysql.connect`: by default TLS where the server has it, whoever it is."""
    return _Session(**arguments)


class _Session(Connection):
    def _create_ssl_ctx(self, sslp: Mapping[str, Any] | ssl.SSLContext) -> ssl.SSLContext:
        return super()._create_ssl_ctx(sslp) if sslp else _UNCHECKED
