"""Secrets are found, and counted as opened only by the key that opens them."""

import base64
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backups.services.grafana.files import sealed, secrets
from backups.services.grafana.files.database import opened
from backups.services.grafana.files.objects import read
from backups.services.grafana.files.secrets import DEFAULT_KEY, Judged
from deployments.grafana_standin.database import build
from deployments.grafana_standin.sealing import seal
from tests.conftest import FIELD_DATA

DATA_KEY = b"0123456789abcdef"
"""The stand-in's own."""

REAL = {
    "app-sizer-9.0.0": (DEFAULT_KEY, 2, 2),
    "2025-1A-T09-ES09-G05-11.6.0": (DEFAULT_KEY, 3, 1),
    "openresty-api-gateway-lab-12.4.1": (DEFAULT_KEY, 4, 1),
    "lived-in-11.0.0": ("k7Qxm11", 17, 16),
    "lived-in-12.4.3": ("k7Qxgsrc", 16, 14),
}
"""The key of each real database, how many sealed values it has, and how many the first form of the witness knew."""


def judged(path: Path, *keys: str) -> Judged:
    with opened(path) as database:
        return secrets.judge(database, keys)


def stated(path: Path, *keys: str, exact: bool = True) -> list[object]:
    with opened(path) as database:
        return [fact.value for fact in secrets.facts(database, keys, exact=exact)]


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


@pytest.mark.parametrize("exact", [True, False])
def test_only_the_right_key_opens(tmp_path: Path, exact: bool) -> None:
    build(tmp_path / "grafana.db", layout="dashboard", secret_key="ours")

    number = 7 if exact else 6
    assert stated(tmp_path / "grafana.db", "ours", exact=exact) == [number, "none", f"{number} of {number}"]
    assert stated(tmp_path / "grafana.db", "theirs", exact=exact) == [number, "none", f"0 of {number}"]
    assert stated(tmp_path / "grafana.db", exact=exact) == [number, "none", f"0 of {number}"]
    assert stated(tmp_path / "grafana.db", "theirs", "ours", exact=exact) == [number, "none", f"{number} of {number}"]


def test_a_lost_data_key_is_named(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="dashboard")
    change(tmp_path / "grafana.db", "DELETE FROM data_keys")

    assert stated(tmp_path / "grafana.db", DEFAULT_KEY) == [7, "data key standin-data-key", "0 of 7"]


@pytest.mark.long
@pytest.mark.field
@pytest.mark.parametrize("name", REAL)
def test_secrets_of_real_grafanas_open(name: str) -> None:
    """Versions 9 to 12.4 with their key; with fifty others none of them, though single values come out as text by chance."""
    path = FIELD_DATA / "grafana" / "db" / f"{name}.db"
    key, values, of_the_first_form = REAL[name]

    assert stated(path, key) == [values, "none", f"{values} of {values}"]
    assert stated(path, key, exact=False) == [of_the_first_form, "none", f"{of_the_first_form} of {of_the_first_form}"]
    assert judged(path, key).guessed == ()
    for number in range(10):
        assert stated(path, f"wrong {number}") == [values, "none", f"0 of {values}"]


@pytest.mark.long
@pytest.mark.parametrize("length", [1, 2, 3])
def test_short_passwords_open_by_no_chance(tmp_path: Path, length: int) -> None:
    """Twenty of them, one data key: with a wrong key some come out as text every time, and none counts."""
    path = tmp_path / "grafana.db"
    build(path, layout="resource", secret_key="ours")
    passwords(path, [f"{number:0{length}d}"[-length:] for number in range(20)])

    assert judged(path, "ours").closed == ()
    for number in range(5):
        assert len(judged(path, f"wrong {number}").closed) == judged(path, "ours").values


def test_what_is_too_short_to_tell_is_said(tmp_path: Path) -> None:
    """One password of one character: a wrong key does as well in four of ten cases."""
    path = tmp_path / "grafana.db"
    build(path, layout="resource", secret_key="ours")
    passwords(path, ["x"], only=True)

    assert judged(path, "ours") == Judged(1, (), (), ("standin-data-key",), "ours")
    found = [judged(path, f"wrong {number}") for number in range(30)]
    assert any(one.closed for one in found)
    assert all(one.guessed for one in found if not one.closed)


@pytest.mark.parametrize("text", ["no base64 at all!", "abcde", "I", "IyMj", "ü", "#", base64.b64encode(b"#a").decode()])
def test_a_malformed_secret_stops_nothing(tmp_path: Path, text: str) -> None:
    """It is one that cannot be opened, and says nothing about the key and the others."""
    path = tmp_path / "grafana.db"
    build(path, layout="resource", secret_key="ours")
    before = judged(path, "ours").values
    change(path, "UPDATE secrets SET value = ? WHERE id = (SELECT min(id) FROM secrets)", text)

    found = judged(path, "ours")

    assert (found.values, len(found.closed), found.key) == (before, 1, "ours")
    assert len(judged(path, "theirs").closed) == before


@pytest.mark.parametrize(("column", "value"), [("encrypted_data", "text"), ("encrypted_data", None), ("encrypted_data", b"")])
def test_a_malformed_data_key_stops_nothing(tmp_path: Path, column: str, value: object) -> None:
    path = tmp_path / "grafana.db"
    build(path, layout="resource", secret_key="ours")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE copied AS SELECT * FROM data_keys")
        connection.execute("DROP TABLE data_keys")
        connection.execute("ALTER TABLE copied RENAME TO data_keys")
    change(path, f"UPDATE data_keys SET {column} = ?", value)

    assert stated(path, "ours") == [7, "none", "0 of 7"]


def test_a_damaged_value_is_not_opened_and_the_others_are(tmp_path: Path) -> None:
    """With a key that is proven: what comes out of it is no JSON."""
    path = tmp_path / "grafana.db"
    build(path, layout="resource", secret_key="ours")
    change(path, "UPDATE secrets SET value = ? WHERE id = (SELECT min(id) FROM secrets)", _sealed("no JSON"))

    assert judged(path, "ours").closed_words == "1 of 7 secrets cannot be opened"


def test_values_of_everywhere_are_found(tmp_path: Path) -> None:
    """Snapshots, plugins, single sign-on, channels, signing keys and logins too; what is not sealed there is no secret."""
    path = tmp_path / "grafana.db"
    build(path, layout="resource", secret_key="ours")
    with opened(path) as database:
        before = [one.where for one in sealed.everything(database)]
    change(path, "UPDATE dashboard_snapshot SET dashboard_encrypted = ?", base64.b64decode(_sealed('{"title": "a"}')))
    change(
        path,
        "INSERT INTO plugin_setting (org_id, plugin_id, enabled, pinned, json_data, secure_json_data, created, updated)"
        " VALUES (1, 'app', 1, 0, '{}', ?, '', '')",
        f'{{"token": "{_sealed("t")}", "plain": "value"}}',
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE user_auth (id INTEGER PRIMARY KEY, user_id, auth_module, auth_id, created, o_auth_access_token)"
        )
    change(
        path,
        "INSERT INTO user_auth (user_id, auth_module, auth_id, created, o_auth_access_token) VALUES (1, 'oauth', 'a', '', ?)",
        _sealed("access"),
    )
    with opened(path) as database:
        after = [one.where for one in sealed.everything(database)]

    assert sorted(set(after) - set(before)) == ["login 1 o_auth_access_token", "plugin_setting app token"]
    assert judged(path, "ours").closed == ()


def test_secrets_that_are_empty_are_not_told_by_the_server(tmp_path: Path) -> None:
    """A data source saved with an empty password has the key, and the API does not mention it: the length alone tells."""
    build(tmp_path / "grafana.db", layout="dashboard")
    with opened(tmp_path / "grafana.db") as database:
        full = next(one for one in read(database).data_sources if one.sealed)
    empty = base64.b64encode(seal("", "a data key", b"0" * 16)).decode()

    assert full.answered_secrets == ("password",)
    assert replace(full, sealed={"password": empty}).answered_secrets == ()
    assert replace(full, sealed={"password": "no base64 at all!"}).answered_secrets == ("password",)


def passwords(path: Path, plain: list[str], *, only: bool = False) -> None:
    """Give the stand-in's database these data sources' passwords; `only`: instead of every other secret, with a data key of its own."""
    if only:
        for statement in (
            "DELETE FROM secrets",
            "UPDATE data_source SET secure_json_data = '{}'",
            "DELETE FROM alert_configuration",
            "DELETE FROM dashboard_snapshot",
        ):
            change(path, statement)
    written = ", ".join(f'"{number}": "{_sealed(text)}"' for number, text in enumerate(plain))
    change(path, "UPDATE data_source SET secure_json_data = ? WHERE id = (SELECT min(id) FROM data_source)", f"{{{written}}}")


def _sealed(plain: str) -> str:
    return base64.b64encode(seal(plain, "standin-data-key", DATA_KEY)).decode()
