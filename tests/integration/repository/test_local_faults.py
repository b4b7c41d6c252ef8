"""Faults of a repository, each provoked for real: restic's words are told by their meaning, with what to do."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.errors import ConfigError, Damaged, LifeboatError, Transient
from backups.repository.repository import Repository
from tests.integration.conftest import AT, ROOT, repository_at


@pytest.fixture
def saved(repository: Repository, tmp_path: Path) -> str:
    """A snapshot of 3 MB in the repository."""
    (tmp_path / "tree" / "data").mkdir(parents=True)
    (tmp_path / "tree" / "manifest.json").write_text("{}")
    (tmp_path / "tree" / "data" / "file").write_bytes(os.urandom(3_000_000))
    repository.save(tmp_path / "tree", host="agama", tags=["lifeboat"], at=AT)
    return repository.snapshots()[0].id


def flip(path: Path, at: int = 60) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def largest(repository: Repository, folder: str) -> Path:
    return max(
        (path for path in (Path(repository.url) / folder).rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )


def forget_the_cache(repository: Repository) -> Repository:
    subprocess.run(["rm", "-rf", str(repository.cache)], check=True)
    return repository


def test_another_password_is_reported(repository: Repository) -> None:
    other = repository_at(Path(repository.url), "wrong")
    for use in (other.exists, other.ensure, other.backups, other.prune):
        with pytest.raises(ConfigError, match=r"cannot \w+ the repository .*: the password is wrong") as fault:
            use()
        assert "repository.password_file" in str(fault.value)


def test_a_cache_that_a_full_disk_has_cut_off_is_begun_again(repository: Repository, saved: str) -> None:
    """No restic opens it any more, so that nothing could be listed, saved or restored, also when the disk had room again."""
    (version,) = repository.cache.glob("*/version")
    version.write_text("")
    assert [each.id for each in repository.snapshots()] == [saved]
    assert version.read_text().isdigit()


def test_no_repository_is_reported_and_listing_does_not_make_one(tmp_path: Path) -> None:
    repository = repository_at(tmp_path / "nothing")
    with pytest.raises(LifeboatError, match=r"cannot list the repository .*: there is no repository at that place") as fault:
        repository.backups()
    assert "the first `lifeboat backup` creates it" in str(fault.value)
    assert not (tmp_path / "nothing").exists()


def test_a_repository_that_lost_its_config_is_not_made_anew(repository: Repository, saved: str) -> None:
    (Path(repository.url) / "config").unlink()
    with pytest.raises(Damaged, match="it has keys and data, and no config file"):
        repository.ensure()
    assert len(list((Path(repository.url) / "keys").iterdir())) == 1


def test_a_repository_that_does_not_answer_is_transient(tmp_path: Path) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"rest:http://user:hunter2@127.0.0.1:{unheard.getsockname()[1]}/x"
        for use in (Repository(url, tmp_path / "cache", repository_at(tmp_path).password).ensure,):
            with pytest.raises(Transient, match="it does not answer") as fault:
                use()
            assert "hunter2" not in str(fault.value)


def test_a_flipped_byte_in_a_pack_is_damage_and_mending_as_the_hint_says_works(
    repository: Repository, saved: str, tmp_path: Path
) -> None:
    pack = largest(repository, "data")
    flip(pack, 5000)
    with pytest.raises(Damaged, match=r"its content is damaged: .*ciphertext verification failed") as fault:
        repository.fetch(saved, tmp_path / "back")
    assert "delete those pack files, run restic rebuild-index, then take a full" in str(fault.value)
    with pytest.raises(Damaged, match=pack.name):
        repository.check(read_data=True)
    pack.unlink()
    environment = {**os.environ, **repository._environment()}
    subprocess.run(["restic", "rebuild-index"], env=environment, check=True, capture_output=True)
    second = repository.save(tmp_path / "tree", host="agama", tags=["lifeboat"], at=datetime.now(UTC))
    repository.fetch(second, tmp_path / "again")
    assert (tmp_path / "again" / "data" / "file").read_bytes() == (tmp_path / "tree" / "data" / "file").read_bytes()


@pytest.mark.parametrize("before", [True, False], ids=["sub", "root"])
def test_a_directory_that_cannot_be_read_is_damage(repository: Repository, tmp_path: Path, before: bool) -> None:
    """restic ends with success all the same, and says so in the middle of its JSON, or at its beginning."""
    (tmp_path / "tree" / "data").mkdir(parents=True)
    (tmp_path / "tree" / "data" / "file").write_text("stays")
    repository.save(tmp_path / "tree", host="agama", tags=["lifeboat"], at=AT)
    old = _packs(repository)
    (tmp_path / "tree" / "manifest.json").write_text("added: only the directory at the top is another one")
    repository.save(tmp_path / "tree", host="agama", tags=["lifeboat"], at=AT + timedelta(minutes=1))
    saved = repository.snapshots()[-1].id
    assert repository.trees([]) == {}, "of no snapshot, not of all"
    assert {node.path for node in repository.trees([saved])[saved]} == {"/data", "/data/file", "/manifest.json"}
    for pack in old if before else _packs(repository) - old:
        # Of two directories saved at once either may come first in a pack: every byte is another one.
        pack.chmod(0o600)
        pack.write_bytes(bytes(byte ^ 1 for byte in pack.read_bytes()))
    with pytest.raises(Damaged, match="its content is damaged: Unable to load tree"):
        forget_the_cache(repository).trees([saved])


def _packs(repository: Repository) -> set[Path]:
    return {path for path in (Path(repository.url) / "data").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("folder", "words"),
    [("index", "invalid data returned"), ("config", "is damaged"), ("keys", "Unmarshal|wrong password|invalid")],
)
def test_a_flipped_byte_anywhere_else_is_reported(
    repository: Repository, saved: str, tmp_path: Path, folder: str, words: str
) -> None:
    # A key is JSON, and a byte in its middle may be of a name that restic does not read.
    flip(Path(repository.url) / "config" if folder == "config" else largest(repository, folder), 0 if folder == "keys" else 60)
    with pytest.raises(LifeboatError, match=words) as fault:
        forget_the_cache(repository).fetch(saved, tmp_path / "back")
    assert folder == "keys" or isinstance(fault.value, Damaged)


def test_a_snapshot_that_cannot_be_read_is_named_and_keeps_nobody_from_the_others(
    repository: Repository, saved: str, tmp_path: Path
) -> None:
    repository.save(tmp_path / "tree", host="agama", tags=["lifeboat", "other"], at=datetime.now(UTC))
    flip(Path(repository.url) / "snapshots" / saved)
    there = forget_the_cache(repository)
    assert [snapshot.tags for snapshot in there.snapshots()] == [("lifeboat", "other")]
    [unreadable] = there.listing().unreadable
    assert f"snapshot {saved[:8]} is left out: could not load snapshot {saved[:8]}" in str(unreadable)


def test_missing_indexes_are_damage(repository: Repository, saved: str, tmp_path: Path) -> None:
    for index in (Path(repository.url) / "index").iterdir():
        index.unlink()
    with pytest.raises(Damaged, match="not found in repository"):
        forget_the_cache(repository).fetch(saved, tmp_path / "back")


def test_a_snapshot_that_is_gone_is_reported(repository: Repository, saved: str, tmp_path: Path) -> None:
    repository.forget([saved])
    with pytest.raises(LifeboatError, match="the snapshot does not exist") as fault:
        repository.fetch(saved, tmp_path / "back")
    assert not isinstance(fault.value, Damaged)


def test_a_file_that_is_not_in_the_snapshot_is_damage(repository: Repository, saved: str) -> None:
    with pytest.raises(Damaged, match='path "/nope" not found in snapshot'):
        repository.read(saved, "/nope")


def test_a_file_that_cannot_be_read_leaves_no_snapshot(repository: Repository, saved: str, tmp_path: Path) -> None:
    """As root without the right to read everything, as a user of its own would be."""
    (tmp_path / "tree" / "data" / "hidden").write_text("x")
    (tmp_path / "tree" / "data" / "hidden").chmod(0)
    code = f"""
from datetime import datetime, UTC
from pathlib import Path
from tests.integration.conftest import repository_at
repository_at(Path({repository.url!r})).save(Path({str(tmp_path / "tree")!r}), host="agama", tags=["lifeboat"], at=datetime.now(UTC))
"""
    ended = subprocess.run(
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "cannot save to the repository" in ended.stderr
    assert "hidden" in ended.stderr
    assert [snapshot.id for snapshot in repository.snapshots()] == [saved]


def test_a_lock_of_a_process_that_lives_is_waited_for_then_reported(repository: Repository, saved: str) -> None:
    hurried = Repository(repository.url, repository.cache, repository.password, patience=1)
    with ExclusivelyLocked(repository), pytest.raises(Transient, match=r"it is locked: .*locked exclusively by PID \d+"):
        hurried.forget([saved])
    hurried.forget([saved])


def test_a_lock_of_a_process_that_died_does_not_block(repository: Repository, saved: str) -> None:
    with ExclusivelyLocked(repository) as holder:
        holder.kill()
        holder.wait()
        assert len(list((Path(repository.url) / "locks").iterdir())) == 1
        repository.forget([saved])
    assert repository.snapshots() == []


class ExclusivelyLocked:
    """A restic that holds the repository exclusively: a prune, stopped in the middle."""

    def __init__(self, repository: Repository) -> None:
        self.environment = {**os.environ, **repository._environment()}
        self.locks = Path(repository.url) / "locks"

    def __enter__(self) -> "subprocess.Popen[bytes]":
        self.holder = subprocess.Popen(
            ["restic", "check", "--read-data", "--limit-download", "1"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not [lock for lock in self.locks.iterdir() if self.is_exclusive(lock)]:
            assert self.holder.poll() is None
        return self.holder

    def is_exclusive(self, lock: Path) -> bool:
        shown = subprocess.run(
            ["restic", "cat", "lock", lock.name, "--no-lock"], env=self.environment, capture_output=True, check=False
        ).stdout
        return bool(shown) and bool(json.loads(shown)["exclusive"])

    def __exit__(self, *_: object) -> None:
        self.holder.kill()
        self.holder.wait()


def test_a_full_repository_disk_is_reported_and_the_next_save_works(
    repository: Repository, small_disk: Path, tmp_path: Path
) -> None:
    subprocess.run(["cp", "-r", repository.url, str(small_disk / "repository")], check=True)
    full = Repository(str(small_disk / "repository"), repository.cache, repository.password, stalled=30)
    source = tmp_path / "large"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(20_000_000))
    # restic 0.14 itself stands still now and then (1 of 60, then 1 of 300), and says nothing.
    words = r"its disk is full: .*no space left on device|restic stalled: it was ended"
    with pytest.raises(LifeboatError, match=rf"cannot save to the repository .*: ({words})"):
        full.save(source, host="agama", tags=["lifeboat"], at=AT)
    assert full.snapshots() == []
    (source / "file").write_bytes(b"small")
    full.prune()
    full.save(source, host="agama", tags=["lifeboat"], at=AT)
    assert len(full.snapshots()) == 1


def test_a_restic_that_stalls_is_ended_and_reported(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As restic 0.14 may on a full disk; its words so far are kept, and nothing is kept waiting."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "restic").write_text("#!/bin/sh\necho 'no words that mean anything' >&2\nexec sleep 600\n")
    (tmp_path / "bin" / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(LifeboatError) as fault:
        dataclasses.replace(repository, stalled=1.0).save(tmp_path, host="agama", tags=["lifeboat"], at=AT)
    assert fault.value.message == (
        f"cannot save to the repository {repository.url}: restic stalled: it was ended, since it had done nothing for 1 s"
    )
    assert "is its disk, or a quota there, full?" in (fault.value.hint or "")


def test_a_full_disk_at_the_other_end_is_not_blamed_on_the_repository(
    repository: Repository, saved: str, small_disk: Path
) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 6_000_000)
    with pytest.raises(LifeboatError, match=rf"the disk of {small_disk}/back filled while the repository was read") as fault:
        repository.fetch(saved, small_disk / "back")
    assert not isinstance(fault.value, Damaged)
    assert "set `state:`" in str(fault.value)


def test_a_machine_without_restic_is_reported(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LifeboatError) as fault:
        repository.exists()
    assert str(fault.value) == "restic is not installed on this machine\nhint: install it: apt-get install restic"
