"""Snapshots of a thief who may add to the repository, with anything in them: none of it leaves the scratch directory, or stays in it."""

import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Damaged
from backups.manifest import BackupRecord, Manifest
from backups.services import registry
from tests.contract.toy_site import REGISTRY_LINE, ToySite, toy, toy_template
from tests.servers.forge import Thief
from verification.drill import fetch
from verification.verify import verify

__all__ = ["toy", "toy_template"]

FORGED = "toy-20261126T000000Z"
BITS = 1 << 23 | 1 << 22 | 1 << 20
"""restic's setuid, setgid and sticky."""
Nodes = list[dict[str, Any]]
Forge = Callable[["Forgery"], tuple[Nodes, Nodes]]


class Forgery:
    """A backup of the toy that holds the file `a`, as Lifeboat would have made it; a test adds to it, or takes from it."""

    def __init__(self, site: ToySite, victim: Path, true: Manifest) -> None:
        self.site = site
        self.thief = Thief.of(site.repository, "correct horse")
        self.victim = victim
        self.true = true

    @property
    def a(self) -> dict[str, Any]:
        return self.thief.file_node("a", b"abc")

    def node(self, name: str, kind: str, **more: Any) -> dict[str, Any]:
        return {**self.thief.file_node(name, b""), "type": kind, **more}

    def save(self, data: Nodes, beside: Nodes, *, data_itself: dict[str, Any] | None = None, **changes: Any) -> BackupRecord:
        """Add the snapshot; its record, as its tags would have it."""
        stated = {**self.true.model_dump(mode="json"), "id": FORGED, "chain": FORGED, "standalone": True}
        stated |= {"files": [{"path": "a", "size": 3}], **changes}
        stated["details"] = {"hashes": {each["path"]: "x" for each in stated["files"]}}
        manifest = Manifest.model_construct(**{**self.true.__dict__, "id": FORGED, "chain": FORGED, "standalone": True})
        root = [
            data_itself or self.thief.directory_node("data", data),
            self.thief.file_node("manifest.json", json.dumps(stated).encode()),
            *beside,
        ]
        tags = [
            f"bytes={sum(each['size'] for each in stated['files'])}" if tag.startswith("bytes=") else tag
            for tag in manifest.tags()
        ]
        snapshot = self.thief.snapshot(tags, self.thief.tree(root))
        record = BackupRecord.from_tags(snapshot, tags)
        assert record is not None
        return record


@pytest.fixture(scope="session")
def true(toy_template: ToySite) -> Manifest:
    """A backup's own manifest, which the forged ones are made of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.SERVICE_TYPES, "toy", REGISTRY_LINE)
        repository = toy_template.open().repository
        return repository.manifest(repository.backups()[0])


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """What is elsewhere on this machine; no test changes any of it."""
    directory = tmp_path / "victim"
    directory.mkdir(mode=0o700)
    (directory / "shadow").write_text("root")
    (directory / "shadow").chmod(0o600)
    before = photograph(directory)
    yield directory
    assert photograph(directory) == before


def photograph(directory: Path) -> list[tuple[object, ...]]:
    return [
        (path, path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_ino, path.read_bytes() if path.is_file() else b"")
        for path in sorted((directory, *directory.rglob("*")))
    ]


@pytest.fixture
def forgery(toy: ToySite, victim: Path, true: Manifest) -> Forgery:
    return Forgery(toy, victim, true)


def fetched(forgery: Forgery, record: BackupRecord, into: Path) -> list[Any]:
    site = forgery.site.open()
    into.mkdir()
    return fetch.fetch(site.service("toy", None), [record], site.repository, into)  # type: ignore[arg-type]


def link(name: str, target: str = "") -> Forge:
    return lambda forgery: ([forgery.a, forgery.thief.link_node(name, target or str(forgery.victim / "shadow"))], [])


ODD: dict[str, tuple[Forge, str]] = {
    "a link to a file": (link("l"), "/data/l, which is neither a file nor a directory: symlink"),
    "a link to a directory": (link("l", "/"), "/data/l, which is neither"),
    "a link below a directory": (
        lambda f: ([f.a, f.thief.directory_node("d", [f.thief.link_node("l", str(f.victim))])], []),
        "/data/d/l, which is neither",
    ),
    "a link instead of a listed file": (lambda f: ([f.thief.link_node("a", str(f.victim / "shadow"))], []), "/data/a, which is neither"),
    "a name twice, first a link": (
        lambda f: ([f.thief.link_node("a", str(f.victim / "shadow")), f.thief.file_node("a", b"abc", 0o666)], []),
        "/data/a",
    ),
    "a name twice, both files": (lambda f: ([f.a, f.a], []), "two things of the name /data/a"),
    "a device": (lambda f: ([f.a, f.node("sda", "dev", mode=0o666, device=0x800)], []), "/data/sda, which is neither a file nor a directory: dev"),
    "a character device": (lambda f: ([f.a, f.node("mem", "chardev", mode=0o666, device=0x101)], []), ": chardev"),
    "a pipe": (lambda f: ([f.a, f.node("p", "fifo")], []), ": fifo"),
    "a socket": (lambda f: ([f.a, f.node("s", "socket")], []), ": socket"),
    "of no kind": (lambda f: ([f.a, f.node("s", "\x1b[2J")], []), "neither a file nor a directory: \\x1b[2J"),
    "a file that is not listed": (lambda f: ([f.a, f.thief.file_node("b", b"b")], []), "the file /data/b, which its manifest does not list"),
    "a program beside the data": (
        lambda f: ([f.a], [f.thief.file_node("rootsh", b"#!/bin/sh\n", 0o755 | BITS)]),
        "the file /rootsh, which its manifest does not list",
    ),
    "a directory beside the data": (lambda f: ([f.a], [f.thief.directory_node("d", [])]), "the directory /d beside its data"),
    "a link beside the data": (lambda f: ([f.a], [f.thief.link_node("l", "/")]), "/l, which is neither"),
    "a path for a name": (lambda f: ([f.a, f.thief.file_node("../../evil", b"b")], []), "evil"),
    "dots for a name": (lambda f: ([f.a, f.thief.directory_node("..", [f.thief.file_node("b", b"b")])], []), ""),
    "another file for the listed one": (lambda f: ([f.thief.file_node("A", b"abc")], []), "the file /data/A"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_no_backup_holds_is_refused_before_any_of_it_is_written(forgery: Forgery, tmp_path: Path, name: str) -> None:
    forge, words = ODD[name]
    record = forgery.save(*forge(forgery))
    with pytest.raises(Damaged) as refused:
        fetched(forgery, record, tmp_path / "into")
    assert FORGED in refused.value.message
    assert words in refused.value.message
    assert list((tmp_path / "into").iterdir()) == []


def test_a_link_for_the_data_is_refused(forgery: Forgery, tmp_path: Path) -> None:
    record = forgery.save([], [], data_itself=forgery.thief.link_node("data", str(forgery.victim)))
    with pytest.raises(Damaged, match="/data, which is neither a file nor a directory: symlink"):
        fetched(forgery, record, tmp_path / "into")


def test_modes_owners_and_empty_directories_of_a_snapshot_are_nobodys_but_ours(forgery: Forgery, tmp_path: Path) -> None:
    """A setuid program that the manifest lists comes back as a file that nobody else can reach, and not as a program."""
    inner = forgery.thief.directory_node("empty", [])
    program = {**forgery.thief.file_node("a", b"abc", 0o777 | BITS), "uid": 65534, "gid": 65534}
    record = forgery.save([program, {**inner, "mode": 0o777 | 1 << 31 | BITS, "uid": 65534}], [])
    [back] = fetched(forgery, record, tmp_path / "into")
    assert (back.data / "a").read_bytes() == b"abc"
    for path in (back.data.parent, back.data, *back.data.rglob("*")):
        status = path.lstat()
        assert stat.S_IMODE(status.st_mode) == (0o700 if path.is_dir() else 0o600), path
        assert (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid()), path
    assert (back.data / "empty").is_dir()


def test_two_names_of_one_file_are_refused(forgery: Forgery, tmp_path: Path) -> None:
    one = {**forgery.thief.file_node("a", b"abc"), "inode": 7, "device_id": 1, "links": 2}
    record = forgery.save([one, {**one, "name": "b"}], [], files=[{"path": name, "size": 3} for name in "ab"])
    with pytest.raises(Damaged, match="which has another name elsewhere"):
        fetched(forgery, record, tmp_path / "into")


@pytest.mark.parametrize(
    "files",
    [["/etc/cron.d/x"], ["../x"], ["a/../../x"], [""], ["."], ["a\0b"], ["a", "a"], ["a", "a/b"]],
)
def test_a_manifest_that_lists_what_is_elsewhere_is_refused(forgery: Forgery, tmp_path: Path, files: Sequence[str]) -> None:
    record = forgery.save([forgery.a], [], files=[{"path": path, "size": 3} for path in files])
    with pytest.raises(Damaged, match=f"the manifest of backup {FORGED} cannot be read: files"):
        fetched(forgery, record, tmp_path / "into")


@pytest.mark.parametrize(
    "changes", [{"id": "/etc/x"}, {"chain": "toy-20261126T000001Z"}, {"sequence": 1}, {"service": "x"}, {"kind": "incremental"}]
)
def test_a_manifest_that_is_not_that_of_its_tags_is_refused(forgery: Forgery, tmp_path: Path, changes: dict[str, Any]) -> None:
    record = forgery.save([forgery.a], [], **changes)
    with pytest.raises(Damaged, match=FORGED):
        fetched(forgery, record, tmp_path / "into")


def test_a_drill_of_one_has_failed_and_says_what_is_odd(forgery: Forgery) -> None:
    forgery.save(*link("l")(forgery))
    [drill] = verify(forgery.site.open(), ["toy"], selections=[FORGED]).drills
    assert drill.verdict == "failed"
    assert "/data/l, which is neither a file nor a directory: symlink" in drill.reasons[0]
