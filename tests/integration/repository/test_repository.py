"""The repository keeps what it is given, whole or not at all, and gives back exactly that. Against the real restic."""

import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backups.errors import LifeboatError
from backups.repository.repository import Repository
from backups.secret import Secret
from tests.integration.conftest import AT, Child, children, repository_at, said
from tests.servers.leftovers import alive

SLOW_SAVE = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from backups.repository.repository import Repository
from backups.secret import Secret
repository = Repository(sys.argv[1], Path(sys.argv[2]), password=Secret("correct horse"))
print("saving")
repository.save(Path(sys.argv[3]), host="agama", tags=["lifeboat", "backup=killed"], at=datetime.now(UTC))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files as a capture leaves them: odd names, owners, modes, links, an empty folder."""
    root = tmp_path / "tree"
    (root / "data" / "empty").mkdir(parents=True)
    (root / "manifest.json").write_text("{}")
    for name in ("plain", "with space", "star*[a]?", "back\\slash", "ünïcode", "-dash", "{a,b}", "$HOME", "!not", "#hash"):
        (root / "data" / name).write_text(name)
    (root / "data" / "private").write_text("secret")
    (root / "data" / "private").chmod(0o600)
    (root / "data" / "link").symlink_to("plain")
    os.chown(root / "data" / "private", 999, 998)
    return root


@contextmanager
def slow_save(child: Child, repository: Repository, tmp_path: Path) -> Iterator["tuple[subprocess.Popen[str], int]"]:
    """A process that saves 300 MB, and the process id of its restic, already writing."""
    source = tmp_path / "large"
    source.mkdir()
    subprocess.run(["dd", "if=/dev/urandom", f"of={source / 'file'}", "bs=1M", "count=300", "status=none"], check=True)
    process = child(SLOW_SAVE, repository.url, repository.cache, source)
    assert said(process) == "saving"
    # Only once it writes data has it registered its lock for removal on an interrupt.
    while not any(path.is_file() for path in (Path(repository.url) / "data").rglob("*")):
        assert process.poll() is None, "it ended too early to be killed"
    [restic] = children(process)
    yield process, restic
    (source / "file").unlink()


def locks(repository: Repository) -> int:
    return len(list((Path(repository.url) / "locks").iterdir()))


def gone(pid: int) -> None:
    while alive(pid):
        time.sleep(0.01)


def test_what_was_saved_comes_back_with_owners_modes_and_links(repository: Repository, tree: Path, tmp_path: Path) -> None:
    snapshot = repository.save(tree, host="agama", tags=["lifeboat"], at=AT)
    repository.fetch(snapshot, tmp_path / "back")
    compared = subprocess.run(
        ["diff", "-r", "--no-dereference", str(tree), str(tmp_path / "back")], capture_output=True, check=False
    )
    assert compared.returncode == 0, compared.stdout
    private = (tmp_path / "back" / "data" / "private").stat()
    assert (private.st_uid, private.st_gid, stat.S_IMODE(private.st_mode)) == (999, 998, 0o600)
    assert (tmp_path / "back" / "data" / "empty").is_dir()
    assert repository.read(snapshot, "/data/ünïcode").decode() == "ünïcode"


def test_only_the_included_paths_come_back_whatever_they_are_called(repository: Repository, tree: Path, tmp_path: Path) -> None:
    (tree / "data" / "starXaX").write_text("matches the pattern, not the name")
    snapshot = repository.save(tree, host="agama", tags=["lifeboat"], at=AT)
    names = ["star*[a]?", "back\\slash", "with space", "-dash", "{a,b}", "$HOME", "!not", "#hash"]
    repository.fetch(snapshot, tmp_path / "back", include=[f"/data/{name}" for name in names])
    assert sorted(path.name for path in (tmp_path / "back" / "data").iterdir()) == sorted(names)


def test_an_included_path_that_is_not_there_is_damage_not_nothing(repository: Repository, tree: Path, tmp_path: Path) -> None:
    snapshot = repository.save(tree, host="agama", tags=["lifeboat"], at=AT)
    with pytest.raises(LifeboatError, match=r"holds no /data/nope \(1 of 2 wanted paths are missing\)"):
        repository.fetch(snapshot, tmp_path / "back", include=["/data/plain", "/data/nope"])


@pytest.mark.parametrize(
    "moment",
    [
        AT.astimezone(timezone(timedelta(hours=-11))),
        # 02:30 happens twice on this night.
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    ],
)
def test_the_time_of_a_snapshot_is_the_moment_given_in_whatever_zone(
    repository: Repository, tree: Path, moment: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    repository.save(tree, host="agama", tags=["lifeboat"], at=moment)
    [snapshot] = repository.snapshots()
    assert snapshot.time.timestamp() == moment.timestamp()
    assert snapshot.time.utcoffset() == timedelta()


def test_tags_come_back_as_they_were_and_are_found_by_one(repository: Repository, tree: Path) -> None:
    tags = ["lifeboat", "taken=2026-11-23T00:00:05.123456+00:00", "proof=a-1|verified|41.2|x", 'odd "ü" = tag']
    repository.save(tree, host="agama", tags=tags, at=AT)
    repository.save(tree, host="agama", tags=["other"], at=AT)
    [snapshot] = repository.snapshots()
    assert sorted(snapshot.tags) == sorted(tags)
    assert [found.tags for found in repository.snapshots("other")] == [("other",)]


@pytest.mark.parametrize("tag", ["a,b", ""])
def test_a_tag_that_restic_would_split_or_drop_is_refused(repository: Repository, tree: Path, tag: str) -> None:
    with pytest.raises(ValueError, match="restic would not keep the tag"):
        repository.save(tree, host="agama", tags=["lifeboat", tag], at=AT)
    assert repository.snapshots() == []


def test_it_is_made_on_first_use_once_even_by_several_at_the_same_time(child: Child, tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from backups.repository.repository import Repository
from backups.secret import Secret
Repository(sys.argv[1], Path(sys.argv[2]), password=Secret("correct horse")).ensure()
print("made")
"""
    repository = repository_at(tmp_path / "repository")
    assert not repository.exists()
    several = [child(code, repository.url, repository.cache) for _ in range(3)]
    assert [said(process) for process in several] == ["made"] * 3
    assert repository.exists()
    assert len(list((tmp_path / "repository" / "keys").iterdir())) == 1
    assert repository.snapshots() == []


def test_its_url_may_name_variables_and_restic_variables_of_the_operator_do_not_matter(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other.key").write_text("another")
    monkeypatch.setenv("THE_URL", repository.url)
    monkeypatch.setenv("RESTIC_PASSWORD_FILE", str(tmp_path / "other.key"))
    monkeypatch.setenv("RESTIC_REPOSITORY_FILE", str(tmp_path / "other.key"))
    assert Repository("${THE_URL}", repository.cache, password=Secret("correct horse")).exists()


def test_the_password_is_on_no_command_line(repository: Repository, child: Child, tmp_path: Path) -> None:
    with slow_save(child, repository, tmp_path) as (process, restic):
        seen = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (process.pid, restic)]
    assert b"restic" in seen[1]
    assert not [line for line in seen if b"horse" in line]


@pytest.mark.parametrize("victim", ["restic", "ours"])
def test_a_save_killed_in_the_middle_leaves_no_backup_and_no_lock_that_blocks(
    victim: str, repository: Repository, child: Child, tmp_path: Path, tree: Path
) -> None:
    with slow_save(child, repository, tmp_path) as (process, restic):
        if victim == "ours":
            process.kill()
        if victim == "restic":
            os.kill(restic, signal.SIGKILL)
        process.wait()
        gone(restic)
    if victim == "ours":
        assert locks(repository) == 0, "an orphaned restic removes its lock"
    assert repository.snapshots() == []
    repository.save(tree, host="agama", tags=["lifeboat"], at=AT)
    repository.prune()
    repository.check(read_data=True)
    assert len(repository.snapshots()) == 1
    assert locks(repository) == 0


def test_forgetting_and_pruning_frees_the_space_and_keeps_the_rest(repository: Repository, tree: Path, tmp_path: Path) -> None:
    first = repository.save(tree, host="agama", tags=["lifeboat"], at=AT)
    (tree / "data" / "big").write_bytes(os.urandom(3_000_000))
    second = repository.save(tree, host="agama", tags=["lifeboat"], at=AT + timedelta(days=1))
    repository.forget([second])
    repository.prune()
    assert sum(path.stat().st_size for path in (Path(repository.url) / "data").rglob("*") if path.is_file()) < 1_000_000
    repository.fetch(first, tmp_path / "back")
    repository.forget([])
    assert len(repository.snapshots()) == 1
