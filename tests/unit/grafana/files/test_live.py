"""The database of a running copy is copied byte by byte: SQLite opens nothing that the copy's server wrote."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import Damaged
from backups.services.grafana.files import live
from backups.services.grafana.files.database import opened


class Server:
    """A container that can be held still; what `let_go` does, it does each time that it runs on."""

    def __init__(self) -> None:
        self.held, self.let_go = 0, lambda: None

    @contextmanager
    def held_still(self) -> Iterator[None]:
        self.held += 1
        yield
        self.let_go()

    def logs(self, lines: int) -> str:
        return f"the last {lines} lines"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "grafana").mkdir()
    (tmp_path / "scratch").mkdir()
    return tmp_path / "grafana"


def copied(server: Server, directory: Path) -> list[Any]:
    path = live.copy(cast("Any", server), directory, directory.parent / "scratch")
    with opened(path) as database:
        return [row["value"] for row in database.rows("held")]


@contextmanager
def written(directory: Path, mode: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(directory / "grafana.db", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE held (value)")
        connection.execute("INSERT INTO held VALUES (1)")
        yield connection


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST", "WAL"])
def test_what_the_server_has_written_is_in_the_copy(directory: Path, mode: str) -> None:
    """Also what is in its log of changes alone, and beside a journal that is not in use."""
    with written(directory, mode) as connection:
        connection.execute("INSERT INTO held VALUES (2)")
        assert copied(Server(), directory) == [1, 2]


def test_a_change_that_is_not_complete_is_waited_for(directory: Path) -> None:
    server = Server()
    with written(directory, "DELETE") as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO held VALUES (?)", [(str(number) * 999,) for number in range(999)])
        server.let_go = lambda: connection.execute("ROLLBACK") if connection.in_transaction else None
        assert copied(server, directory) == [1]
    assert server.held == 2


def test_a_hot_journal_is_not_played_back_and_deletes_nothing(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names a file (the "super-journal"), which SQLite removes when it has played it back."""
    victim = tmp_path / "victim"
    with written(directory, "DELETE") as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO held VALUES (?)", [(str(number) * 999,) for number in range(999)])
        hot = {name: (directory / name).read_bytes() for name in ("grafana.db", "grafana.db-journal")}
    name = str(victim).encode()
    trailer = (0x100000).to_bytes(4) + name + len(name).to_bytes(4) + sum(name).to_bytes(4) + bytes.fromhex("d9d505f920a163d7")
    for file, content in hot.items():
        (directory / file).write_bytes(content + (trailer if file.endswith("-journal") else b""))
    victim.write_text("theirs")
    monkeypatch.setattr(live, "_PATIENCE", 0.01)
    with pytest.raises(Damaged, match="was changing its database"):
        copied(Server(), directory)
    assert victim.read_text() == "theirs"


@pytest.mark.parametrize("name", ["grafana.db", "grafana.db-wal", "grafana.db-journal"])
def test_a_link_is_not_followed(directory: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.db"
    with closing(sqlite3.connect(secret)) as connection, connection:
        connection.execute("CREATE TABLE held (value)")
    with written(directory, "DELETE"):
        pass
    (directory / name).unlink(missing_ok=True)
    (directory / name).symlink_to(secret)
    with pytest.raises(Damaged, match=f"{name} in the data directory of the restored Grafana is not a file"):
        copied(Server(), directory)
