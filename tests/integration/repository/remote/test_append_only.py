"""An append-only REST server: a stolen source machine can add, and delete nothing; the machine with full access prunes."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.backup import back_up
from backups.errors import LifeboatError
from backups.machine import runs
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from backups.services.base import Captured, Job, Service
from tests.integration.repository.remote.conftest import AT, Elsewhere, Lifeboat
from tests.integration.retention.conftest import chains_of, fabricate
from tests.servers import restic
from tests.servers.repositories import PASSWORD, RestServer, delete, overwrite, rest_server

KEY = "correct horse"
LONG_AGO = datetime.now(UTC) - timedelta(days=75)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[tuple[RestServer, RestServer]]:
    """Two servers of one directory: append-only, and full."""
    directory = tmp_path / "vault"
    directory.mkdir()
    with rest_server(directory, "--append-only") as source, rest_server(directory) as full:
        yield source, full


def files(server: RestServer) -> set[Path]:
    return {path for path in server.directory.rglob("*") if path.is_file() and path.parent.name != "locks"}


def test_a_source_machine_backs_up_and_verifies_and_only_the_other_one_prunes(
    machine: Elsewhere, lifeboat: Lifeboat, vault: tuple[RestServer, RestServer], tmp_path: Path
) -> None:
    source, full = vault
    site = machine.configure(f"url: '{source.url}'")
    assert lifeboat("backup", "--config", str(machine.config)).code == 0
    restic.cheapen(source.directory, KEY)
    done = lifeboat("verify", "--backup", "latest", "--config", str(machine.config), "--out", str(tmp_path / "report"))
    assert done.code == 0, done.out + done.err
    fabricate(site, tmp_path / "scratch", "old", [LONG_AGO])
    assert "append-only from this machine" in lifeboat("doctor", "--config", str(machine.config)).out

    before = files(source)
    refused = lifeboat("prune", "--trust-clock", "--config", str(machine.config))
    assert refused.code == 2
    assert "it is append-only from this machine, and refuses deletions; nothing was lost" in refused.err
    assert "run `lifeboat prune` on the machine that reaches the repository with full access" in refused.err
    assert PASSWORD not in refused.out + refused.err
    assert files(source) == before
    assert not (site.state / "prune-owed").exists(), "a later prune would owe what never began"

    keeper = Elsewhere(tmp_path / "keeper")
    other = keeper.configure(f"url: '{full.url}'")
    assert "1 backup deleted" in lifeboat("prune", "--trust-clock", "--config", str(keeper.config)).out
    assert [len(held) for held in chains_of(other.repository).values()] == [1]
    other.repository.check(read_data=True)
    assert lifeboat("backup", "--config", str(machine.config)).code == 0, "the source goes on"


def test_whoever_has_the_source_machine_can_delete_and_overwrite_nothing(
    machine: Elsewhere, vault: tuple[RestServer, RestServer]
) -> None:
    """By Lifeboat, by restic, and by hand; but for locks, which restic needs to remove."""
    source, full = vault
    restic.make(source.directory, KEY)
    repository = machine.configure(f"url: '{source.url}'").repository
    repository.save(machine.folder / "source", host="toy", tags=["lifeboat"], at=AT)
    before = {path: path.read_bytes() for path in files(source)}
    for path in before:
        relative = path.relative_to(source.directory).as_posix()
        flat = "/".join(part for part in relative.split("/") if len(part) != 2)
        for told in {relative, flat, f"locks/../{flat}", f"locks/%2e%2e/{flat}"}:
            assert delete(source, told) >= 300, told
        assert overwrite(source, flat) >= 300, flat
    for use in (lambda: repository.forget([repository.snapshots()[0].id]), repository.prune):
        with pytest.raises(LifeboatError, match="it is append-only from this machine"):
            use()
    assert {path: path.read_bytes() for path in files(source)} == before
    assert delete(full, f"data/{secrets.token_hex(32)}") == 404, "the test's own hands work"


def test_the_lock_of_a_dead_machine_is_no_obstacle(machine: Elsewhere, vault: tuple[RestServer, RestServer]) -> None:
    """An exclusive lock whose process is gone is removed, which an append-only server allows."""
    restic.make(vault[0].directory, KEY)
    repository = machine.configure(f"url: '{vault[0].url}'").repository
    holder = subprocess.Popen(
        ["restic", *repository._options(), "check", "--read-data"], env={"PATH": "/usr/bin:/bin", **repository._environment()}
    )
    held = vault[0].directory / "locks"
    while not any(lock.stat().st_size for lock in held.iterdir()) and holder.poll() is None:
        pass
    holder.kill()
    holder.wait()
    assert list(held.iterdir()), "it ended before it was killed"
    repository.save(machine.folder / "source", host="toy", tags=["lifeboat"], at=AT)
    assert len(repository.snapshots()) == 1


def test_a_fork_that_cannot_be_taken_back_is_reported_and_the_next_backup_is_a_full(
    machine: Elsewhere, vault: tuple[RestServer, RestServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, elsewhere = machine.configure(f"url: '{vault[0].url}'"), tmp_path / "state-of-another-machine"
    elsewhere.mkdir(mode=0o711)
    restic.make(vault[0].directory, KEY)
    site.back_up("toy", kind="full")
    taken: list[str] = []
    whole = type(site.service("toy", Docker())).capture

    def meanwhile(self: Service, job: Job) -> Captured:
        if not taken:
            taken.append("")
            # Ids have seconds: two of one second are two snapshots of one backup, which is another fault.
            began = int(time.time())
            assert wait_until(lambda: int(time.time()) > began, seconds=5, interval=0.05)
            with runs.start(elsewhere) as other:
                taken[0] = back_up(site.service("toy", other.docker), site.repository, other, elsewhere, kind="incremental").id
        return whole(self, job)

    monkeypatch.setattr(type(site.service("toy", Docker())), "capture", meanwhile)
    with pytest.raises(LifeboatError, match=r"at the same time, by another machine; toy-.* could not be removed") as fault:
        site.back_up("toy", kind="incremental")
    assert "the next backup is a full" in (fault.value.hint or "")
    assert site.back_up("toy", kind="incremental").kind == "full"
