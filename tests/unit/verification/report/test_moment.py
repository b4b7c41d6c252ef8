"""How a moment between two backups is told in the report: what was compared there, what was not, and what proves nothing new."""

from datetime import timedelta

from tests.unit.verification.samples import MONDAY, check, evidence, result
from verification.evidence.evidence import MomentPart, PhasePart, Untold
from verification.report import junit, page

MOMENT = MomentPart(
    asked="the moment before x:23",
    later="agama-20261124T000000Z",
    later_at=MONDAY + timedelta(days=1),
    stands="binlog.000007:4711",
    transactions=3,
    there=(check("agama.client", "rows", 120, 120), check("agama.order", "rows", 7, 8)),
    untold=(Untold(subject="agama.note", why="it has no <primary> key"),),
    checks=(check("agama.client", "rows", 120, 120),),
    unscanned=("agama.carried",),
)
DRILL = result(
    selection="moment",
    verdict="failed",
    moment=MOMENT,
    phases=tuple(PhasePart(name=name, seconds=1.0) for name in ("fetch", "start", "check", "advance", "there", "second-replay")),
)


def test_the_page_tells_of_the_moment_itself_beside_the_witness_after_it() -> None:
    text = page.render(evidence(DRILL))
    assert ", at the moment itself</strong>" in text
    assert ", onward to agama-20261124T000000Z</strong>" in text
    assert "agama.note: it has no &lt;primary&gt; key" in text
    assert "<li>agama.carried</li>" in text
    assert text.count("not part of the restore") == 3
    # What is not equal stands among the failures.
    assert "agama.order" in text


def test_a_pipeline_sees_what_is_not_equal_there() -> None:
    text = junit.render(evidence(DRILL))
    assert 'classname="agama.moment.at the moment itself' in text
    assert text.count("<failure") == 1


def test_what_fails_at_the_moment_fails_the_drill() -> None:
    assert [each.subject for each in DRILL.failures] == ["agama.order"]
    assert len(DRILL.compared) == len(DRILL.checks) + 3
