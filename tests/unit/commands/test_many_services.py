"""What two hundred services cost: work that grows with what there is, never with what there is times the services. Nothing is timed here."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backups.config.settings import Settings
from backups.manifest import BackupRecord
from flows.commands import console
from verification.evidence import history

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counted: Counter[str] = Counter()

    def counting(text: str) -> str:
        counted[text] += 1
        return text

    monkeypatch.setattr(console, "shown", counting)
    return counted


def test_a_cell_of_a_long_list_is_gone_over_once(calls: Counter[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"backup {number}", "full") for number in range(300)]
    console.print_columns(("backup", "kind"), rows, right=["kind"])
    assert max(count for text, count in calls.items() if text.startswith("backup ")) == 1
    assert len(capsys.readouterr().out.splitlines()) == 301


class Told(list[Any]):
    """A list that counts how often one of its members was handed out."""

    def __init__(self, members: list[Any]) -> None:
        super().__init__(members)
        self.handed = 0

    def __iter__(self) -> Iterator[Any]:
        for each in super().__iter__():
            self.handed += 1
            yield each


@pytest.mark.parametrize("services", [1, 40])
def test_a_history_goes_through_the_backups_once_however_many_services_there_are(services: int) -> None:
    names = [f"service-{number}" for number in range(services)]
    backups = Told([full(name, NOW - timedelta(days=day)) for name in names for day in range(3)])
    settings = Settings.model_validate(
        {"repository": {"url": "/r", "password": "x"}, "services": {each: {"type": "mysql", "image": "a"} for each in names}}
    )
    found = history.of(settings, dict.fromkeys(names, "mysql"), backups, [], NOW)
    assert [len(each.backups) for each in found] == [3] * services
    assert backups.handed <= len(backups)


def full(service: str, at: datetime) -> BackupRecord:
    identifier = f"{service}-{at:%Y%m%dT%H%M%SZ}"
    return BackupRecord(snapshot="a" * 64, id=identifier, service=service, type="mysql", kind="full", chain=identifier, sequence=0, taken_at=at, size=1, standalone=False)  # fmt: skip
