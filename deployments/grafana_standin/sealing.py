"""Seals secrets by Grafana's envelope encryption as 9.0, 11.6 and 12.4 write it, compared with real databases.

secret_key wraps a data key (`data_keys.encrypted_data`); the data key encrypts the secret. A sealed value is
`#<base64 of the data key's name>#*<base64 of "aes-cfb">*<salt, 8 bytes><iv, 16 bytes><ciphertext>`; 9.0 omits the `*…*`.
"""

import base64
import hashlib
from collections.abc import Mapping

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

DEFAULT_SECRET_KEY = "SW2YcwTIb9zpOOhoPsMm"  # `[security] secret_key` of every Grafana that nobody gave another
_ALGORITHM = b"*YWVzLWNmYg*"


def _cipher(key: bytes, salt: bytes, iv: bytes) -> Cipher[CFB]:
    return Cipher(AES(hashlib.pbkdf2_hmac("sha256", key, salt, 10_000, 32)), CFB(iv))


def encrypt(plain: bytes, key: bytes, *, seed: str) -> bytes:
    """Encrypt as Grafana does; salt and iv come from `seed`, so that a database built twice is the same database."""
    noise = hashlib.sha256(seed.encode()).digest()
    salt, iv = base64.b64encode(noise)[:8], noise[8:24]
    encryptor = _cipher(key, salt, iv).encryptor()
    return _ALGORITHM + salt + iv + encryptor.update(plain) + encryptor.finalize()


def decrypt(sealed: bytes, key: bytes) -> bytes:
    """Undo `encrypt`. A wrong key gives noise, not an error: CFB carries no checksum."""
    body = sealed.removeprefix(_ALGORITHM)
    decryptor = _cipher(key, body[:8], body[8:24]).decryptor()
    return decryptor.update(body[24:]) + decryptor.finalize()


def seal(plain: str, name: str, data_key: bytes) -> bytes:
    """Encrypt a secret with the data key called `name`."""
    return b"#" + base64.b64encode(name.encode()).rstrip(b"=") + b"#" + encrypt(plain.encode(), data_key, seed=name + plain)


def unseal(sealed: bytes, data_keys: Mapping[str, bytes]) -> bytes:
    """Decrypt a secret with whichever data key it names. Raises KeyError when there is no such key."""
    name, _, body = sealed[1:].partition(b"#")
    return decrypt(body, data_keys[base64.b64decode(name + b"=" * (-len(name) % 4)).decode()])
