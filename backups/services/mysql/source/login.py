"""Answers a server that asks for the password: by a proof that it is known, or, where nobody can be in between, by itself.

Whoever answers at the address may ask for it in clear, or to have it encrypted by a key that it sends along. Without TLS
neither is done; in clear it is told to nobody whose certificate was not checked.
"""

from typing import Any

import pymysql.err
from pymysql import _auth
from pymysql.connections import Connection

_pymysql: Any = _auth
"""Its types are not described."""

ASKS_IN_CLEAR, ASKS_BY_KEY, UNKNOWN_LOGIN = -100_011, -100_012, -100_013
"""Numbers that no server sends: it asked for the password in clear, by a key of its own, or in a way that is not known."""

_BY_PROOF = ("mysql_native_password", "client_ed25519")
"""The answer proves that the password is known, for that question only."""
_BY_KEY = ("caching_sha2_password", "sha256_password")
"""The same as long as the server remembers the password (caching_sha2); else it is told, by TLS or encrypted by a key."""
_IN_CLEAR = ("mysql_clear_password", "dialog")
_ALL_OF_IT = 4
"""What the server sends of caching_sha2_password when it does not remember the password."""


class Login:
    """One way to log in that a server asks for; pymysql calls `authenticate` for each of its questions."""

    def __init__(self, session: Any, plugin: bytes | str) -> None:
        self._session = session
        self.plugin = plugin.decode("ascii", "backslashreplace") if isinstance(plugin, bytes) else plugin

    def authenticate(self, packet: Any) -> Any:
        """Answer, and return the server's next packet; raises OperationalError with a number of ours instead of telling it."""
        session = self._session
        if self.plugin not in (*_BY_PROOF, *_BY_KEY, *_IN_CLEAR):
            raise pymysql.err.OperationalError(UNKNOWN_LOGIN, f"it asks for {self.plugin[:80]!r}")
        if self.plugin in _IN_CLEAR and not session.trusted:
            raise pymysql.err.OperationalError(ASKS_IN_CLEAR, f"it asks by {self.plugin}")
        if self.plugin not in _BY_KEY:
            # `handler` stays away: it is this one.
            process: Any = Connection._process_auth  # type: ignore[attr-defined]  # noqa: SLF001
            return process(session, self.plugin.encode(), packet)
        if session.trusted or session._secure:  # noqa: SLF001
            answer = _pymysql.caching_sha2_password_auth if self.plugin == _BY_KEY[0] else _pymysql.sha256_password_auth
            return answer(session, packet)
        if self.plugin == _BY_KEY[0]:
            return self._remembered(packet)
        raise pymysql.err.OperationalError(ASKS_BY_KEY, f"it asks by {self.plugin}")

    def _remembered(self, packet: Any) -> Any:
        """Log in to a server that remembers the password, without TLS."""
        session = self._session
        if packet.is_auth_switch_request():
            session.salt = packet.read_all().removesuffix(b"\0")
            scrambled = _pymysql.scramble_caching_sha2(session.password, session.salt)
            packet = _pymysql._roundtrip(session, scrambled)  # noqa: SLF001
        if not packet.is_extra_auth_data():
            return packet
        packet.advance(1)
        if packet.read_uint8() == _ALL_OF_IT:
            raise pymysql.err.OperationalError(ASKS_BY_KEY, f"it asks by {self.plugin}")
        return session._read_packet()  # noqa: SLF001
