"""Sites whose repository is elsewhere; and the faults that restic tries again for long, all begun when the first test is."""

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.config.file import load
from backups.hosts import Hosts
from backups.repository.repository import Repository
from backups.secret import Secret
from backups.services import registry
from backups.site import Site
from tests.contract.toy_site import IMAGE, REGISTRY_LINE
from tests.integration.flows.conftest import Said, lifeboat
from tests.servers.repositories import S3Server, rest_server, s3_server
from tests.servers.ssh import SshFactory, SshServer

__all__ = ["Said", "lifeboat"]

AT = datetime(2026, 11, 23, 0, 0, 5, tzinfo=UTC)
TRIES = 3.0
"""Seconds after which a restic that only tries again is ended, here; that it is a minute elsewhere: `tests/unit/repository/test_retries.py`."""
Lifeboat = Callable[..., Said]


class Elsewhere:
    """A machine's folder with lifeboat.yaml, whose repository is elsewhere. Two of them are two machines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "lifeboat.yaml"
        (folder / "source").mkdir(parents=True)
        (folder / "source" / "log.txt").write_text("one\n" * 1000)
        (folder / "key").write_text("correct horse\n")

    def configure(self, repository: str, more: str = "") -> Site:
        """Write lifeboat.yaml with these keys of the `repository:` section, beside the password."""
        self.config.write_text(
            f"state: state\nrepository: {{password_file: key, {repository}}}\n{more}\n"
            f"services:\n  toy: {{type: toy, image: '{IMAGE}', source: '{self.folder}/source'}}\n"
        )
        return self.open()

    def open(self) -> Site:
        return Site(load(self.config))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", REGISTRY_LINE)
    return Elsewhere(tmp_path / "machine")


def named(ssh_server: SshServer, **changes: object) -> str:
    """The `hosts:` section that names the SSH server `vault`."""
    entry = {
        "address": f"root@{ssh_server.address}:{ssh_server.port}",
        "key_file": ssh_server.key_file,
        "known_hosts": ssh_server.known_hosts,
        **changes,
    }
    return "hosts:\n  vault:\n" + "".join(f"    {key}: '{value}'\n" for key, value in entry.items() if value is not None)


def s3_keys(server: S3Server) -> dict[str, Secret]:
    return {
        "AWS_ACCESS_KEY_ID": Secret(server.keys[0]),
        "AWS_SECRET_ACCESS_KEY": Secret(server.keys[1]),
        "AWS_DEFAULT_REGION": Secret("us-east-1"),
    }


def fault_of(use: Callable[[], object]) -> Exception:
    try:
        use()
    except Exception as error:  # noqa: BLE001 - handed to the test that expects one
        return error
    return AssertionError("it went through")


@pytest.fixture(scope="module")
def patience(tmp_path_factory: pytest.TempPathFactory, ssh_factory: SshFactory) -> Iterator[dict[str, "Future[Exception]"]]:
    """What restic by itself gives up after 45 s, a newer one after a quarter of an hour, side by side: full disks far away, and a bucket whose policy forbids deletions.

    Its threads end with the module: those of a session went on during other files, and met a `restic` that a test there had put
    into the PATH.
    """
    folder = tmp_path_factory.mktemp("patience")
    large, little = folder / "large", folder / "little"
    for directory, size in ((large, 20_000_000), (little, 1000)):
        directory.mkdir()
        (directory / "file").write_bytes(os.urandom(size))
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "--lazy", str(disk)], check=True)
        rest = stack.enter_context(rest_server(disk))
        s3 = stack.enter_context(s3_server("x/snapshots/*", "x/data/*"))
        pool = stack.enter_context(ThreadPoolExecutor(3))
        # A server of its own: the small disk of the shared one must stay empty for the tests of places.
        hosts = Hosts({"vault": ssh_factory(tmpfs="size=8m,mode=0755").settings()})
        password = Secret("correct horse")

        def fill(repository: Repository) -> Exception:
            repository.ensure()
            return fault_of(lambda: repository.save(large, host="toy", tags=["lifeboat"], at=AT))

        def forget(repository: Repository) -> Exception:
            repository.ensure()
            snapshot = repository.save(little, host="toy", tags=["lifeboat"], at=AT)
            error = fault_of(lambda: repository.forget([snapshot]))
            assert [found.id[:8] for found in repository.snapshots()] == [snapshot[:8]], "it is gone all the same"
            return error

        yield {
            "sftp": pool.submit(fill, Repository("sftp:vault:/small/r", folder / "c1", password, hosts=hosts, tries=TRIES)),
            "rest": pool.submit(fill, Repository(rest.url, folder / "c2", password, tries=TRIES)),
            "s3": pool.submit(forget, Repository(s3.url("x"), folder / "c3", password, environment=s3_keys(s3), tries=TRIES)),
        }


@pytest.fixture
def directory(ssh_server: SshServer) -> str:
    """A directory on the SSH server that is not there yet, as it is called there."""
    return f"/srv/{uuid.uuid4().hex[:8]}"
