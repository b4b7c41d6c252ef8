"""Each restic that this machine has does the same work, tells the same faults, and reads what the other has saved.

The other tests run with the newest that is installed; `make setup` leaves Debian's own beside it.
"""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from backups.errors import ConfigError, Damaged, LifeboatError, Transient
from backups.repository import restic_version
from backups.repository.repository import Repository
from backups.secret import Secret
from tests.integration.conftest import AT
from tests.servers import restic

PASSWORD = "correct horse"


@pytest.fixture(params=restic.programs(), ids=lambda path: str(path.parent).strip("/").replace("/", "-"))
def program(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One restic, first on the PATH."""
    folder: Path = tmp_path / "only"
    folder.mkdir()
    (folder / "restic").symlink_to(request.param)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    chosen: Path = request.param
    return chosen


def made(tmp_path: Path, name: str = "repository", password: str = PASSWORD) -> Repository:
    if not (tmp_path / name).exists():
        restic.make(tmp_path / name, PASSWORD)
    return Repository(str(tmp_path / name), tmp_path / "cache", password=Secret(password), patience=0, tries=1)


def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "data").mkdir(parents=True, exist_ok=True)
    (tmp_path / "tree" / "data" / "file").write_bytes(os.urandom(200_000))
    (tmp_path / "tree" / "manifest.json").write_text("{}")
    return tmp_path / "tree"


def test_there_is_one_that_was_tried() -> None:
    assert restic_version.installed() in restic_version.PROVEN


def test_a_backup_goes_in_and_comes_back_and_goes(program: Path, tmp_path: Path) -> None:
    repository, content = made(tmp_path), tree(tmp_path)
    saved = repository.save(content, host="agama", tags=["lifeboat", "one"], at=AT)
    second = repository.save(content, host="agama", tags=["lifeboat", "two"], at=AT + timedelta(minutes=1))
    first, _ = snapshots = repository.snapshots()
    assert [each.tags for each in snapshots] == [("lifeboat", "one"), ("lifeboat", "two")]
    assert first.id.startswith(saved)
    assert {node.path for node in repository.trees([first.id])[first.id]} == {"/data", "/data/file", "/manifest.json"}
    assert repository.read(saved, "/manifest.json") == b"{}"
    repository.fetch(second, tmp_path / "back")
    assert (tmp_path / "back" / "data" / "file").read_bytes() == (content / "data" / "file").read_bytes()
    repository.check(read_data=True)
    repository.forget([saved])
    repository.prune()
    assert [each.tags for each in repository.snapshots()] == [("lifeboat", "two")]
    with pytest.raises(LifeboatError, match="the snapshot does not exist"):
        repository.fetch(saved, tmp_path / "gone")


def test_what_one_has_saved_the_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = tree(tmp_path)
    for number, writer in enumerate(restic.programs()):
        monkeypatch.setenv("PATH", f"{writer.parent}:{os.environ['PATH']}")
        saved = made(tmp_path, f"by-{number}").save(content, host="agama", tags=["lifeboat"], at=AT)
        for other, reader in enumerate(restic.programs()):
            monkeypatch.setenv("PATH", f"{reader.parent}:{os.environ['PATH']}")
            shutil.rmtree(tmp_path / "cache")
            back = tmp_path / f"{number}-{other}"
            made(tmp_path, f"by-{number}").fetch(saved, back)
            assert (back / "data" / "file").read_bytes() == (content / "data" / "file").read_bytes()


def test_faults_are_told_alike(program: Path, tmp_path: Path) -> None:
    repository, content = made(tmp_path), tree(tmp_path)
    with pytest.raises(ConfigError, match="the password is wrong"):
        made(tmp_path, password="another").snapshots()
    assert Repository(str(tmp_path / "none"), tmp_path / "cache", password=Secret(PASSWORD)).identifier() is None
    with pytest.raises(Transient, match="it does not answer"):
        Repository("rest:http://127.0.0.1:9/x", tmp_path / "cache", password=Secret(PASSWORD), tries=1).identifier()
    one = repository.save(content, host="agama", tags=["lifeboat", "one"], at=AT)
    two = repository.save(tree(tmp_path), host="agama", tags=["lifeboat", "two"], at=AT + timedelta(minutes=1))
    shutil.rmtree(tmp_path / "cache")
    for pack in (path for path in (tmp_path / "repository" / "data").rglob("*") if path.is_file()):
        _flip(pack)
    with pytest.raises(Damaged):
        repository.fetch(two, tmp_path / "back")
    [named] = (path for path in (tmp_path / "repository" / "snapshots").iterdir() if path.name.startswith(one[:8]))
    _flip(named)
    shutil.rmtree(tmp_path / "cache")
    assert [each.tags for each in repository.snapshots()] == [("lifeboat", "two")]
    [unreadable] = repository.listing().unreadable
    assert f"could not load snapshot {one[:8]}: " in str(unreadable)


def _flip(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
