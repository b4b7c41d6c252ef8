"""Which rows differ is told where it is known, and why not where it is not; nothing of it ends a drill."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.services.traced import Row, Rows, Trace
from backups.witness import Check
from tests.unit.verification.samples import check, evidence, lost_row
from verification.drill import culprits
from verification.drill.clock import Hurried
from verification.drill.culprits import Before, Tracing
from verification.evidence.evidence import CulpritsPart, Evidence, RowPart
from verification.report import junit, page

WRONG = [check("agama.client", "rows", 3, 2), check("agama.client", "fingerprint", "a", "b"), check("agama.order", "rows", 1, 1)]
FOUND = Trace("agama.client", (Row("missing", (("id", "3"),)),), 1)
MOVED = Trace("agama.client", why_not="the table has changed there since the backup")


@dataclass
class Server:
    """A service and a copy in one. answers: what each trace finds, in turn; fault: raised when rows are opened."""

    answers: list[Any] = field(default_factory=list)
    fault: Exception | None = None
    asked: list[tuple[bool, list[str]]] = field(default_factory=list)

    @contextmanager
    def rows(self) -> Iterator[Rows]:
        if self.fault:
            raise self.fault
        yield Rows()

    def trace(self, checks: Sequence[Check], other: Rows, *, exactly: bool, seconds: float, values: bool) -> list[Trace]:
        self.asked.append((exactly, [each.subject for each in checks if not each.passed]))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer]


def find(service: Any, copy: Any, before: Before | None = None, *, took: float = 1.0, checks: Sequence[Check] = WRONG) -> Any:
    return culprits.find(service, copy, checks, Tracing(before), restore_seconds=took)


def before(copy: Any) -> Before:
    @contextmanager
    def opened(seconds: float) -> Iterator[Any]:
        assert 0 < seconds <= culprits.SECONDS
        yield copy

    return Before("agama-20260101T000000Z", opened)


def test_rows_are_named_beside_the_source_and_nothing_else_is_asked() -> None:
    copy = Server([FOUND])
    [part] = find(Server(), copy, before(Server()))
    assert part.words == "1 row differs, beside the source, which holds the table as the witness has it"
    assert [row.words for row in part.rows] == ["missing: id = 3"]
    assert [exactly for exactly, _ in copy.asked] == [True]


def test_where_all_is_equal_nobody_is_asked() -> None:
    assert find(Server(), Server(), checks=[check("agama.client", "rows", 3, 3)]) == ()


def test_a_copy_that_cannot_tell_tells_nothing() -> None:
    assert find(Server(), object()) == ()


@pytest.mark.parametrize("fault", [LifeboatError("nobody answers"), RuntimeError("a bug"), ValueError("another")])
def test_a_fault_of_the_source_is_told_and_the_backup_before_is_asked(fault: Exception) -> None:
    copy = Server([FOUND])
    [part] = find(Server(fault=fault), copy, before(Server()))
    assert "backup agama-20260101T000000Z; rows that were changed since" in part.words
    [alone] = find(Server(fault=fault), Server())
    assert str(fault).partition("\n")[0] in str(alone.why_not)


def test_what_both_cannot_tell_is_told_of_both() -> None:
    copy = Server([MOVED, LifeboatError("the sandbox is full")])
    [part] = find(Server(), copy, before(Server()))
    assert part.why_not == (
        "the table has changed there since the backup; backup agama-20260101T000000Z could not be compared with: the sandbox is full"
    )


def test_a_copy_that_took_long_to_come_back_is_not_brought_back_a_second_time() -> None:
    copy = Server([MOVED])
    [part] = find(Server(), copy, before(Server()), took=31)
    assert "would take longer than 60 s" in str(part.why_not)
    assert len(copy.asked) == 1


def shown(*parts: CulpritsPart) -> Evidence:
    return evidence(lost_row(culprits=parts))


def test_a_report_names_the_rows_and_escapes_them() -> None:
    row = RowPart(kind="changed", key=(("id<b>", "3"),), columns=("e&mail",), values=(("e&mail", "a\x1b", None),))
    found = shown(CulpritsPart(subject="agama.client", beside="the source", rows=(row,), total=41))
    html, xml = page.render(found), junit.render(found)
    assert "41 rows differ, beside the source" in html
    assert "changed: id&lt;b&gt; = 3; differs in e&amp;mail" in html
    assert "\x1b" not in html + xml
    assert "41 rows differ" in xml
    assert Evidence.model_validate_json(found.model_dump_json()) == found


def test_a_backup_that_comes_back_later_than_the_time_allows_is_given_up() -> None:
    times = iter([0.0, 20.0, 20.0, 31.0])
    watch = Hurried(lambda: next(times), seconds=30.0)
    watch.begin("fetch")
    watch.begin("start")
    with pytest.raises(LifeboatError, match="it was not back within 30 s: `replay` would begin after 31 s"):
        watch.begin("replay")
