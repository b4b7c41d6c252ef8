"""The throw-away server is started beside the rest of a backup, used once, and gone with the backup whether it was needed or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.machine.wait import wait_until
from backups.services.mysql.carry import nightly
from backups.services.mysql.carry.nightly import Nightly
from backups.services.mysql.clone import recipient
from backups.services.mysql.details import Form
from backups.services.mysql.versions import Version
from tests.unit.mysql.binlog.test_before_full import DETAILS, manifest


class Servers:
    """Throw-away servers, numbered as they are started: which have ended, and which were used."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[int] = []
        self.ended: list[int] = []
        self.fault: LifeboatError | None = None
        monkeypatch.setattr(recipient, "empty_server", self.server)
        monkeypatch.setattr(nightly, "rows", lambda *_: [("9.7.4", "")])
        job = SimpleNamespace(docker=SimpleNamespace(image=lambda name: SimpleNamespace(name=name)))
        seen = SimpleNamespace(version=Version.parse("9.7.4"))
        before = manifest(DETAILS.model_dump())
        self.nightly = Nightly(
            *cast("Any", (job, SimpleNamespace(image="mysql:9.7"), seen)), before, DETAILS, Form(), lambda _: ()
        )

    @contextmanager
    def server(self, *_: object) -> Iterator[int]:
        if self.fault:
            raise self.fault
        number = len(self.started)
        self.started.append(number)
        try:
            yield number
        finally:
            self.ended.append(number)

    def used(self) -> int:
        with self.nightly._server() as session:
            assert session not in self.ended
        assert wait_until(lambda: session in self.ended, seconds=60)
        return cast("int", session)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return Servers(monkeypatch)


def test_the_one_that_was_started_is_used_and_a_second_round_starts_another(servers: Servers) -> None:
    with servers.nightly.prepared():
        assert [servers.used(), servers.used()] == [0, 1]
    assert servers.ended == [0, 1]


def test_one_that_nobody_needs_is_gone_all_the_same(servers: Servers) -> None:
    with servers.nightly.prepared():
        pass
    assert servers.ended == servers.started == [0]
    assert servers.used() == 1


def test_one_of_another_version_is_the_fault_of_whoever_needs_it(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "rows", lambda *_: [("8.4.1", "")])
    with servers.nightly.prepared(), pytest.raises(LifeboatError, match=r"runs MySQL 8\.4\.1, the source 9\.7\.4"):
        servers.used()
    servers.fault = LifeboatError("no disk")
    with servers.nightly.prepared():
        pass
    with servers.nightly.prepared(), pytest.raises(LifeboatError, match="no disk"):
        servers.used()
