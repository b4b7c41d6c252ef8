"""Copies side by side without any container, for tests of what is asked of them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from backups.errors import LifeboatError
from backups.machine.docker import Image
from backups.manifest import BackupRecord
from backups.panels.boards import Boards, DataSource
from backups.panels.compare import answer_of
from backups.panels.question import FORM, Asker, NotAsked, Panels, Question, Way
from backups.services.standing import Stand
from verification.together.company import Back, Company
from verification.together.places import places
from verification.together.plan import Side

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
SOURCES = (
    DataSource(1, "agama-mysql", "Agama", "mysql", "10.0.0.5:3306", user="grafana"),
    DataSource(1, "agama-prometheus", "Prometheus", "prometheus", "http://10.0.0.7:9090"),
)
Reply = Callable[[Question], dict[str, Any]]


def frames(*values: Any) -> dict[str, Any]:
    """One frame with one field of numbers, as /api/ds/query answers."""
    field = {"name": "n", "type": "number", "typeInfo": {"frame": "int64"}}
    return {"status": 200, "frames": [{"schema": {"refId": "A", "fields": [field]}, "data": {"values": [list(values)]}}]}


class FakeAsker:
    def __init__(self, reply: Reply, way: Way = "direct") -> None:
        self.reply, self.way = reply, way

    def ask(self, question: Question) -> dict[str, Any]:
        return self.reply(question)


class FakeCopy:
    """A copy that answers as `reply` says, and whose accounts are `hosts`."""

    def __init__(self, reply: Reply, hosts: Sequence[str] = ("%",)) -> None:
        self.reply, self.hosts = reply, hosts
        self.given: list[tuple[DataSource, ...]] = []

    @contextmanager
    def asker(self, sources: tuple[DataSource, ...]) -> Iterator[Asker]:
        self.given.append(sources)
        yield FakeAsker(self.reply)

    def stand(self, stand: Stand) -> None: ...

    def admits(self, user: str) -> Sequence[str]:
        return self.hosts


class FakeShower:
    """A copy that shows dashboards, and asks as `reply` says."""

    def __init__(self, reply: Reply, shut: Mapping[tuple[int, str], str] | None = None, changed: Sequence[str] = ()) -> None:
        self.reply, self.shut, self.changed = reply, shut or {}, changed

    def stand(self, stand: Stand) -> None: ...

    @contextmanager
    def through(self) -> Iterator[Asker]:
        yield FakeAsker(self.reply, "grafana")

    def unopened(self, dashboards: Collection[tuple[int, str]]) -> Mapping[tuple[int, str], str]:
        return {key: why for key, why in self.shut.items() if key in dashboards}

    def altered(self) -> Sequence[str]:
        return self.changed


class FakePod:
    def __init__(self) -> None:
        self.routes: list[tuple[str, str]] = []

    def come_from(self, source: str, to: str) -> None:
        self.routes.append((source, to))


def asked(service: str, number: int, **changes: Any) -> Question:
    """A question of panel `number` of the dashboard `orders`."""
    kind = "mysql" if service == "agama" else "prometheus"
    return Question(
        **{
            "id": f"{service}-{number}",
            "organisation": 1,
            "dashboard": "orders",
            "title": "Orders",
            "panel": f"panel {number} of {service}",
            "service": service,
            "start": 1_000_000,
            "end": 2_000_000,
            "query": {"refId": "A", "datasource": {"type": kind, "uid": f"agama-{kind}"}, "rawSql": f"SELECT {number}"},
            **changes,
        }
    )


def kept(questions: Sequence[Question], replies: Reply, way: Way = "direct", not_asked: Sequence[NotAsked] = ()) -> Panels:
    """What a backup keeps of a source that answered like that."""
    answers = tuple(answer_of(question, replies(question)) for question in questions)
    return Panels(
        form=FORM,
        sources=SOURCES,
        grafana="grafana-20261122T000000Z",
        asked=way,
        questions=tuple(questions),
        answers=answers,
        not_asked=tuple(not_asked),
    )


def back(service: str, copy: Any, panels: Panels | None, *, standin: bool = False, fault: LifeboatError | None = None) -> Back:
    record = BackupRecord(
        snapshot="ab" * 32,
        id=f"{service}-20261123T000000Z",
        service=service,
        type="mysql",
        kind="full",
        chain=f"{service}-20261123T000000Z",
        sequence=0,
        taken_at=MONDAY,
        size=1,
        standalone=False,
    )
    box: Any = SimpleNamespace(cut_short=lambda: None)
    image = Image("an image", "sha256:ab", standin=standin)
    made: Any = Back(Side(service, "mysql", (record,), panels), SimpleNamespace(), box, copy, image, fault, 1.0)  # type: ignore[arg-type]
    return made  # type: ignore[no-any-return]


def company(*backs: Back, boards: Boards | None = None, pod: FakePod | None = None, host: str = "10.0.0.3") -> Company:
    """These side by side, the first of which has no questions showing the dashboards."""
    shower = next((each.side.service for each in backs if each.side.panels is None), None)
    stood: Any = pod if pod or shower is None else FakePod()
    found = places([(SOURCES[0], "agama"), (SOURCES[1], "prometheus")], {}, host)
    known = boards if boards is not None else Boards(SOURCES, ()) if shower else None
    return Company({each.side.service: each for each in backs}, shower, host, known, found, stood)
