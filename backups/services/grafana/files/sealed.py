"""Finds the sealed values of a grafana.db, and opens them.

Grafana wraps them twice: `[security] secret_key` opens a data key, the data key opens the value.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from backups.services.grafana.canonical import parse
from backups.services.grafana.files import alerting
from backups.services.grafana.files.database import Database

_SALT, _IV, _NONCE = 8, 16, 12
_TOKENS = ("o_auth_access_token", "o_auth_refresh_token", "o_auth_id_token")


@dataclass(frozen=True)
class Sealed:
    """An encrypted value: where it is, its bytes, and whether JSON must come out (else any text).

    value: empty where what is stored is nothing that Grafana seals: nobody opens it
    """

    where: str
    value: bytes
    json: bool = False

    @property
    def data_key(self) -> str | None:
        """The name of the data key that opens it; None where secret_key does so itself (before version 9)."""
        if not self.value.startswith(b"#"):
            return None
        return _base64(self.value[1:].partition(b"#")[0]).decode(errors="backslashreplace")

    def opened(self, key: bytes) -> bytes | None:
        """What the key makes of it, which is noise with a wrong one; None when nothing can be made of it."""
        body = self.value if self.data_key is None else self.value[1:].partition(b"#")[2]
        return decrypted(body, key)


def everything(database: Database) -> Iterator[Sealed]:
    """Every sealed value: those of `common`, and of snapshots, plugins, single sign-on, channels, signing keys and logins."""
    yield from common(database)
    for table, column, name in (
        ("plugin_setting", "secure_json_data", "plugin_id"),
        ("alert_notification", "secure_settings", "uid"),
        ("sso_setting", "settings", "provider"),
    ):
        for row in database.rows(table):
            values = parse(row.get(column))
            for key, text in sorted(values.items()) if isinstance(values, Mapping) else ():
                yield from _envelope(f"{table} {row.get(name)} {key}", text)
    for row in database.each("dashboard_snapshot"):
        yield from _envelope(f"snapshot {row['id']}", row.get("dashboard_encrypted"), json=True)
    for row in database.rows("signing_key", order="key_id"):
        yield from _envelope(f"signing key {row['key_id']}", row["private_key"])
    for row in database.rows("user_auth"):
        for column in _TOKENS:
            yield from _envelope(f"login {row['id']} {column}", row.get(column))


def common(database: Database) -> Iterator[Sealed]:
    """The sealed values of data sources, of the secrets store and of contact points: all that the first form knew."""
    for row in database.rows("data_source"):
        values = parse(row["secure_json_data"])
        for name, text in sorted(values.items()) if isinstance(values, Mapping) else ():
            yield from _sealed(f"data source {row['uid']} {name}", text)
    for row in database.rows("secrets"):
        yield from _sealed(f"secret {row['type']} {row['namespace']}", row["value"], json=row["type"] == "datasource")
    for configuration in alerting.configurations(database):
        for one in configuration.integrations:
            secure = one.settings.get("secureSettings")
            for name, text in sorted(secure.items()) if isinstance(secure, Mapping) else ():
                yield from _sealed(f"contact point {one.contact_point} {name}", text)


def decrypted(body: bytes, key: bytes) -> bytes | None:
    """Decrypt `[*algorithm*]salt iv ciphertext`; None when it cannot be so."""
    algorithm = b"aes-cfb"
    if body.startswith(b"*"):
        written, _, body = body[1:].partition(b"*")
        algorithm = _base64(written)
    if len(body) < _SALT + _NONCE:
        return None
    salt, rest = body[:_SALT], body[_SALT:]
    derived = hashlib.pbkdf2_hmac("sha256", key, salt, 10_000, 32)
    if algorithm == b"aes-gcm":
        try:
            return AESGCM(derived).decrypt(rest[:_NONCE], rest[_NONCE:], None)
        except (InvalidTag, ValueError):
            return None
    if len(rest) < _IV:
        return None
    decryptor = Cipher(AES(derived), CFB(rest[:_IV])).decryptor()
    return decryptor.update(rest[_IV:]) + decryptor.finalize()


def _sealed(where: str, text: object, *, json: bool = False) -> Iterator[Sealed]:
    """Read what a column holds; an empty value is no secret, and what is no base64 is a secret that nobody opens."""
    written = _bytes(text)
    if written:
        yield Sealed(where, _base64(written), json)


def _envelope(where: str, text: object, *, json: bool = False) -> Iterator[Sealed]:
    """The same of a column that may also hold what is not sealed: only what names a data key counts."""
    written = _bytes(text)
    value = written if written.startswith(b"#") else _base64(written)
    if value.startswith(b"#") and b"#" in value[1:]:
        yield Sealed(where, value, json)


def _bytes(text: object) -> bytes:
    return text.encode(errors="surrogatepass") if isinstance(text, str) else text if isinstance(text, bytes) else b""


def _base64(text: bytes) -> bytes:
    """Decode base64 as Grafana writes it, with padding or without; empty for what is none."""
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
