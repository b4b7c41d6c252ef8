"""Secrets are found, and counted as opened only by the key that opens them."""

import base64
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.services.grafana.files import secrets
from backups.services.grafana.files.database import opened
from backups.services.grafana.files.objects import read
from deployments.grafana_standin.database import build
from deployments.grafana_standin.sealing import seal
from tests.conftest import FIELD_DATA


def stated(path: Path, key: str | None) -> list[object]:
    with opened(path) as database:
        return [fact.value for fact in secrets.facts(database, key)]


def test_only_the_right_key_opens(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="dashboard", secret_key="ours")

    assert stated(tmp_path / "grafana.db", "ours") == [6, "none", "6 of 6"]
    assert stated(tmp_path / "grafana.db", "theirs") == [6, "none", "0 of 6"]
    assert stated(tmp_path / "grafana.db", None) == [6, "none", "0 of 6"]


def test_a_lost_data_key_is_named(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="dashboard")
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection, connection:
        connection.execute("DELETE FROM data_keys")

    assert stated(tmp_path / "grafana.db", secrets.DEFAULT_KEY) == [6, "data key standin-data-key", "0 of 6"]


@pytest.mark.field
@pytest.mark.parametrize(
    ("name", "values"), [("app-sizer-9.0.0", 2), ("2025-1A-T09-ES09-G05-11.6.0", 1), ("openresty-api-gateway-lab-12.4.1", 1)]
)
def test_secrets_of_real_grafanas_open(name: str, values: int) -> None:
    """Versions 9, 11 and 12.4 with the default key; with another one none of them."""
    path = FIELD_DATA / "grafana" / "db" / f"{name}.db"

    assert stated(path, secrets.DEFAULT_KEY) == [values, "none", f"{values} of {values}"]
    assert stated(path, "another") == [values, "none", f"0 of {values}"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[security]\nsecret_key = ours\n", "ours"),
        ('app_mode = production\n[security]\nsecret_key = "quoted % and ; odd"\n', "quoted % and ; odd"),
        ("[security]\n;secret_key = commented\n", secrets.DEFAULT_KEY),
        ("[server]\nsecret_key = of another section\n", secrets.DEFAULT_KEY),
        ("[security]\nsecret_key = $__env{GRAFANA_KEY}\n", None),
        ("[security]\nsecret_key = $__file{/run/secrets/key}\n", None),
        ("[security]\nsecret_key =\n", secrets.DEFAULT_KEY),
    ],
)
def test_the_key_is_read_from_grafana_ini(tmp_path: Path, text: str, key: str | None) -> None:
    (tmp_path / "grafana.ini").write_text(text)

    assert secrets.secret_key(tmp_path) == key


def test_without_grafana_ini_the_key_is_the_default(tmp_path: Path) -> None:
    assert secrets.secret_key(tmp_path / "nothing") == secrets.DEFAULT_KEY


def test_a_grafana_ini_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "grafana.ini").write_bytes(b"[security]\nsecret_key = \xff\n")

    with pytest.raises(LifeboatError, match=r"grafana\.ini cannot be read"):
        secrets.secret_key(tmp_path)


def test_secrets_that_are_empty_are_not_told_by_the_server(tmp_path: Path) -> None:
    """A data source saved with an empty password has the key, and the API does not mention it: the length alone tells."""
    build(tmp_path / "grafana.db", layout="dashboard")
    with opened(tmp_path / "grafana.db") as database:
        full = next(one for one in read(database).data_sources if one.sealed)
    empty = base64.b64encode(seal("", "a data key", b"0" * 16)).decode()

    assert full.answered_secrets == ("password",)
    assert replace(full, sealed={"password": empty}).answered_secrets == ()
    assert replace(full, sealed={"password": "no base64 at all!"}).answered_secrets == ("password",)
