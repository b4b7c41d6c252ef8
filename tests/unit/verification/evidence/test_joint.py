"""What the tag of a joint drill states, and which of several is the newest."""

from datetime import timedelta

import pytest

from backups.repository.listing import Snapshot
from tests.unit.verification.samples import MONDAY
from tests.unit.verification.together.test_told import told
from verification.evidence import joint, store
from verification.evidence.joint import Joint, Stated

NOW = MONDAY + timedelta(days=3)


def kept(tag: str, days: float = 0) -> Snapshot:
    return Snapshot(f"{tag}{days}", MONDAY - timedelta(days=days), ("lifeboat-evidence", tag))


def test_what_is_kept_is_read_again() -> None:
    tags = store.tags(told(verdict="failed"))
    found = joint.newest([Snapshot("ab", MONDAY, tuple(tags))], NOW)
    assert found == Joint(Stated(at=MONDAY, verdict="failed", panels=2, equal=1), None)
    assert joint.words(found, NOW) == (
        "never proven; the last time, 3 d 0 h ago, it came to failed, 1 of 2 panels answer as they did"
    )


def test_where_there_is_nothing_to_drill_any_more_nothing_is_late() -> None:
    tags = store.tags(told(verdict=None, skipped="there is no Grafana", boards=()))
    assert "together=skipped|0|0" in tags
    skipped = Snapshot("ab", MONDAY, tuple(tags))
    assert joint.newest([skipped, kept("together=failed|7|6", 7)], NOW) is None
    assert joint.newest([skipped, kept("together=failed|7|6", -1)], NOW)


def test_the_newest_counts_and_the_newest_that_is_verified() -> None:
    both = [kept("together=verified|7|7", 7), kept("together=could-not-run|0|0", 0), kept("together=verified|9|9", 14)]
    found = joint.newest(both, NOW)
    assert found
    assert (found.newest.verdict, found.proven_at) == ("could-not-run", MONDAY - timedelta(days=7))
    assert joint.words(found, NOW).startswith("proven 10 d 0 h ago; the last time, 3 d 0 h ago, it came to could-not-run")
    assert "panels" not in joint.words(found, NOW), "none was asked"
    assert joint.words(Joint(Stated(at=MONDAY, verdict="verified", panels=7, equal=7), MONDAY), NOW) == (
        "proven 3 d 0 h ago, 7 of 7 panels answer as they did"
    )


def test_what_is_dated_in_the_future_or_is_no_evidence_does_not_count() -> None:
    ahead, other = kept("together=verified|7|7", -9), Snapshot("ab", MONDAY, ("lifeboat-rescue", "together=verified|7|7"))
    assert joint.newest([ahead, other], NOW) is None


@pytest.mark.parametrize(
    "text", ["", "verified", "verified|7", "verified|7|8", "verified|-1|-1", "well|7|7", "verified|7|7|7", "verified|x|1"]
)
def test_what_states_none_is_named_and_does_not_count(text: str) -> None:
    bad = kept(f"together={text}")
    assert joint.newest([bad, kept("together=failed|7|1", 9)], NOW) == Joint(
        Stated(at=MONDAY - timedelta(days=9), verdict="failed", panels=7, equal=1), None
    )
    [odd] = joint.odd([bad, kept("together=failed|7|1", 9)])
    assert "states what is no joint drill" in str(odd)
