"""A backup that is taken and handed over, without a server."""

import functools
import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.manifest import Manifest, Source
from backups.services.base import Delivery
from backups.services.grafana.files import environment, hand_over, in_force, outside, secrets
from backups.services.grafana.files.database import FILE, opened
from backups.services.grafana.files.in_force import Outside
from deployments.grafana_standin.database import build

NOW = datetime(2026, 11, 30, tzinfo=UTC)
KEY = "an operator's own key"
MANIFEST = Manifest.model_construct(
    lifeboat="1", id="b", service="g", type="grafana", kind="full", chain="b", sequence=0, parent=None, started_at=NOW, taken_at=NOW,
    finished_at=NOW, source=Source(version="12.4.3", image="g"), files=(), witness=(), details={},
)  # fmt: skip


@pytest.fixture(autouse=True, scope="package")
def _keys_are_derived_once() -> Iterator[None]:
    """10,000 rounds of SHA-256 for each sealed value; the databases of these tests are looked at again and again, damaged elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "pbkdf2_hmac", functools.cache(hashlib.pbkdf2_hmac))
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / FILE
    build(path, layout="resource", secret_key=KEY)
    return path


@pytest.fixture
def handed(template: Path, tmp_path: Path) -> Callable[..., Delivery]:
    """Take a backup as a capture does, and hand it over as a copy does."""

    def over(
        ini: str | None = f"[security]\nsecret_key = {KEY}\n",
        *,
        seen: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        sql: str = "",
        plugins: tuple[str, ...] = (),
        readable: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> Delivery:
        backup, data = tmp_path / "backup", tmp_path / "data"
        backup.mkdir(exist_ok=True)
        data.mkdir()
        for path, text in ({"config/grafana.ini": ini} if ini is not None else {}).items() | (files or {}).items():
            (backup / path).parent.mkdir(parents=True, exist_ok=True)
            (backup / path).write_text(str(text))
        shutil.copyfile(template, data / FILE)
        if sql:
            with closing(sqlite3.connect(data / FILE)) as connection, connection:
                connection.executescript(sql)
        read = (lambda path: (readable or {})[path].encode()) if readable is not None else None
        beyond = Outside(seen, read, arguments)
        found = in_force.read(backup / "config", beyond)
        outside.note(found, [outside.SECRET_KEY], backup, opens=True)
        environment.note(beyond, backup / "config", backup)
        with opened(data / FILE) as database:
            witness = tuple(secrets.judge(database, (KEY,)).facts)
            details = {"plugins": [{"id": plugin, "version": "1"} for plugin in plugins]}
            manifest = MANIFEST.model_copy(update={"witness": witness, "details": details})
            return hand_over.delivery(backup, database, manifest, data)

    return over
