"""What a less trusted user may write is read with that user's rights: a database, and the journal that lies beside it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path, PurePosixPath

import pytest

from backups.errors import LifeboatError
from backups.places.base import Ownership
from backups.places.local.place import LocalPlace
from tests.integration.places.conftest import Site
from tests.servers import hot_journal

GRAFANA = 472


def give(root: Path, user: int, *, mode: int = 0o755) -> None:
    """Give a directory and what is in it to a user."""
    root.chmod(mode)
    for path in (root, *root.iterdir()):
        os.chown(path, user, user, follow_symlinks=False)


def values(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM t").fetchone() == (hot_journal.ROWS,)
        return {value.rstrip("-") for (value,) in copy.execute("SELECT x FROM t")}


def victim(site: Site) -> tuple[Path, str]:
    """A file of root's that nobody else reaches, and its path as the place's machine has it."""
    directory = site.root.parent / "victim"
    directory.mkdir(mode=0o700)
    (directory / "shadow").write_text("root:*:1\n")
    (directory / "shadow").chmod(0o600)
    return directory / "shadow", str(PurePosixPath(str(site.place.root)).parent / "victim" / "shadow")  # type: ignore[attr-defined]


def test_the_attack_is_one(tmp_path: Path) -> None:
    """Who opens such a database as root deletes what its journal names: the tests below can fail."""
    (tmp_path / "shadow").write_text("root:*:1\n")
    hot_journal.make(tmp_path / "grafana.db", names=str(tmp_path / "shadow"))
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as live:
        live.execute("SELECT count(*) FROM t").fetchone()
    assert not (tmp_path / "shadow").exists()


@pytest.mark.parametrize(("user", "mode"), [(GRAFANA, 0o755), (0, 0o777), (0, 0o1777), (0, 0o775)])
def test_a_hot_journal_deletes_nothing_that_its_user_could_not(site: Site, tmp_path: Path, user: int, mode: int) -> None:
    """Also where the database itself is root's, in a directory that others may write."""
    shadow, name = victim(site)
    hot_journal.make(site.root / "grafana.db", names=name)
    give(site.root, user, mode=mode)
    try:
        site.place.fetch_sqlite("grafana.db", tmp_path / "copy.db", seconds=5)
    except LifeboatError as fault:
        assert "grafana.db of" in str(fault)  # noqa: PT017 - both are right: what counts is the victim
    assert shadow.read_text() == "root:*:1\n"


@pytest.mark.parametrize("above", [0o755, 0o700])
def test_a_journal_that_a_killed_grafana_left_is_played_back_as_its_user(site: Site, tmp_path: Path, above: int) -> None:
    """Docker keeps everybody out of its volumes: the directories above need not let the user through, on this machine."""
    hot_journal.make(site.root / "grafana.db")
    give(site.root, GRAFANA)
    site.root.parent.chmod(above)
    site.place.fetch_sqlite("grafana.db", tmp_path / "copy.db", seconds=5)
    assert values(tmp_path / "copy.db") == {"before"}
    assert not (site.root / "grafana.db-journal").exists()


def test_a_database_in_wal_mode_is_copied_and_what_is_made_beside_it_is_its_users(site: Site, tmp_path: Path) -> None:
    """A log that was not written back yet, which the copy holds; Grafana can go on with it."""
    live = site.root / "grafana.db"
    with closing(sqlite3.connect(tmp_path / "model.db")) as model:
        model.execute("PRAGMA journal_mode = WAL")
        model.execute("CREATE TABLE t (x)")
        model.executemany("INSERT INTO t VALUES (?)", [("logged",)] * hot_journal.ROWS)
        model.commit()
        for name in ("", "-wal"):
            (site.root / f"grafana.db{name}").write_bytes((tmp_path / f"model.db{name}").read_bytes())
    give(site.root, GRAFANA)
    site.place.fetch_sqlite("grafana.db", tmp_path / "copy.db", seconds=5)
    assert values(tmp_path / "copy.db") == {"logged"}
    assert {path.stat().st_uid for path in site.root.iterdir()} == {GRAFANA}
    assert live.stat().st_uid == GRAFANA


def test_roots_own_database_where_only_root_writes_is_read_as_before(site: Site, tmp_path: Path) -> None:
    hot_journal.make(site.root / "grafana.db")
    give(site.root, 0)
    site.place.fetch_sqlite("grafana.db", tmp_path / "copy.db", seconds=5)
    assert values(tmp_path / "copy.db") == {"before"}


def test_a_database_that_is_a_link_out_of_its_place_is_not_read(tmp_path: Path) -> None:
    """Also one that is put there after it was looked at: no link is followed on the way."""
    from backups.places.local import sqlite

    (tmp_path / "root").mkdir()
    hot_journal.make(tmp_path / "secret.db")
    (tmp_path / "root" / "grafana.db").symlink_to(tmp_path / "secret.db")
    (tmp_path / "root" / "sub").symlink_to(tmp_path)
    for path, words in (("grafana.db", "it is not a regular file"), ("sub/secret.db", "Not a directory")):
        with pytest.raises(LifeboatError, match=words):
            sqlite.copy(tmp_path / "root", path, tmp_path / "copy.db", seconds=1, name="local:x")
    with pytest.raises(LifeboatError, match="leads out of"):
        LocalPlace(tmp_path / "root").fetch_sqlite("grafana.db", tmp_path / "copy.db", seconds=1)


@pytest.mark.parametrize("name", ["data", "data.lifeboat-partial"])
def test_root_puts_nothing_through_a_link_that_others_planted(site: Site, tmp_path: Path, name: str) -> None:
    """In a directory that Grafana's user may write: at the root's name it is refused, at a temporary name it is replaced."""
    shadow, _ = victim(site)
    theirs = site.root / "theirs"
    theirs.mkdir()
    (theirs / name).symlink_to("../../victim")
    give(site.root, 0)
    give(theirs, GRAFANA)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "shadow").write_text("evil")
    place = site.make("root/theirs/data")
    words = "is a symbolic link that others than root may change" if name == "data" else None
    if words is None:
        place.put(tmp_path / "tree", Ownership("no-such-user:no-such-group", GRAFANA, GRAFANA))
        assert (theirs / "data" / "shadow").read_text() == "evil"
    else:
        for act in (lambda: place.put(tmp_path / "tree", Ownership("x:x", 1, 1)), lambda: place.move_aside("before")):
            (shadow.parent / "shadow").rename(shadow.parent.parent / "kept")
            with pytest.raises(LifeboatError, match=words):
                act()
            assert list(shadow.parent.iterdir()) == []
            (shadow.parent.parent / "kept").rename(shadow)
    assert shadow.read_text() == "root:*:1\n"
    assert shadow.parent.stat().st_uid == 0


def test_a_link_of_roots_own_leads_to_where_files_are_put(site: Site, tmp_path: Path) -> None:
    (site.root / "disk").mkdir()
    (site.root / "var").symlink_to("disk/data")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("ours")
    site.make("root/var").put(tmp_path / "tree", Ownership("no-such-user:no-such-group", GRAFANA, GRAFANA))
    assert (site.root / "disk" / "data" / "file").read_text() == "ours"
