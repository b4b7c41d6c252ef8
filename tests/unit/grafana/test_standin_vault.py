"""The stand-in's own cipher is the one that Grafana uses, held to a library, to the builder, and to what a real server sealed."""

import base64
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from deployments.grafana_standin.database import build
from deployments.grafana_standin.server.aes import cfb
from deployments.grafana_standin.server.sealed import Vault
from tests.conftest import FIELD_DATA


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 100])
def test_the_cipher_is_the_librarys(size: int, length: int) -> None:
    noise = random.Random(size * 1000 + length)
    key, iv, text = noise.randbytes(size), noise.randbytes(16), noise.randbytes(length)
    encryptor = Cipher(AES(key), CFB(iv)).encryptor()
    sealed = encryptor.update(text) + encryptor.finalize()
    assert cfb(key, iv, text, sealing=True) == sealed
    assert cfb(key, iv, sealed, sealing=False) == text


def _sealed(database: Path, uid: str) -> dict[str, str]:
    with closing(sqlite3.connect(database)) as connection:
        (text,) = connection.execute("SELECT secure_json_data FROM data_source WHERE uid = ?", (uid,)).fetchone()
    return dict(json.loads(text))


def test_what_the_builder_sealed_is_opened_by_its_key_alone(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="resource", secret_key="an operator's own key")
    secrets = _sealed(tmp_path / "grafana.db", "agama-mysql")
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection:
        opened = {name: Vault(connection, "an operator's own key").open(value) for name, value in secrets.items()}
        noise = {name: Vault(connection, "another key").open(value) for name, value in secrets.items()}
    assert opened
    assert all(value.isprintable() for value in opened.values())
    assert all(opened[name] != noise[name] for name in opened)


@pytest.mark.parametrize("text", ["", "p", "a secret of more than sixteen bytes", "clé 🔑"])
def test_what_is_sealed_is_opened_again(text: str, tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="resource", secret_key="key")
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection:
        vault = Vault(connection, "key")
        sealed = vault.seal(text)
        assert vault.open(sealed) == text
        connection.execute("DELETE FROM data_keys")
        with pytest.raises(KeyError):
            vault.open(sealed)
        assert vault.open(vault.seal(text)) == text, "a database without a data key gets one"
    assert len(text) < 8 or text.encode() not in base64.b64decode(sealed)


@pytest.mark.field
def test_what_a_real_server_sealed_is_opened() -> None:
    database = FIELD_DATA / "grafana" / "db" / "lived-in-12.4.3.db"
    secrets = _sealed(database, "my1")
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        opened = {name: Vault(connection, "k7Qxgsrc").open(value) for name, value in secrets.items()}
    assert set(opened) >= {"password"}
    assert all("\ufffd" not in value for value in opened.values())
