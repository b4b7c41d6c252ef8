"""A quick pause between attempts, and a directory of the SSH server for each test."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups import hosts
from backups.places.remote import shell
from tests.servers.ssh import SshServer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shell, "PAUSE", 0.05)
    yield
    hosts.close_all()


@pytest.fixture
def top(ssh_server: SshServer) -> Iterator[Path]:
    """A directory of its own below what the server has as /srv."""
    directory = ssh_server.root / uuid.uuid4().hex[:8]
    directory.mkdir()
    yield directory
    shutil.rmtree(directory)
