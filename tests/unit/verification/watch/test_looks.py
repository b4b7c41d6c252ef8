"""What counts as seen: what every look sees, of the server that the backup is of, and within its time."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.chains import Chain
from backups.config.settings import Watch
from backups.errors import Damaged, LifeboatError, Transient
from backups.machine import parallel
from backups.manifest import BackupRecord
from backups.repository.listing import Listing
from backups.services.base import Problem, Service
from backups.site import Site
from backups.witness import Fact
from tests.unit.test_suspicion import record as full
from verification.evidence.store import Proof
from verification.watch import watch as watching
from verification.watch.watch import _look_repeatedly

DOWN, LOSS, OTHER = (
    Problem("down", "db:3306", "it refuses"),
    Problem("loss", "a.b", "table a.b is gone"),
    Problem("loss", "a.c", "table a.c is gone"),
)
FACT = Fact("a.b", "rows", 3)
BLIND = Transient("too many connections")


def test_the_advice_passes_over_what_looks_suspicious_and_failed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    held = [full(day, "full", 1) for day in range(4)]
    marked = [*held[:2], *(each.model_copy(update={"suspicious": "rows:1:900"}) for each in held[2:])]
    site = cast("Site", SimpleNamespace(repository=None))

    def advised(failed: str, *doubted: BackupRecord) -> str | None:
        monkeypatch.setattr(watching.store, "proofs", lambda *_: {failed: Proof("failed", None, datetime.now(UTC))})
        members = [Chain(each.id, (each,)) for each in marked]
        advice = watching._advise(site, members, {each.id for each in doubted}, datetime.now(UTC))
        return advice.backup.id if advice else None

    assert advised("", *marked[2:]) == held[1].id
    assert f"{held[3].id} is passed over: it looks suspicious: 1 rows, 900 before" in caplog.text
    assert advised(held[1].id, *marked[2:]) == held[0].id
    assert advised("", marked[3]) == held[2].id
    assert advised("", *marked) is None


class Looked:
    """A service whose looks are given."""

    name = "db"

    def __init__(self, *looks: list[Problem] | LifeboatError) -> None:
        self.looks = iter(looks)

    def health(self, witness: Sequence[Any], collapse: float) -> Iterator[Problem]:
        look = next(self.looks)
        if isinstance(look, LifeboatError):
            raise look
        yield from look


@pytest.mark.parametrize(
    ("looks", "seen", "error"),
    [
        ([[]], (), None),
        ([[DOWN], [DOWN], [DOWN]], (DOWN,), None),
        ([[DOWN], []], (), None),
        ([[DOWN], BLIND, []], (), None),
        ([[DOWN], BLIND, [DOWN]], (), "too many connections"),
        ([BLIND, [DOWN], [DOWN]], (), "too many connections"),
        ([[DOWN], [DOWN], BLIND], (), "too many connections"),
        ([BLIND, BLIND, BLIND], (), "too many connections"),
        ([[LOSS], [OTHER], [LOSS]], (), "it changes from look to look"),
        ([[LOSS, OTHER], [LOSS], [LOSS, OTHER]], (LOSS,), None),
        ([[LOSS], [DOWN], [DOWN]], (), "it changes from look to look"),
    ],
)
def test_only_what_every_look_sees_is_seen(
    looks: list[list[Problem] | LifeboatError], seen: tuple[Problem, ...], error: str | None
) -> None:
    settings = Watch(looks=3, pause=timedelta(0))
    found, unseen = _look_repeatedly(cast("Service", Looked(*looks)), [], settings, lambda _: None)
    assert found == seen
    assert (unseen is None) == (error is None)
    assert (error or "") in str(unseen)


def test_one_look_is_never_enough() -> None:
    assert Watch().looks >= 2
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        Watch(looks=1)


def test_who_hangs_keeps_nobody_from_being_looked_at() -> None:
    """More of them hang than may be looked at side by side; all others are looked at, and the late ones are said to be late."""
    hanging = threading.Event()

    def look(name: str) -> str:
        if name.startswith("hangs"):
            hanging.wait(120)
        return name

    names = [f"hangs {number}" for number in range(5)] + ["one", "two"]
    try:
        assert parallel.in_time(look, names, at_once=2, seconds=0.1) == [None] * 5 + ["one", "two"]
    finally:
        hanging.set()


def test_who_hangs_could_not_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(watching, "_look", lambda *_: hanging.wait(120))
    settings = SimpleNamespace(watch=Watch(looks=2, pause=timedelta(0)), services={"db": SimpleNamespace(type="mysql")})
    empty = SimpleNamespace(snapshots=lambda *_: [], listing=lambda _: Listing([]))
    site = cast("Site", SimpleNamespace(settings=settings, repository=empty))
    try:
        (sighting,) = watching.watch(site, ["db"], patience=0.1)
    finally:
        hanging.set()
    assert (sighting.problems, str(sighting.error).splitlines()[0]) == ((), "no answer in 0.2 s")


class Answering:
    """A service that has lost a table, at whose address a server answers that may be another one."""

    name = "db"
    settings = SimpleNamespace(type="mysql")

    def __init__(self, said: str | LifeboatError | None) -> None:
        self.said = said
        self.asked: list[Any] = []

    def health(self, witness: Sequence[Any], collapse: float) -> Iterator[Problem]:
        self.asked.append(witness)
        yield LOSS

    def another(self, manifest: Any) -> str | None:
        self.asked.append(manifest)
        if isinstance(self.said, LifeboatError):
            raise self.said
        return self.said


def test_where_the_first_repository_is_gone_the_others_are_named() -> None:
    """On the bad day one asks the watch first."""

    def gone(*_: str) -> Any:
        raise LifeboatError("there is no repository", hint="mount it")

    watched = Watch(looks=2, pause=timedelta(0))
    settings = SimpleNamespace(watch=watched, every_repository={"first": 1, "offsite": 2, "cellar": 3})
    for whose in ("first", "offsite"):
        site = SimpleNamespace(
            settings=settings,
            repository=SimpleNamespace(snapshots=gone),
            repository_name=whose,
            service=lambda *_: Answering(None),
        )
        (sighting,) = watching.watch(cast("Site", site), ["db"])
        other = {"first": "offsite", "offsite": "first"}[whose]
        assert str(sighting.error) == (
            "there is no repository\nhint: mount it; or look into another repository: "
            f"lifeboat list db --from {other}, lifeboat list db --from cellar"
        )


@pytest.mark.parametrize(
    ("said", "seen", "error"),
    [
        (None, (LOSS,), ""),
        ("another server answers at X", (), "another server answers at X; there, table a.b"),
        (BLIND, (), "many"),
    ],
)
def test_what_another_server_lacks_is_no_loss(
    said: str | LifeboatError | None, seen: tuple[Problem, ...], error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the whole look: it asks of the newest backup that can be read, whose witness it compares with."""
    now = datetime.now(UTC)
    record, manifest = SimpleNamespace(id="db-1", service="db", taken_at=now), SimpleNamespace(witness=(FACT,))
    unreadable = SimpleNamespace(id="db-2", service="db", taken_at=now + timedelta(seconds=1))

    def read(each: Any) -> Any:
        if each is unreadable:
            raise Damaged("it is gone")
        return manifest

    service = Answering(said)
    site = SimpleNamespace(
        settings=SimpleNamespace(watch=Watch(looks=2, pause=timedelta(0))),
        repository=SimpleNamespace(manifest=read),
        service=lambda *_: service,
    )
    monkeypatch.setattr(watching, "_advise", lambda *_: None)
    chain = Chain("db-1", cast("Any", (record, unreadable)))
    sighting = watching._look(cast("Site", site), "db", {"db": [chain]}, (), lambda _: None, lambda: now)
    assert sighting.problems == seen
    assert error in str(sighting.error or "")
    assert service.asked == [(FACT,), (FACT,), manifest]
