"""What breaks off is tried again, so many times and no more."""

import pytest

from backups.errors import LifeboatError, Transient
from backups.places.remote import shell


@pytest.mark.parametrize("failures", range(5))
def test_a_broken_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    calls: list[int] = []

    def action() -> str:
        calls.append(len(calls))
        if len(calls) <= failures:
            raise Transient(f"cut {len(calls)}")
        return "done"

    if failures < shell.ATTEMPTS:
        assert shell.with_retries(action) == "done"
    else:
        with pytest.raises(Transient, match=f"cut {shell.ATTEMPTS}"):
            shell.with_retries(action)
    assert len(calls) == min(failures + 1, shell.ATTEMPTS)
    assert waited == [shell.PAUSE * attempt for attempt in range(1, min(failures + 1, shell.ATTEMPTS))]


def test_another_fault_is_not_tried_again() -> None:
    calls: list[int] = []

    def action() -> None:
        calls.append(1)
        raise LifeboatError("no")

    with pytest.raises(LifeboatError, match="no"):
        shell.with_retries(action)
    assert calls == [1]
