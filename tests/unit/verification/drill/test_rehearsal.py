"""What is said of an upgrade that was tried: by a copy that pretends, on a machine without any server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError, Transient
from backups.machine.docker import Image
from backups.manifest import BackupRecord, Manifest, Source
from backups.services.base import Point
from backups.services.upgraded import Back, Change, Step, numbers, step
from backups.witness import Check, Fact
from verification.drill.clock import Stopwatch
from verification.drill.outcome import Progress, result
from verification.drill.plan import Planned
from verification.drill.rehearsal import Route, rehearse, route
from verification.drill.tamper import Tamper
from verification.evidence import drilled
from verification.evidence.evidence import DrillResult
from verification.evidence.rehearsed import RehearsalPart

OLD, NEXT = Image("toy:1", "sha256:01"), Image("toy:2", "sha256:02")
WITNESS = (Fact("shop.client", "rows", 3), Fact("shop.client", "definition", "a"), Fact("box", "colour", "red"))
TABLE = (
    Change((2, 0), "boxes are painted", "https://example.org/2.0", "box", "colour", ("changed",), given="size"),
    Change((2, 0), "each box has a lid", "https://example.org/2.0", "box", "lid", ("new",)),
    Change((3, 0), "clients are sold", "https://example.org/3.0", "shop.client", "rows"),
    Change((2, 0), "the bell rings twice", "https://example.org/2.0/bell"),
)
MADE = step("Toy", "1.0", "2.1", Back("none", "https://example.org/back"), TABLE)


@dataclass
class Box:
    """A sandbox in which nothing runs."""

    chosen: Image | None = OLD
    short: str | None = None
    name: str = "box"

    def excused(self, fault: LifeboatError, what: str) -> LifeboatError:
        return (
            LifeboatError(f"{self.short}, so {what} proven: {fault.message}")
            if self.short and isinstance(fault, Damaged)
            else fault
        )


@dataclass
class Toy:
    """A copy whose server is another one from `run_on` on; `faults`: by the step that raises them."""

    facts: Sequence[Fact] = WITNESS
    beside: Sequence[Check] = ()
    faults: dict[str, Exception] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)

    def _do(self, what: str) -> None:
        self.did.append(what)
        if what in self.faults:
            raise self.faults[what]

    def end(self) -> None:
        self._do(f"end{sum(one.startswith('end') for one in self.did)}")

    def run_on(self, image: Image, made: Step | None, seconds: float | None = None) -> None:
        self._do(f"run {image.name}")

    def first_answer(self) -> None:
        self._do(f"answer{sum(one.startswith('answer') for one in self.did)}")

    def upgraded(self) -> tuple[Sequence[Fact], Sequence[Check]]:
        self._do("upgraded")
        return self.facts, self.beside


def manifest() -> Manifest:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    return Manifest(
        lifeboat="0", id="toy-20261130T000000Z", service="toy", type="toy", kind="full", chain="toy-20261130T000000Z", sequence=0,
        parent=None, started_at=now, taken_at=now, finished_at=now, source=Source(version="1.0", image="toy:1"), files=(), details={},
        witness=WITNESS,
    )  # fmt: skip


def tried(copy: Any, box: Box | None = None, **more: Any) -> RehearsalPart:
    return rehearse(copy, manifest(), Route(MADE, NEXT), box or Box(), **more)  # type: ignore[arg-type]


def changed(*facts: Fact) -> list[Fact]:
    mine = {(fact.subject, fact.metric) for fact in facts}
    return [*(fact for fact in WITNESS if (fact.subject, fact.metric) not in mine), *facts]


def test_what_stays_equal_is_rehearsed_and_the_way_back_is_tried() -> None:
    copy, box = Toy(), Box()
    clock = iter(range(100))
    part = tried(copy, box, monotonic=lambda: float(next(clock)))
    assert (part.verdict, part.compared, part.equal, part.expected, part.look) == ("rehearsed", 3, 3, (), ())
    assert copy.did == ["end0", "run toy:2", "answer0", "upgraded", "end1", "run toy:1", "answer1"]
    assert [phase.name for phase in part.phases] == ["stop", "upgrade", "ready", "check", "back"]
    assert part.seconds == 5
    assert (
        part.back_tried
        == "tried: Toy 1.0 starts on the upgraded data and gives its first answer; nothing new was written to them before"
    )
    assert [told.words for told in part.told] == ["the bell rings twice"]
    assert box.chosen == OLD
    assert part.words == "Toy 1.0 to 2.1: 3 of 3 facts are equal after it, 0 changed as is expected of it, 0 otherwise"


def test_what_the_table_expects_is_told_with_its_source_and_all_else_is_looked_at() -> None:
    """Colour may change where the size did not; a later version's entry does not count; rows that are gone are never expected."""
    size = Check("box", "size", 1, 1, passed=True)
    part = tried(Toy(changed(Fact("box", "colour", "blue"), Fact("box", "lid", "oak")), [size]))
    assert part.verdict == "rehearsed"
    assert [(each.subject, each.metric, each.why) for each in part.expected] == [
        ("box", "colour", "boxes are painted"),
        ("box", "lid", "each box has a lid"),
    ]
    assert {each.source for each in part.expected} == {"https://example.org/2.0"}

    part = tried(Toy(changed(Fact("box", "colour", "blue"), Fact("shop.client", "rows", 2))))
    assert part.verdict == "failed"
    assert [(each.subject, each.before, each.after) for each in part.look] == [("shop.client", 3, 2), ("box", "red", "blue")]
    assert part.expected == ()


@pytest.mark.parametrize(
    ("faults", "verdict", "words"),
    [
        ({"end0": Damaged("2 XA transactions are prepared")}, "failed", "Toy 1.0 does not end as an upgrade needs it: 2 XA"),
        (
            {"run toy:2": LifeboatError("it was not ready after 900 s; the end of its log: x")},
            "failed",
            "Toy 2.1 does not start on the",
        ),
        (
            {"run toy:2": Damaged("the server ended: [ERROR] x")},
            "failed",
            "does not start on the data of 1.0: the server ended: [ERROR] x",
        ),
        ({"run toy:2": Transient("Docker stopped answering")}, "could-not-run", "Docker stopped answering"),
        ({"answer0": Damaged("the first answer is wrong")}, "failed", "the first answer is wrong"),
        ({"upgraded": Damaged("it ended while it was read")}, "failed", "it ended while it was read"),
        ({"upgraded": ZeroDivisionError("oops")}, "could-not-run", "unexpected error: ZeroDivisionError: oops"),
    ],
)
def test_a_fault_ends_it(faults: dict[str, Exception], verdict: str, words: str) -> None:
    box = Box()
    part = tried(Toy(faults=faults), box)
    assert part.verdict == verdict
    assert words in (part.error or "")
    assert part.back_tried is None
    assert box.chosen == OLD


def test_a_machine_that_ran_out_is_no_verdict() -> None:
    part = tried(Toy(faults={"run toy:2": Damaged("the server ended")}), Box(short="the disk is full"))
    assert part.verdict == "could-not-run"
    assert part.error == "the disk is full, so no upgrade is proven: Toy 2.1 does not start on the data of 1.0: the server ended"


def test_a_wrong_first_answer_is_told_by_what_differs() -> None:
    part = tried(Toy(changed(Fact("shop.client", "rows", 2)), faults={"answer0": Damaged("2 instead of 3")}))
    assert (part.verdict, part.error) == ("failed", None)
    assert [each.metric for each in part.look] == ["rows"]


@pytest.mark.parametrize(
    "expected", [[Fact("box", "colour", "blue"), Fact("box", "lid", "oak")], [Fact("box", "colour", "blue")]]
)
def test_a_wrong_first_answer_is_not_explained_by_what_is_expected_of_something_else(expected: Sequence[Fact]) -> None:
    """Each upgrade of a Grafana changes something that is expected: else none would ever fail by its first answer."""
    size = Check("box", "size", 1, 1, passed=True)
    wrong = Damaged("the first answer is wrong: shop.client, rows: expected 3, got 2")
    part = tried(Toy(changed(*expected), [size], faults={"answer0": wrong}))
    assert (part.verdict, part.error, part.look) == ("failed", wrong.message, ())

    wrong = Damaged("the first answer is wrong: box, colour: expected red, got blue")
    part = tried(Toy(changed(*expected), [size], faults={"answer0": wrong}))
    assert (part.verdict, part.error) == ("rehearsed", None)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (
            {"run toy:1": Damaged("Invalid server downgrade")},
            "tried: Toy 1.0 does not start on the upgraded data: Invalid server downgrade",
        ),
        (
            {"answer1": Damaged("2 instead of 3")},
            "tried: Toy 1.0 starts on the upgraded data, and answers wrongly: 2 instead of 3",
        ),
        ({"run toy:1": Transient("Docker is away")}, "tried: Toy 1.0 does not start on the upgraded data: Docker is away"),
        ({"end1": LifeboatError("it hangs")}, "tried: Toy 2.1 does not end in order: it hangs"),
        (
            {"run toy:1": OSError("no such socket")},
            "tried: Toy 1.0 does not start on the upgraded data: unexpected error: OSError: no such socket",
        ),
        (
            {"run toy:1": Damaged(f"the server ended: {'x' * 100} cannot downgrade")},
            f"tried: Toy 1.0 does not start on the upgraded data: the server ended: {'x' * 100} cannot downgrade",
        ),
    ],
)
def test_a_way_back_that_is_none_changes_no_verdict(faults: dict[str, Exception], words: str) -> None:
    part = tried(Toy(faults=faults))
    assert (part.verdict, part.back_tried) == ("rehearsed", words)


def test_a_row_that_goes_after_the_upgrade_and_an_operators_expectation_are_looked_at() -> None:
    copy = Toy(list(WITNESS))
    lost = Check("suite s.yaml: no client", "unexpected rows", 0, 2, passed=False)
    harm = Tamper("one row", upgraded=lambda each: setattr(copy, "facts", changed(Fact("shop.client", "rows", 2))))
    part = tried(copy, tamper=harm, suites=lambda: [lost])
    assert part.verdict == "failed"
    assert [each.metric for each in part.look] == ["rows", "unexpected rows"]


def test_a_copy_that_nobody_upgrades_could_not_be_tried() -> None:
    part = tried(SimpleNamespace())
    assert part.verdict == "could-not-run"
    assert part.error == "no upgrade is rehearsed on a copy of toy-20261130T000000Z"


class Service:
    """A service whose images say the version after the colon of their names."""

    name = "toy"

    def version_in(self, image: Image, docker: object, name: str) -> str:
        return image.name.partition(":")[2]

    def step(self, found: Manifest, version: str, image: str) -> Step | None:
        return None if numbers(version)[0] == 1 else MADE


def planned(image: str | None, **more: Any) -> Planned:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    record = BackupRecord(
        snapshot="ab", id="toy-20261130T000000Z", service="toy", type="toy", kind="full", chain="toy-20261130T000000Z", sequence=0,
        taken_at=now, size=1, standalone=False,
    )  # fmt: skip
    return Planned("toy", "toy", "latest", (record,), image=image, **more)


def find(image: str | None, service: object = Service(), **more: Any) -> Route | None:
    box = SimpleNamespace(name="box", docker=SimpleNamespace(image=lambda name: Image(name, "sha256:02")))
    return route(service, planned(image, **more), manifest(), box)  # type: ignore[arg-type]


def test_an_image_of_the_same_series_is_the_copys_own() -> None:
    assert find("toy:1.9") is None
    assert find(None) is None
    assert find("toy:2.0", SimpleNamespace(name="plain")) is None
    found = find("toy:2.0")
    assert found is not None
    assert (found.step, found.image.name) == (MADE, "toy:2.0")


def test_a_moment_between_two_backups_is_not_upgraded() -> None:
    with pytest.raises(
        LifeboatError, match=r"toy:2\.0 holds Toy 2\.0, the backup is of 1\.0: no upgrade is rehearsed on the moment"
    ):
        find("toy:2.0", point=Point(datetime(2026, 11, 30, tzinfo=UTC)))
    with pytest.raises(LifeboatError, match="no upgrade is rehearsed on a backup whose database is in toy"):
        find("toy:2.0", partner=planned(None).chain)


def outcome(part: RehearsalPart | None, spoil: Callable[[Progress], object] = lambda _: None) -> DrillResult:
    clock = iter(range(100))
    progress = Progress(Stopwatch(lambda: float(next(clock))), manifest=manifest(), rehearsal=part)
    for phase in ("fetch", "start", "replay", "ready", "check"):
        progress.watch.begin(phase)
    progress.watch.stop()
    progress.checks = [Check("shop.client", "rows", 3, 3, passed=True)]
    spoil(progress)
    return result(planned("toy:2"), progress, OLD, datetime(2026, 11, 30, tzinfo=UTC), timedelta(hours=2), None)


def test_an_upgrade_is_no_proof_of_the_backup_and_no_time_of_a_restore() -> None:
    """Its first half is both: the drill on its own version. What is kept of it for the history says so alone."""
    bad = tried(Toy(changed(Fact("shop.client", "rows", 2))))
    for part, verdict in ((tried(Toy()), "rehearsed"), (bad, "failed")):
        drill = outcome(part)
        assert (drill.verdict, drill.backup_verdict, drill.restore_seconds) == (verdict, "verified", 4.0)
        assert [phase.name for phase in drill.phases] == ["fetch", "start", "replay", "ready", "check"]
        assert drilled.tag(drill).split("|")[2] == "verified"
    assert drill.reasons == (
        "the upgrade to Toy 2.1 has changed 1 fact that is not expected of it, first shop.client rows: 3 has become 2",
    )
    assert outcome(None).verdict == "verified"


def test_a_copy_that_is_not_proven_is_what_counts() -> None:
    def differ(progress: Progress) -> None:
        progress.checks = [Check("shop.client", "rows", 3, 2, passed=False)]

    assert outcome(tried(Toy()), differ).verdict == "failed"
