"""What a copy must hold at a moment is stated for whatever the log tells of; only the rest is untold."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.services.mysql.carry import expected
from backups.services.mysql.carry.expected import Value
from backups.services.mysql.copy import at_moment
from backups.services.mysql.details import Form
from backups.witness import Fact, compare
from tests.unit.mysql.binlog.test_before_full import DETAILS, manifest


def test_a_table_that_is_empty_there_or_must_be_there_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, Value | str] = {
        "w.emptied": expected.EMPTY,
        "w.lost": Value(4, "5" * 64, "full", through_log=False, gone=True),
        "w.kept": Value(2, "7" * 64, "full", through_log=False),
        "w.note": "its definition has changed",
    }
    monkeypatch.setattr(expected, "expected", lambda *_: values)
    server = SimpleNamespace(run=lambda _: ((), {}, {}))
    held = DETAILS.model_copy(update={"form": Form()})
    found = at_moment.state(cast("Any", server), manifest(held.model_dump()), held, [], cast("Any", None), cast("Any", None))
    assert found.untold == {"w.note": "its definition has changed"}
    there = [Fact("w.emptied", "rows", 0), Fact("w.kept", "rows", 2), Fact("w.kept", "fingerprint", "7" * 64)]
    assert {check.subject for check in compare(found.facts, there) if not check.passed} == {"w.lost"}
    one = [fact if fact.subject != "w.emptied" else Fact("w.emptied", "rows", 1) for fact in there]
    assert {check.subject for check in compare(found.facts, one) if not check.passed} == {"w.lost", "w.emptied"}
