"""A copy runs on an image of the backup's version, or proves nothing: also where the source did not say its version."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import Damaged, LifeboatError
from backups.machine.docker import Container
from backups.manifest import Manifest, Source
from backups.services.base import Fetched, Sandbox
from backups.services.grafana import server
from backups.services.grafana.client import Client, Health
from backups.services.grafana.files import age
from backups.services.grafana.files.copy import GrafanaCopy
from deployments.grafana_standin.database import build

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def manifest(version: str, before: str | None = None) -> Manifest:
    """Of a backup of this source's version."""
    return Manifest(
        lifeboat="0", id="grafana-20261123T000000Z", service="grafana", type="grafana", kind="full", chain="grafana-20261123T000000Z",
        sequence=0, parent=None, started_at=NOW, taken_at=NOW, finished_at=NOW, source=Source(version=version, image="grafana"), files=(),
        details={"version_before": before}, witness=(),
    )  # fmt: skip


@dataclass
class Running:
    """A container whose server says a version, or ends."""

    says: str | None
    tag: str = "grafana:new"
    ends: bool = False

    @property
    def image(self) -> Any:
        return SimpleNamespace(name=self.tag)

    def running(self) -> bool:
        return not self.ends

    def logs(self, lines: int) -> str:
        return f"the last {lines} lines"

    @contextmanager
    def reach(self, _: Container) -> Iterator[str]:
        if self.ends:
            raise LifeboatError("nobody answers", hint="look")
        yield "127.0.0.1"


def wait(
    monkeypatch: pytest.MonkeyPatch, running: Running, of: Manifest, written_by: Callable[[str], str | None] = lambda _: None
) -> None:
    monkeypatch.setattr(Client, "health", lambda *_, **__: Health(ok=True, version=running.says))
    server.wait(cast("Sandbox", running), cast("Container", running), of, written_by)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("version") / "grafana.db"
    build(path, layout="resource")
    return path


def copy_on(database: Path, of: Manifest) -> GrafanaCopy:
    """A copy that is about to be asked for its version."""
    box = SimpleNamespace(directory=database.parent)
    data = database.parent / "data"
    data.mkdir(exist_ok=True)
    found = GrafanaCopy([Fetched(of, data)], cast("Sandbox", box), lambda *_: [])
    found._restored = database
    return found


@pytest.mark.parametrize(("version", "says", "well"), [
    ("12.4.1", "12.4.3", True), ("12.4.1", "12.5.0", False), ("11.6.0", "12.4.1", False), ("12.4.1", None, True),
])  # fmt: skip
def test_the_version_that_a_source_said(monkeypatch: pytest.MonkeyPatch, version: str, says: str | None, *, well: bool) -> None:
    if well:
        wait(monkeypatch, Running(says), manifest(version))
        return
    with pytest.raises(LifeboatError, match=f"runs Grafana {says}, the backup is of {version}") as caught:
        wait(monkeypatch, Running(says), manifest(version))
    assert not isinstance(caught.value, Damaged)


@pytest.mark.parametrize(
    ("marks", "before", "says", "words"),
    [
        (5, None, "12.4.1", None),
        (5, None, "13.0.0", None),
        (5, None, "11.0.0", "a Grafana newer than 11.6"),
        (5, "12.4", "12.4.3", None),
        (5, "12.4", "13.0.0", "12.4, as the backup before it says"),
        (5, "11.0", "12.4.1", None),
        (4, None, "12.4.1", "a Grafana newer than 11.0 and older than 12.4"),
        (4, "11.6", "11.6.2", None),
        (4, "11.6", "12.1.0", "11.6, as the backup before it says"),
        (2, None, "11.0.0", "a Grafana newer than 8.0 and older than 11.0"),
    ],
)
def test_the_version_that_it_did_not_say(
    monkeypatch: pytest.MonkeyPatch, database: Path, marks: int, before: str | None, says: str, words: str | None
) -> None:
    """marks: how many versions of the table the database has the columns of. A backup before an upgrade knows nothing of it."""
    absent = tuple((version, (("nothing", "of_it"),)) for version, _ in age.MARKS[marks:])
    monkeypatch.setattr(age, "MARKS", age.MARKS[:marks] + absent)
    of = manifest("unknown", before)
    found = copy_on(database, of)

    if words is None:
        wait(monkeypatch, Running(says), of, found._written_by)
        return
    with pytest.raises(LifeboatError, match=f"the image grafana:new runs Grafana {says}, the backup is of {words}\n") as caught:
        wait(monkeypatch, Running(says), of, found._written_by)
    assert not isinstance(caught.value, Damaged)


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("grafana/grafana:11.0.0", LifeboatError),
        ("registry:5000/grafana:11.6.1-ubuntu@sha256:abc", LifeboatError),
        ("grafana/grafana:12.4.9", Damaged),
        ("library/mysql:9.7", Damaged),
        ("grafana/grafana:latest", Damaged),
        ("registry:5000/grafana", Damaged),
    ],
)
def test_a_server_that_ends_is_the_backups_fault_only_on_its_own_version(
    monkeypatch: pytest.MonkeyPatch, tag: str, kind: type[LifeboatError]
) -> None:
    with pytest.raises(LifeboatError) as caught:
        wait(monkeypatch, Running(None, tag, ends=True), manifest("12.4.1"))

    assert type(caught.value) is kind
    assert ("the backup is of 12.4.1" in caught.value.message) == (kind is LifeboatError)
