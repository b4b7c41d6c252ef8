"""Judges which sealed values of a grafana.db a secret_key opens.

A restore with another secret_key starts and lists everything, and then every data source fails, so the key is proven, too. The
cipher (AES-CFB) carries no checksum: with a wrong key noise comes out, and a short noise often passes for text. So values are
judged together, by the data key that opens them: only a value that chance could not have made proves the key.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backups import plural
from backups.services.grafana.files import sealed
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.outside import SECRET_KEY
from backups.services.grafana.files.sealed import Sealed
from backups.services.grafana.references import listed
from backups.witness import Fact

DEFAULT_KEY = "SW2YcwTIb9zpOOhoPsMm"  # public: in the sample configuration of every Grafana
OPENED = "opened by the backup's secret_key"

_BITS_OF_TEXT, _BITS_OF_JSON = 1.2, 4.0
"""How much a byte of what came out says against chance: four of ten bytes of noise pass for text, one of sixteen for JSON."""

_NO_KEY = ""
"""Stands for the data key of a value that is nothing sealed."""

_PROVES, _TELLS = 16.0, 8.0
"""Bits at which one value proves its key, and at which all values of a key together do, when none speaks against it."""


@dataclass(frozen=True)
class Judged:
    """What a secret_key opens.

    missing: data keys that are not in the database; closed: where the values are that it does not open
    key: which of several it was; None when it opens nothing
    guessed: data keys whose values all came out as text, and are so short that a wrong key might have done the same
    """

    values: int
    missing: tuple[str, ...]
    closed: tuple[str, ...]
    guessed: tuple[str, ...] = ()
    key: str | None = None

    @property
    def closed_words(self) -> str | None:
        """Say how many of the secrets cannot be opened; None when all can."""
        if not self.closed:
            return None
        return f"{len(self.closed)} of {plural.count(self.values, 'secret')} cannot be opened"

    @property
    def facts(self) -> list[Fact]:
        """How many secrets there are, which data keys they lack, and how many are opened. Nothing of what comes out is kept."""
        return [
            Fact("secrets", "values", self.values),
            Fact("secrets", "missing", listed(self.missing)),
            Fact("secrets", OPENED, f"{self.values - len(self.closed)} of {self.values}"),
        ]


def keys(found: InForce) -> tuple[str, ...]:
    """The secret_key that is set, in each way that it may be read; the default where none is, none where it is not known."""
    setting = found.setting(*SECRET_KEY)
    return (DEFAULT_KEY,) if setting is None else setting.readings


def facts(database: Database, keys: Sequence[str], *, exact: bool = True) -> list[Fact]:
    """State what the best of the keys opens. exact: in the witness's present form; see `witness`."""
    return judge(database, keys).facts if exact else _first_form(database, keys)


def judge(database: Database, keys: Sequence[str]) -> Judged:
    """Judge by that one of the keys which opens most; without any, nothing is opened."""
    values = list(sealed.everything(database))
    data_keys = _data_keys(database)
    missing = _missing(values, data_keys)
    found = []
    for key in keys:
        closed, guessed = _closed(values, data_keys, key)
        found.append(Judged(len(values), missing, closed, guessed, key if len(closed) < len(values) else None))
    return min(found, key=lambda one: len(one.closed), default=Judged(len(values), missing, tuple(one.where for one in values)))


def _closed(values: Sequence[Sealed], data_keys: Mapping[str, bytes], key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where the values are that the key does not open, and the data keys about which chance may have spoken."""
    closed: list[str] = []
    guessed: list[str] = []
    by_key: dict[str | None, list[Sealed]] = {}
    for one in values:
        by_key.setdefault(one.data_key if one.value else _NO_KEY, []).append(one)
    for name, sealed_with in by_key.items():
        unwrapped = None if name == _NO_KEY else _unwrapped(name, data_keys, key)
        plain = [None if unwrapped is None else one.opened(unwrapped) for one in sealed_with]
        said = [_bits(one, came) for one, came in zip(sealed_with, plain, strict=True)]
        proven = any(bits is not None and bits >= _PROVES for bits in said)
        if None in said and not proven:
            closed += [one.where for one in sealed_with]
            continue
        # With a key that is proven, a value that is no text is damaged, and says nothing about the others.
        closed += [one.where for one, came in zip(sealed_with, plain, strict=True) if not _reads(one, came)]
        if not proven and sum(bits or 0 for bits in said) < _TELLS:
            guessed.append(name or "secret_key itself")
    return tuple(sorted(closed)), tuple(sorted(guessed))


def _unwrapped(name: str | None, data_keys: Mapping[str, bytes], key: str) -> bytes | None:
    secret = key.encode("utf-8", "surrogateescape")
    if name is None:
        return secret
    return sealed.decrypted(data_keys[name], secret) if name in data_keys else None


def _bits(one: Sealed, plain: bytes | None) -> float | None:
    """What a value says against chance, in bits; None when it cannot be what it must be."""
    if plain is None or not _reads(one, plain):
        return None
    if not one.json and any((byte < 0x20 and byte not in b"\t\r\n") or byte == 0x7F for byte in plain):
        return None
    return len(plain) * (_BITS_OF_JSON if one.json else _BITS_OF_TEXT)


def _reads(one: Sealed, plain: bytes | None) -> bool:
    if plain is None:
        return False
    try:
        text = plain.decode()
        if one.json:
            json.loads(text)
    except ValueError:
        return False
    return True


def _data_keys(database: Database) -> dict[str, bytes]:
    rows = database.rows("data_keys", order="name")
    # A column that holds no bytes is damaged, and so is its key: it is there, and opens nothing.
    return {str(row["name"]): row["encrypted_data"] if isinstance(row["encrypted_data"], bytes) else b"" for row in rows}


def _missing(values: Sequence[Sealed], data_keys: Mapping[str, bytes]) -> tuple[str, ...]:
    names = {one.data_key for one in values}
    return tuple(sorted(f"data key {name}" for name in names if name is not None and name not in data_keys))


def _first_form(database: Database, keys: Sequence[str]) -> list[Fact]:
    """The same facts as the first form of the witness had them: of fewer places, each value for itself."""
    values = list(sealed.common(database))
    data_keys = _data_keys(database)
    opens = []
    for key in keys:
        unwrapped = {name: _unwrapped(name, data_keys, key) for name in {one.data_key for one in values}}
        found = [(one, unwrapped[one.data_key]) for one in values]
        opens.append(sum(secret is not None and _reads(one, one.opened(secret)) for one, secret in found))
    missing = _missing(values, data_keys)
    return Judged(len(values), missing, ("",) * (len(values) - max(opens, default=0))).facts
