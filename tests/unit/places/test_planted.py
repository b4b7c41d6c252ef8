"""Links and directories that somebody plants where root puts or reads files lead root nowhere."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.places.base import Ownership
from backups.places.local import put as putting
from backups.places.local.place import LocalPlace
from backups.places.local.put import LocalTarget

GRAFANA = 472
THEIRS = Ownership(names="no-such-user:no-such-group", user=GRAFANA, group=GRAFANA)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led astray")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A directory of root's, with a file, neither of which anything below may change."""
    directory = tmp_path / "victim"
    directory.mkdir(mode=0o700)
    (directory / "shadow").write_text("root:*:1\n")
    (directory / "shadow").chmod(0o600)
    return directory


def state(directory: Path) -> list[tuple[str, int, int, int]]:
    found = [directory, *directory.rglob("*")]
    return [(path.name, path.lstat().st_uid, path.lstat().st_mode, path.lstat().st_size) for path in found]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "scratch" / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "evil.conf").write_text("evil")
    (tree / "shadow").write_text("evil")
    return tree


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A directory that Grafana's user may write."""
    directory = tmp_path / "theirs"
    directory.mkdir()
    os.chown(directory, GRAFANA, GRAFANA)
    return directory


@pytest.mark.parametrize("name", ["data", "data.lifeboat-partial"])
def test_a_link_at_any_name_that_is_written_to(tmp_path: Path, victim: Path, tree: Path, theirs: Path, name: str) -> None:
    """Root follows no link that others than root may change: it is refused, or replaced."""
    (theirs / name).symlink_to(victim)
    before = state(victim)
    place = LocalPlace(theirs / "data")
    try:
        place.put(tree, THEIRS)
    except LifeboatError as fault:
        assert "is a symbolic link that others than root may change" in fault.message  # noqa: PT017 - either is right
    assert state(victim) == before
    assert not list(tmp_path.glob("victim/evil.conf"))
    if name == "data":
        with pytest.raises(LifeboatError, match="is a symbolic link that others than root may change"):
            place.move_aside("before-restore-1")


def test_a_link_of_roots_own_is_followed(tmp_path: Path, tree: Path) -> None:
    """`/var/lib/grafana` that leads to a larger disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "grafana").symlink_to(tmp_path / "disk" / "grafana")
    LocalPlace(tmp_path / "var" / "grafana").put(tree, THEIRS)
    assert (tmp_path / "disk" / "grafana" / "shadow").read_text() == "evil"


@pytest.mark.parametrize("step", ["_change_owner", "_copy", "_move_in"])
@pytest.mark.parametrize("other_disk", [True, False])
def test_a_directory_that_is_exchanged_for_a_link_in_the_middle(
    victim: Path, tree: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch, step: str, other_disk: bool
) -> None:
    """Before each step that writes, chowns or moves by name, the directory is exchanged, as its neighbour's owner can."""
    before = state(victim)
    partial = theirs / "data.lifeboat-partial"
    if step == "_move_in":
        (theirs / "data").mkdir()
        partial = theirs / "data" / ".lifeboat-partial"
        monkeypatch.setattr(putting.filesystem, "is_mount", lambda path: path.name == "data")
    if other_disk:
        rename = Path.rename

        def refused(path: Path, target: Path) -> Path:
            if path == tree:
                raise OSError(18, "Invalid cross-device link")
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", refused)
    original: Callable[..., object] = getattr(putting, step)

    def exchanged(*arguments: object) -> object:
        shutil.move(partial, theirs / "mine")
        partial.symlink_to(victim)
        return original(*arguments)

    monkeypatch.setattr(putting, step, exchanged)
    with pytest.raises(LifeboatError) if step != "_copy" or other_disk else _nothing():
        LocalTarget(theirs / "data", "local:data").put(tree, THEIRS)
    assert state(victim) == before


class _nothing:  # noqa: N801 - beside pytest.raises
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def test_a_file_that_is_exchanged_for_a_link_before_it_is_read(tmp_path: Path, victim: Path, theirs: Path) -> None:
    """Provisioning is listed, then read: what has become a link, or lies behind one, meanwhile, is not what was listed."""
    (theirs / "sub").mkdir()
    place = LocalPlace(theirs)
    for change in (lambda: (theirs / "shadow").symlink_to(victim / "shadow"), lambda: os.mkfifo(theirs / "shadow")):
        (theirs / "shadow").write_text("mine")
        (listed,) = place.files()
        (theirs / "shadow").unlink()
        change()
        with pytest.raises(LifeboatError):
            place.fetch([listed.path], tmp_path / "into")
        (theirs / "shadow").unlink()
        assert "root" not in "".join(path.read_text() for path in (tmp_path / "into").glob("*"))


def test_a_file_that_is_exchanged_again_and_again_is_never_read_through_a_link(
    tmp_path: Path, victim: Path, theirs: Path
) -> None:
    """Between any two looks: the race itself, both for the file and for the directory that it is in."""
    (theirs / "a").mkdir()
    (theirs / "a" / "shadow").write_text("mine")
    (theirs / "b").symlink_to(victim)
    ended = threading.Event()

    def exchange() -> None:
        libc_exchange = _exchanger()
        while not ended.is_set():
            libc_exchange(theirs / "a", theirs / "b")

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(400):
            try:
                LocalPlace(theirs).fetch(["a/shadow"], tmp_path / "into")
            except LifeboatError:
                continue
            assert (tmp_path / "into" / "a" / "shadow").read_text() == "mine"
    finally:
        ended.set()
        thread.join()


def _exchanger() -> Callable[[Path, Path], None]:
    """renameat2 with RENAME_EXCHANGE: both names change in one step."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return lambda one, other: libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)
