"""What every place must do, over a directory of this machine, and over one that is reached by SSH and sudo."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.places import put as putting
from backups.places.base import Ownership, PlacedFile
from tests.integration.places.conftest import Site

ODD = (
    "a",
    "sub/b",
    "sub/deep/ü c",
    "-n",
    "it's $HOME `x`",
    'dou"ble',
    "new\nline",
    "back\\slash\\n",
    "*",
    "sub/ ",
    os.fsdecode(b"bad\xff"),
)
OWNERSHIP = Ownership(names="no-such-user:no-such-group", user=4711, group=4712, mode=0o750)


def fill(root: Path) -> None:
    for number, name in enumerate(ODD):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * number * 100)
    (root / "inner").symlink_to("sub")
    (root.parent / "outside").mkdir(exist_ok=True)
    (root.parent / "outside" / "secret").write_text("secret")
    (root / "out").symlink_to("../outside")


def test_lists_files_of_any_name_and_follows_no_links(site: Site) -> None:
    fill(site.root)
    site.place.check()
    assert site.place.files() == sorted(
        (PlacedFile(name, number * 100) for number, name in enumerate(ODD)), key=lambda file: file.path
    )
    assert [file.path for file in site.place.files("sub")] == ["sub/ ", "sub/b", "sub/deep/ü c"]
    assert site.place.files("a") == [PlacedFile("a", 0)]
    assert site.place.files("inner/deep") == [PlacedFile("inner/deep/ü c", 200)]
    with pytest.raises(LifeboatError, match="nowhere is not in "):
        site.place.files("nowhere")


def test_fetches_files_of_any_name(site: Site, tmp_path: Path) -> None:
    fill(site.root)
    os.link(site.root / "sub" / "b", site.root / "twin")
    wanted = [*ODD, "inner/b", "twin"]
    site.place.fetch(wanted, tmp_path / "into")
    for name in wanted:
        assert (tmp_path / "into" / name).read_bytes() == (site.root / name).read_bytes()
    found = sorted(path.relative_to(tmp_path / "into").as_posix() for path in (tmp_path / "into").rglob("*") if path.is_file())
    assert found == sorted(wanted)


def test_tells_where_links_lead_and_none_that_leads_outside(site: Site) -> None:
    fill(site.root)
    (site.root / "..data").symlink_to("sub")
    (site.root / "ü link\n").symlink_to("..data/deep/ü c")
    (site.root / "sub" / "absolute").symlink_to(site.root.resolve() / "a")
    (site.root / "sub" / "up").symlink_to("..")
    (site.root / "sub" / "deep" / "self").symlink_to("../deep")
    (site.root / "round").symlink_to("round")
    (site.root / "gone").symlink_to("nothing")
    (site.root / "far").symlink_to("/etc/passwd")
    (site.root / "beside").symlink_to(f"../{site.root.name}x")
    (site.root.parent / f"{site.root.name}x").mkdir(exist_ok=True)
    absolute = site.place.links().pop("sub/absolute")
    # A container calls its root by another name than this machine, and there the link leads nowhere.
    assert absolute in ("a", None)
    assert {path: leads for path, leads in site.place.links().items() if path != "sub/absolute"} == {
        "inner": "sub", "..data": "sub", "ü link\n": "sub/deep/ü c", "sub/up": None, "sub/deep/self": None,
        "round": None, "gone": None, "far": None, "out": None, "beside": None,
    }  # fmt: skip


def test_fetches_nothing(site: Site, tmp_path: Path) -> None:
    site.place.fetch([], tmp_path)


@pytest.mark.parametrize("path", ["../outside/secret", "sub/../../outside/secret", "/etc/passwd", "out/secret", "out"])
def test_a_path_that_leads_outside_is_refused(site: Site, tmp_path: Path, path: str) -> None:
    fill(site.root)
    uses: list[Callable[[], object]] = [
        lambda: site.place.exists(path),
        lambda: site.place.files(path),
        lambda: site.place.fetch(["a", path], tmp_path / "into"),
        lambda: site.place.remove(path),
        lambda: site.place.fetch_sqlite(path, tmp_path / "copy", seconds=1),
    ]
    for use in uses:
        with pytest.raises(LifeboatError, match=f"{path} leads out of "):
            use()
    assert (site.root.parent / "outside" / "secret").read_text() == "secret"


def test_says_what_exists(site: Site) -> None:
    fill(site.root)
    assert [site.place.exists(path) for path in ("a", "sub", "inner/b", "new\nline", ".", "nowhere", "a/b")] == [True] * 5 + [
        False
    ] * 2


def test_a_file_that_is_not_there_is_named(site: Site, tmp_path: Path) -> None:
    fill(site.root)
    with pytest.raises(LifeboatError, match=r"sub/gone of .* cannot be read: No such file or directory"):
        site.place.fetch(["a", "sub/gone", "sub/b"], tmp_path)
    with pytest.raises(LifeboatError, match=r"sub of .* cannot be read: "):
        site.place.fetch(["sub"], tmp_path)


def test_removes_directories_files_and_links(site: Site) -> None:
    fill(site.root)
    site.place.remove("inner")
    assert (site.root / "sub" / "b").exists()
    for path in ("sub", "-n", "*", "new\nline", "gone already"):
        site.place.remove(path)
    left = {path.name for path in site.root.iterdir()}
    assert left == {name for name in ODD if "/" not in name} - {"-n", "*", "new\nline"} | {"out"}
    for path in (".", "", "./"):
        with pytest.raises(ValueError, match="refusing to remove the whole of"):
            site.place.remove(path)
    assert {path.name for path in site.root.iterdir()} == left


def test_a_root_that_is_not_there_is_reported(site: Site) -> None:
    nowhere = site.make("nowhere")
    with pytest.raises(LifeboatError, match="nowhere is not a directory on "):
        nowhere.check()
    assert nowhere.entries() is None
    assert nowhere.free() > 0
    with pytest.raises(LifeboatError, match="nowhere does not exist, so it cannot be moved aside"):
        nowhere.move_aside("1")
    (site.root / "file").touch()
    with pytest.raises(LifeboatError, match="cannot be listed: Not a directory"):
        site.make("root/file").entries()


def test_copies_a_live_database(site: Site, tmp_path: Path) -> None:
    with closing(sqlite3.connect(site.root / "g 'x.db")) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE t (x)")
        live.execute("INSERT INTO t VALUES (zeroblob(3000000))")
        live.commit()
        live.execute("BEGIN IMMEDIATE")
        live.execute("INSERT INTO t VALUES ('not committed')")
        site.place.fetch_sqlite("g 'x.db", tmp_path / "copy.db", seconds=30)
        live.rollback()
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT length(x) FROM t").fetchall() == [(3000000,)]
    assert sorted(path.name for path in tmp_path.iterdir() if "db" in path.name) == ["copy.db"]


def test_a_database_that_cannot_be_copied_is_reported(site: Site, tmp_path: Path) -> None:
    (site.root / "text.db").write_text("no database " * 1000)
    with pytest.raises(LifeboatError, match=r"text\.db of .* cannot be copied: .*not a database") as fault:
        site.place.fetch_sqlite("text.db", tmp_path / "copy.db", seconds=5)
    assert "is it a SQLite database" in str(fault.value.hint)
    with pytest.raises(LifeboatError, match=r"gone\.db is not in "):
        site.place.fetch_sqlite("gone.db", tmp_path / "copy.db", seconds=5)
    with closing(sqlite3.connect(site.root / "held.db")) as live:
        live.execute("CREATE TABLE t (x)")
        live.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LifeboatError, match=r"held\.db of .* cannot be copied: .*locked") as fault:
            site.place.fetch_sqlite("held.db", tmp_path / "copy.db", seconds=0.5)
    assert "another process keeps it locked" in str(fault.value.hint)
    assert not [path for path in tmp_path.iterdir() if "copy" in path.name or "partial" in path.name]


def plant(tree: Path) -> dict[str, putting.Entry]:
    tree.mkdir()
    fill(tree)
    (tree / "sub" / "b").chmod(0o640)
    (tree / "sub" / "deep").chmod(0o700)
    (tree / "sub").chmod(0o2750)
    (tree / "a").chmod(0o400)
    (tree / ".hidden").touch()
    return putting.inventory(tree)


def owners(root: Path) -> set[tuple[int, int]]:
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in (root, *root.rglob("*"))}


def test_a_tree_is_put_where_nothing_is(site: Site, tmp_path: Path) -> None:
    sent, place = plant(tmp_path / "tree"), site.make("deep/down/data")
    place.put(tmp_path / "tree", OWNERSHIP)
    root = site.root.parent / "deep" / "down" / "data"
    assert putting.inventory(root) == sent
    assert (root / "back\\slash\\n").read_bytes() == b"x" * 700
    assert (root / "out").readlink() == Path("../outside")
    assert owners(root) == {(4711, 4712)}
    assert root.stat().st_mode & 0o7777 == 0o750
    assert [path.name for path in root.parent.iterdir()] == ["data"]
    assert place.entries() == sorted({name.split("/")[0] for name in sent})
    assert not (tmp_path / "tree").exists()
    with pytest.raises(LifeboatError, match="is not empty: it holds"):
        place.put(tmp_path / "tree", OWNERSHIP)


def test_names_of_owners_are_known_there(site: Site, tmp_path: Path) -> None:
    plant(tmp_path / "tree")
    site.make("data").put(tmp_path / "tree", Ownership(names="root:daemon", user=4711, group=4712))
    assert owners(site.root.parent / "data") == {(0, 1)}


def test_an_empty_root_keeps_its_owner_and_mode(site: Site, tmp_path: Path) -> None:
    sent = plant(tmp_path / "tree")
    os.chown(site.root, 33, 34)
    site.root.chmod(0o2711)
    (site.root.parent / "root.lifeboat-partial" / "left of an earlier one").mkdir(parents=True)
    site.place.put(tmp_path / "tree", OWNERSHIP)
    assert putting.inventory(site.root) == sent
    assert owners(site.root) == {(33, 34)}
    assert site.root.stat().st_mode & 0o7777 == 0o2711
    assert not (site.root.parent / "root.lifeboat-partial").exists()


def test_the_root_may_be_a_link(site: Site, tmp_path: Path) -> None:
    plant(tmp_path / "tree")
    (site.root.parent / "disk").mkdir()
    (site.root.parent / "alias").symlink_to("disk")
    place = site.make("alias")
    place.put(tmp_path / "tree", OWNERSHIP)
    assert (site.root.parent / "disk" / "a").exists()
    assert "a" in [file.path for file in place.files()]
    assert place.move_aside("before").endswith("/disk.before")
    assert place.entries() is None


def test_a_root_that_holds_anything_is_left_alone(site: Site, tmp_path: Path) -> None:
    plant(tmp_path / "tree")
    (site.root / ".x").touch()
    with pytest.raises(LifeboatError, match=r"root is not empty: it holds 1 entries \(\.x\)"):
        site.place.put(tmp_path / "tree", OWNERSHIP)
    assert [path.name for path in site.root.iterdir()] == [".x"]
    assert (tmp_path / "tree" / "a").exists()


def test_a_root_is_moved_aside(site: Site) -> None:
    fill(site.root)
    before = putting.inventory(site.root)
    (site.root.parent / "root.1").touch()
    with pytest.raises(LifeboatError, match=r"root\.1 exists already"):
        site.place.move_aside("1")
    named = site.place.move_aside("2")
    assert named == f"{site.place}.2"
    assert putting.inventory(site.root.parent / "root.2") == before
    assert site.place.entries() is None


def test_runs_commands(site: Site) -> None:
    code, said = site.place.run("id -un; echo err >&2; exit 3", seconds=30)
    assert (code, said) == (3, "root\nerr")
    assert site.place.run("false", seconds=30) == (1, "")
    with pytest.raises(LifeboatError, match=r"did not end within 0\.5 s"):
        site.place.run("sleep 60", seconds=0.5)


def test_thousands_of_files_come_and_go(site: Site, tmp_path: Path) -> None:
    for number in range(2000):
        (site.root / f"d{number % 20}").mkdir(exist_ok=True)
        (site.root / f"d{number % 20}" / str(number)).write_text(str(number))
    paths = [file.path for file in site.place.files()]
    site.place.fetch(paths, tmp_path / "into")
    sent = putting.inventory(tmp_path / "into")
    site.make("data").put(tmp_path / "into", OWNERSHIP)
    assert len(paths) == 2000
    assert putting.inventory(site.root.parent / "data") == sent
