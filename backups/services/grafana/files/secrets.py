"""Finds the secrets in a grafana.db, and counts how many of them the backup can open.

Grafana wraps them twice: `[security] secret_key` opens a data key, the data key opens the secret. A restore with another
secret_key starts and lists everything, and then every data source fails, so the key is checked, too.
"""

import base64
import binascii
import configparser
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from backups.errors import LifeboatError
from backups.services.grafana.canonical import parse
from backups.services.grafana.files import alerting
from backups.services.grafana.files.database import Database
from backups.services.grafana.references import listed
from backups.witness import Fact

DEFAULT_KEY = "SW2YcwTIb9zpOOhoPsMm"  # public: in the sample configuration of every Grafana
_SALT, _IV, _NONCE = 8, 16, 12


@dataclass(frozen=True)
class Sealed:
    """An encrypted value: where it is, its bytes, and whether JSON must come out (else any text)."""

    where: str
    value: bytes
    json: bool

    @property
    def data_key(self) -> str | None:
        """The name of the data key that opens it; None where secret_key does so itself (before version 9)."""
        if not self.value.startswith(b"#"):
            return None
        name = self.value[1:].partition(b"#")[0]
        return base64.b64decode(name + b"=" * (-len(name) % 4)).decode(errors="replace")


def settings(config: Path) -> Iterator[tuple[str, str, str | None]]:
    """Every (section, key, value) of the ini files that a backup holds."""
    for file in sorted(config.rglob("*.ini")):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="")
        try:
            # Grafana allows keys before the first section.
            parser.read_string("[top]\n" + file.read_text(encoding="utf-8"))
        except (configparser.Error, UnicodeDecodeError) as error:
            raise LifeboatError(
                f"{file.name} cannot be read: {' '.join(str(error).split())}", hint="is it the grafana.ini of the source?"
            ) from error
        for section in parser.sections():
            for key, value in parser.items(section):
                yield section, key, value


def secret_key(config: Path) -> str | None:
    """`[security] secret_key` of the backup's grafana.ini: the default where it names none, None where it is kept elsewhere."""
    found = [value for section, key, value in settings(config) if (section, key) == ("security", "secret_key") and value]
    if not found:
        return DEFAULT_KEY
    return None if found[-1].startswith("$") else found[-1].strip("\"'`")


def facts(database: Database, key: str | None) -> list[Fact]:
    """How many secrets there are, which data keys they lack, and how many the key opens. Nothing of what comes out is kept."""
    values = list(sealed(database))
    keys = {row["name"]: row["encrypted_data"] for row in database.rows("data_keys", order="name")}
    lacking = {f"data key {one.data_key}" for one in values if one.data_key is not None and one.data_key not in keys}
    return [
        Fact("secrets", "values", len(values)),
        Fact("secrets", "missing", listed(lacking)),
        Fact("secrets", "opened by the backup's secret_key", f"{opened(values, keys, key)} of {len(values)}"),
    ]


def opened(values: list[Sealed], data_keys: Mapping[str, bytes], key: str | None) -> int:
    """How many of the values the key opens."""
    if key is None:
        return 0
    used = {one.data_key for one in values if one.data_key is not None}
    unwrapped = {name: _decrypt(bytes(data_keys[name]), key.encode()) for name in used & data_keys.keys()}
    return sum(_opens(one, unwrapped, key) for one in values)


def sealed(database: Database) -> Iterator[Sealed]:
    """Every encrypted value of data sources, of the secrets store and of contact points."""
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


def _sealed(where: str, text: object, *, json: bool = False) -> Iterator[Sealed]:
    """Read the base64 that Grafana writes, with padding or without; an empty value is no secret."""
    written = text.encode() if isinstance(text, str) else bytes(text) if isinstance(text, bytes) else b""
    if written:
        try:
            yield Sealed(where, base64.b64decode(written + b"=" * (-len(written) % 4)), json)
        except binascii.Error:
            yield Sealed(where, written, json)


def _opens(one: Sealed, data_keys: Mapping[str, bytes | None], key: str) -> bool:
    name = one.data_key
    with_key = key.encode() if name is None else data_keys.get(name)
    body = one.value if name is None else one.value[1:].partition(b"#")[2]
    plain = _decrypt(body, with_key) if with_key is not None else None
    if plain is None:
        return False
    try:
        # CFB carries no checksum: a wrong key gives noise, and noise is no text.
        text = plain.decode()
        if one.json:
            json.loads(text)
    except ValueError:
        return False
    return True


def _decrypt(body: bytes, key: bytes) -> bytes | None:
    """Decrypt `[*algorithm*]salt iv ciphertext`; None when it cannot be so."""
    algorithm = b"aes-cfb"
    if body.startswith(b"*"):
        written, _, body = body[1:].partition(b"*")
        algorithm = base64.b64decode(written + b"=" * (-len(written) % 4))
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
