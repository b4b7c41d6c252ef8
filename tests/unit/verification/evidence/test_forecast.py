"""When growth will eat the margin."""

from datetime import timedelta

import pytest

from backups.manifest import BackupRecord
from tests.unit.verification.samples import MONDAY, not_run, result
from verification.evidence.forecast import forecast

RTO = timedelta(hours=2)


def fulls(*sizes: int, every: timedelta = timedelta(days=7)) -> list[BackupRecord]:
    return [
        BackupRecord.model_construct(
            snapshot="",
            id=f"agama-{number}",
            service="agama",
            type="mysql",
            kind="full",
            chain=f"agama-{number}",
            sequence=0,
            taken_at=MONDAY - every * (len(sizes) - 1 - number),
            size=size,
            standalone=False,
        )
        for number, size in enumerate(sizes)
    ]


def test_steady_growth_reaches_the_objective_on_a_day() -> None:
    """Of 41.2 s, 34.5 s grow with the data, which grows by an eighth a day: so the 7158.8 s left last 1660 days."""
    growth = forecast(result(), fulls(100, 800), RTO, MONDAY)

    assert growth is not None
    assert growth.at is not None
    assert (growth.at - MONDAY) / timedelta(days=1) == pytest.approx(7158.8 / (34.5 * 100 / 800))
    assert f"about {growth.at:%Y-%m-%d} (2 full backups over 7 d 0 h: 100 B to 800 B)" in growth.words


@pytest.mark.parametrize(
    ("backups", "words"),
    [
        (fulls(100), "not known yet: 1 full backup, two are needed"),
        (fulls(100, 200, every=timedelta(hours=2)), "not known yet: the full backups span 2 h 00 min, a day is needed"),
        (fulls(200, 200, 200), "the data does not grow"),
        (fulls(200, 100), "the data does not grow"),
        (fulls(0, 0), "the data does not grow"),
        (fulls(1_000_000, 1_000_001), "lasts longer than ten years"),
    ],
)
def test_without_a_date_the_reason_is_told(backups: list[BackupRecord], words: str) -> None:
    growth = forecast(result(), backups, RTO, MONDAY)

    assert growth is not None
    assert growth.at is None
    assert words in growth.words


def test_an_objective_that_is_missed_already_has_no_margin_to_eat() -> None:
    growth = forecast(result(restore_seconds=8000.0), fulls(100, 200), RTO, MONDAY)

    assert growth is not None
    assert growth.at == MONDAY


def test_without_a_restore_there_is_no_forecast() -> None:
    assert forecast(not_run(), fulls(100, 200), RTO, MONDAY) is None
