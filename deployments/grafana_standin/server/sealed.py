"""Opens and seals secrets as Grafana's envelope encryption does (`../sealing.py` says how; the image has no library for it)."""

import base64
import functools
import hashlib
import secrets
import sqlite3

from .aes import cfb

_ALGORITHM = b"*YWVzLWNmYg*"


class Vault:
    """The secrets of one database, with the server's own secret_key. A wrong key opens them to noise, as Grafana's does."""

    def __init__(self, connection: sqlite3.Connection, secret_key: str) -> None:
        self._connection = connection
        self._secret_key = secret_key

    def open(self, sealed: str) -> str:
        """The text of a sealed value (base64); bytes that are no text become U+FFFD. Raises KeyError for a data key that is gone."""
        raw = base64.b64decode(sealed)
        name, _, body = raw[1:].partition(b"#")
        return _decrypted(body, self._data_key(base64.b64decode(name + b"=" * (-len(name) % 4)).decode())).decode(
            errors="replace"
        )

    @staticmethod
    def empty(sealed: str) -> bool:
        """Whether a sealed value holds no text at all: then only salt and iv are there. Needs no key."""
        return not sealed or len(base64.b64decode(sealed)[1:].partition(b"#")[2].removeprefix(_ALGORITHM)) <= 24

    def seal(self, text: str) -> str:
        """The text sealed with the active data key, base64. A database without one gets its first."""
        row = self._connection.execute("SELECT name FROM data_keys WHERE active = 1 ORDER BY created DESC").fetchone()
        name = row[0] if row else self._new()
        raw = b"#" + base64.b64encode(name.encode()).rstrip(b"=") + b"#" + _encrypted(text.encode(), self._data_key(name))
        return base64.b64encode(raw).decode()

    def _data_key(self, name: str) -> bytes:
        row = self._connection.execute("SELECT encrypted_data FROM data_keys WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return _decrypted(bytes(row[0]), self._secret_key.encode())

    def _new(self) -> str:
        name = f"k{secrets.token_hex(6)}"
        wrapped = _encrypted(secrets.token_bytes(16), self._secret_key.encode())
        self._connection.execute(
            "INSERT INTO data_keys (name, active, scope, provider, encrypted_data, created, updated, label)"
            " VALUES (?, 1, 'root', 'secretKey.v1', ?, datetime('now'), datetime('now'), date('now') || '/root@secretKey.v1')",
            (name, wrapped),
        )
        return name


@functools.lru_cache(maxsize=256)
def _derived(key: bytes, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", key, salt, 10_000, 32)


def _decrypted(sealed: bytes, key: bytes) -> bytes:
    body = sealed.removeprefix(_ALGORITHM)
    return cfb(_derived(key, body[:8]), body[8:24], body[24:], sealing=False)


def _encrypted(plain: bytes, key: bytes) -> bytes:
    salt, iv = base64.b64encode(secrets.token_bytes(6)), secrets.token_bytes(16)
    return _ALGORITHM + salt + iv + cfb(_derived(key, salt), iv, plain, sealing=True)
