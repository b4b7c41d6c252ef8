"""prefect.yaml: every deployment loads, and its schedule comes due when DESIGN §8 says."""

import asyncio
import functools
import importlib
import inspect
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from verification.fleet.when import next_verification

ROOT = Path(__file__).parents[2]
CONTENT = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS = {deployment["name"]: deployment for deployment in CONTENT["deployments"]}


@functools.cache
def dates(name: str, *, zone: str, year: int) -> list[datetime]:
    (schedule,) = DEPLOYMENTS[name]["schedules"]
    # Prefect is imported where it is used: it takes a second, and every worker of pytest's imports what every file does at its top.
    from prefect.server.schemas.schedules import CronSchedule

    cron = CronSchedule(cron=schedule["cron"], timezone=zone)
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    return [date for date in asyncio.run(cron.get_dates(n=500, start=start, end=end)) if date.year == year]


def test_prefect_accepts_the_file_as_it_is() -> None:
    """A key that Prefect does not know would make `deploy --all` skip everything with a shrug."""
    from prefect.cli.deploy._models import PrefectYamlModel
    from prefect.client.schemas.schedules import CronSchedule

    PrefectYamlModel.model_validate(CONTENT)
    for deployment in DEPLOYMENTS.values():
        for schedule in deployment["schedules"]:
            CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


def test_a_misspelt_schedule_key_is_refused() -> None:
    """The check above can fail."""
    from prefect.cli.deploy._models import PrefectYamlModel

    broken: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    broken["deployments"][0]["schedules"][0]["max_scheduled_runs"] = 3
    with pytest.raises(ValueError, match="max_scheduled_runs"):
        PrefectYamlModel.model_validate(broken)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_entrypoint_is_a_flow_that_takes_the_parameters(name: str) -> None:
    """A deployment names a flow of this project and only parameters that it has."""
    module, _, function = DEPLOYMENTS[name]["entrypoint"].rpartition(".")
    flow = getattr(importlib.import_module(module), function)
    assert set(DEPLOYMENTS[name].get("parameters", {})) <= set(inspect.signature(flow.fn).parameters)
    # What to restore, a person says, and which drill, the verification that shares them out; all else has a default.
    ticket = {
        "verification": "a" * 32,
        "mark": "b" * 32,
        "machine": "m",
        "service": "agama",
        "selection": "latest",
        "backups": [],
    }
    said = {"restore": {"service": "agama"}, "drill": {"ticket": ticket}}.get(name, {})
    flow.validate_parameters(said | DEPLOYMENTS[name].get("parameters", {}))


def test_run_in_the_ui_restores_nothing_unless_it_is_reported_to() -> None:
    """The deployment has no schedule, and is a dry run by default, as the flow is."""
    assert DEPLOYMENTS["restore"]["schedules"] == []
    assert DEPLOYMENTS["restore"]["parameters"] == {"dry_run": True}
    from flows.restore import restore_service

    assert inspect.signature(restore_service.fn).parameters["dry_run"].default is True


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("year", [2026, 2027, 2028])
def test_nights_are_covered_once_each(zone: str, year: int) -> None:
    """Every midnight has one backup: a full on Mondays (the midnight that ends Sunday), an incremental otherwise."""
    fulls, incrementals = dates("full-backup", zone=zone, year=year), dates("incremental-backup", zone=zone, year=year)
    assert {date.weekday() for date in fulls} == {0}
    assert {date.weekday() for date in incrementals} == {1, 2, 3, 4, 5, 6}
    nights = sorted(date.date() for date in fulls + incrementals)
    assert all((date.hour, date.minute) == (0, 0) for date in fulls + incrementals)
    assert all(after - before == timedelta(days=1) for before, after in pairwise(nights))
    assert len(nights) >= 364


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Berlin"])
def test_the_monthly_service_backup_and_the_verification(zone: str) -> None:
    """The 28th at 02:00, Mondays at 06:00, every day at 05:00."""
    monthly = dates("monthly-service-backup", zone=zone, year=2028)
    assert [(date.month, date.day, date.hour) for date in monthly] == [(month, 28, 2) for month in range(1, 13)]
    assert {(date.weekday(), date.hour, date.minute) for date in dates("verification", zone=zone, year=2027)} == {(0, 6, 0)}
    assert {(date.hour, date.minute) for date in dates("retention", zone=zone, year=2027)} == {(5, 0)}


@pytest.mark.parametrize("zone", ["Etc/UTC", "America/New_York", "Australia/Lord_Howe"])
def test_a_plan_on_paper_is_of_the_verification_that_is_scheduled(zone: str) -> None:
    due = dates("verification", zone=zone, year=2027)
    assert [next_verification(before + timedelta(seconds=1), zone) for before in due[:-1]] == due[1:]


def test_only_these_are_off_until_somebody_turns_them_on() -> None:
    schedules = {name: deployment["schedules"] for name, deployment in DEPLOYMENTS.items()}
    off = {name for name, every in schedules.items() if any(not schedule.get("active", True) for schedule in every)}
    assert off == {"nightly-drill", "follow"}


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("year", [2026, 2028])
def test_every_nights_last_backup_is_drilled_the_same_morning(zone: str, year: int) -> None:
    """By the nightly drill, once a night and two hours after the last backup that is due; on Mondays by the verification."""
    backups = [date for name in DEPLOYMENTS if name.endswith("-backup") for date in dates(name, zone=zone, year=year)]
    drills = dates("nightly-drill", zone=zone, year=year)
    mornings = {date.date(): date for date in drills + dates("verification", zone=zone, year=year)}
    assert len(mornings) == len(drills) + len(dates("verification", zone=zone, year=year))
    # The first of January began the year before, or does so in UTC.
    assert {date.date() for date in backups} ^ set(mornings) <= {datetime(year, 1, 1, tzinfo=UTC).date()}
    for date in filter(lambda date: date.date() in mornings, backups):
        assert mornings[date.date()] - date >= timedelta(hours=2)
    assert DEPLOYMENTS["nightly-drill"]["parameters"] == {"backup": ["latest"]}
    assert DEPLOYMENTS["nightly-drill"]["work_pool"] == DEPLOYMENTS["verification"]["work_pool"]


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Berlin"])
def test_a_28th_that_is_a_monday_or_a_sunday_and_a_leap_day(zone: str) -> None:
    """All that is due on such a day, in order; the monthly backup comes beside the night's, never in its place."""

    def due(month: int, day: int, year: int) -> list[str]:
        found = [
            f"{date:%H:%M} {name}"
            for name in ("full-backup", "incremental-backup", "monthly-service-backup", "retention", "verification")
            for date in dates(name, zone=zone, year=year)
            if (date.month, date.day) == (month, day)
        ]
        return sorted(found)

    monday, sunday, leap_day = (
        datetime(2026, 9, 28, tzinfo=UTC),
        datetime(2026, 6, 28, tzinfo=UTC),
        datetime(2028, 2, 29, tzinfo=UTC),
    )
    assert (monday.weekday(), sunday.weekday(), leap_day.weekday()) == (0, 6, 1)
    assert due(9, 28, 2026) == ["00:00 full-backup", "02:00 monthly-service-backup", "05:00 retention", "06:00 verification"]
    assert due(6, 28, 2026) == ["00:00 incremental-backup", "02:00 monthly-service-backup", "05:00 retention"]
    assert due(2, 29, 2028) == ["00:00 incremental-backup", "05:00 retention"]
