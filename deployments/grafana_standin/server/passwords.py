"""Grafana's password hash, the same in every version: the column `user.password` with `user.salt`."""

import functools
import hashlib
import hmac


@functools.lru_cache(maxsize=64)  # each question brings the password again, and its hash costs more than the answer
def hashed(password: str, salt: str) -> str:
    """100 hexadecimal digits, as in `user.password`."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 10_000, 50).hex()


def matches(password: str, salt: str, stored: str) -> bool:
    """Whether the password is the stored one, compared in constant time."""
    return hmac.compare_digest(hashed(password, salt), stored)
