"""Places give whole files or an error, never leave their root, and copy SQLite databases that are in use."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.places.base import PlacedFile
from backups.places.local.place import LocalPlace


@pytest.fixture(params=["directory", "link to a directory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LocalPlace:
    root = tmp_path / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "a").write_text("a")
    (root / "sub" / "b").write_text("bb")
    (root / "sub" / "deep" / "ü c").write_text("ccc")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "inner").symlink_to("sub")
    if request.param == "directory":
        return LocalPlace(root)
    (tmp_path / "alias").symlink_to("root")
    return LocalPlace(tmp_path / "alias")


def test_lists_regular_files_with_their_sizes_and_follows_no_links(place: LocalPlace) -> None:
    place.check()
    assert place.files() == [PlacedFile("a", 1), PlacedFile("sub/b", 2), PlacedFile("sub/deep/ü c", 3)]
    assert place.files("sub") == [PlacedFile("sub/b", 2), PlacedFile("sub/deep/ü c", 3)]
    assert place.files("a") == [PlacedFile("a", 1)]


def test_fetches_files_under_their_own_paths(place: LocalPlace, tmp_path: Path) -> None:
    place.fetch(["a", "sub/deep/ü c"], tmp_path / "into")
    assert (tmp_path / "into" / "sub" / "deep" / "ü c").read_text() == "ccc"
    assert sorted(path.name for path in (tmp_path / "into").rglob("*") if path.is_file()) == ["a", "ü c"]


@pytest.mark.parametrize("path", ["../outside/secret", "sub/../../outside/secret", "/etc/passwd", "out/secret", "out"])
def test_a_path_that_leads_outside_is_refused(place: LocalPlace, tmp_path: Path, path: str) -> None:
    uses: list[Callable[[], object]] = [
        lambda: place.exists(path),
        lambda: place.files(path),
        lambda: place.fetch([path], tmp_path / "into"),
        lambda: place.remove(path),
        lambda: place.fetch_sqlite(path, tmp_path / "copy", seconds=1),
    ]
    for use in uses:
        with pytest.raises(LifeboatError, match=f"{path} leads out of local:"):
            use()
    assert (tmp_path / "outside" / "secret").read_text() == "secret"


def test_removes_files_and_folders_and_what_is_gone_already(place: LocalPlace) -> None:
    for path in ("a", "sub/deep", "sub/deep", "never/there", "inner"):
        place.remove(path)
        assert not place.exists(path)
    assert place.files() == [PlacedFile("sub/b", 2)]


@pytest.mark.parametrize("path", [".", "", "sub/.."])
def test_the_root_itself_is_never_removed(place: LocalPlace, path: str) -> None:
    with pytest.raises((ValueError, LifeboatError)):
        place.remove(path)
    assert len(place.files()) == 3


def test_what_is_not_there_is_reported(place: LocalPlace, tmp_path: Path) -> None:
    with pytest.raises(LifeboatError, match="snapshots is not in local:"):
        place.files("snapshots")
    with pytest.raises(LifeboatError, match=r"gone of local:.* cannot be read: No such file or directory"):
        place.fetch(["a", "gone"], tmp_path / "into")
    with pytest.raises(LifeboatError, match=r"sub of local:.* cannot be read: it is not a file"):
        place.fetch(["sub"], tmp_path / "into")
    with pytest.raises(LifeboatError, match="nowhere is not a directory on this machine"):
        LocalPlace(tmp_path / "nowhere").check()


def test_a_full_disk_is_reported_not_taken_for_a_fault_of_the_source(place: LocalPlace, small_disk: Path) -> None:
    (place.root / "large").write_bytes(b"x" * 20_000_000)
    with pytest.raises(LifeboatError, match=rf"the disk filled during the copy from local:.*: {small_disk} has .* left"):
        place.fetch(["large"], small_disk)


class TestSQLite:
    """A live database is copied whole: what was committed before, nothing of what was not."""

    @pytest.mark.parametrize("mode", ["wal", "delete"])
    def test_with_a_writer_at_work(self, tmp_path: Path, mode: str) -> None:
        (tmp_path / "root").mkdir()
        path, stop = tmp_path / "root" / "live.db", threading.Event()
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"PRAGMA journal_mode = {mode}")
            database.execute("CREATE TABLE pair (left INTEGER, right INTEGER)")
            database.executemany("INSERT INTO pair VALUES (?, ?)", [(0, 0)] * 5000)
            database.commit()

        def write() -> None:
            with closing(sqlite3.connect(path, timeout=30)) as database:
                number = 0
                while not stop.is_set():
                    number += 1
                    database.execute("INSERT INTO pair (left) VALUES (?)", (number,))
                    database.execute("UPDATE pair SET right = left WHERE right IS NULL")
                    database.commit()
                    time.sleep(0.02)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for round_ in range(5):
                LocalPlace(tmp_path / "root").fetch_sqlite("live.db", tmp_path / f"copy{round_}.db", seconds=20)
        finally:
            stop.set()
            writer.join()
        counts = []
        for round_ in range(5):
            with closing(sqlite3.connect(tmp_path / f"copy{round_}.db")) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert copy.execute("SELECT count(*) FROM pair WHERE right IS NULL").fetchone() == (0,)
                counts.append(copy.execute("SELECT count(*) FROM pair").fetchone()[0])
        assert counts == sorted(counts)
        assert counts[0] >= 5000

    def test_a_database_that_stays_locked_is_waited_for_so_long_and_no_longer(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as holder:
            holder.execute("CREATE TABLE t (a)")
            holder.execute("BEGIN EXCLUSIVE")
            begun = time.monotonic()
            with pytest.raises(LifeboatError) as fault:
                LocalPlace(tmp_path).fetch_sqlite("live.db", tmp_path / "copy.db", seconds=0.5)
            assert 0.4 < time.monotonic() - begun < 30
        assert str(fault.value) == (
            f"live.db of local:{tmp_path} cannot be copied: database is locked\nhint: another process keeps it locked; try again"
        )
        assert not (tmp_path / "copy.db").exists()

    def test_what_is_no_database_is_reported(self, tmp_path: Path) -> None:
        (tmp_path / "live.db").write_bytes(b"not a database, but long enough to be looked at" * 50)
        with pytest.raises(LifeboatError, match="cannot be copied: file is not a database\nhint: is it a SQLite database"):
            LocalPlace(tmp_path).fetch_sqlite("live.db", tmp_path / "copy.db", seconds=1)
        with pytest.raises(LifeboatError, match=r"grafana\.db is not in local:"):
            LocalPlace(tmp_path).fetch_sqlite("grafana.db", tmp_path / "copy.db", seconds=1)

    def test_a_full_disk_is_reported(self, tmp_path: Path, small_disk: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "live.db")) as database:
            database.execute("CREATE TABLE t AS SELECT zeroblob(20000000) AS a")
            database.commit()
        with pytest.raises(LifeboatError, match=r"full\nhint: free some space in"):
            LocalPlace(tmp_path).fetch_sqlite("live.db", small_disk / "copy.db", seconds=1)
        assert list(small_disk.iterdir()) == []

    def test_the_owner_of_a_database_can_still_use_it_afterwards(self, tmp_path: Path) -> None:
        """We are root, the service is not: the files that SQLite makes beside a database must not become root's."""
        tmp_path.chmod(0o777)
        subprocess.run(
            ["sqlite3", str(tmp_path / "live.db"), "PRAGMA journal_mode = wal; CREATE TABLE t (a)"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        os.chown(tmp_path / "live.db", 472, 472)
        with closing(sqlite3.connect(f"file:{tmp_path}/live.db?mode=rw", uri=True)) as holder:
            holder.execute("SELECT * FROM t").fetchall()
            LocalPlace(tmp_path).fetch_sqlite("live.db", tmp_path / "copy.db", seconds=1)
            assert {path.stat().st_uid for path in tmp_path.glob("live.db*")} == {472}


def test_a_place_does_not_list_what_may_not_be_read_as_if_it_were_empty(tmp_path: Path) -> None:
    (tmp_path / "root" / "closed").mkdir(parents=True, mode=0o000)
    (tmp_path / "root" / "closed").chmod(0)
    code = "import sys; from pathlib import Path; from backups.places.local.place import LocalPlace; print(LocalPlace(Path(sys.argv[1])).files())"
    ended = subprocess.run(["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-c", code, str(tmp_path / "root")], capture_output=True, text=True, check=False)  # fmt: skip
    assert "closed of local:" in ended.stderr
    assert "cannot be listed: Permission denied" in ended.stderr
