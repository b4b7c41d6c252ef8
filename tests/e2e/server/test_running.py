"""`make server`: everything is deployed, and runs: from the API, by its schedule, side by side, and one after the other."""

import random
import signal
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from backups.machine import runs
from backups.machine.wait import wait_until
from tests.e2e.server.conftest import ROOT, Station, ToySites, family

pytestmark = pytest.mark.docker

CONTENT = yaml.safe_load((ROOT / "prefect.yaml").read_text())
NAMES = sorted(each["name"] for each in CONTENT["deployments"])


def test_every_deployment_is_there_with_its_schedule_and_both_pools_are_at_work(station: Station) -> None:
    """What prefect.yaml says is what the server holds; a worker waits for each of them."""
    found = station.deployments()
    assert sorted(found) == NAMES
    for wanted in CONTENT["deployments"]:
        held = found[wanted["name"]]
        schedules = [(each["schedule"]["cron"], each["schedule"]["timezone"], each["active"]) for each in held["schedules"]]
        assert schedules == [(each["cron"], each["timezone"], each.get("active", True)) for each in wanted["schedules"]]
        assert held["work_pool_name"] == wanted["work_pool"]["name"]
        assert held["status"] == "READY", f"{wanted['name']} has no worker"


def test_the_next_runs_are_on_the_calendar_to_the_minute(station: Station) -> None:
    """The scheduler (which SQLAlchemy 2.1 would silence) has put the coming nights down, each at its minute."""

    def coming() -> dict[str, list[datetime]]:
        held = {each["id"]: name for name, each in station.deployments().items()}
        dates: dict[str, list[datetime]] = {name: [] for name in held.values()}
        for run in station.post("flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}):
            if run["auto_scheduled"]:
                dates[held[run["deployment_id"]]].append(datetime.fromisoformat(run["expected_start_time"]))
        return dates

    active = {each["name"]: any(plan.get("active", True) for plan in each["schedules"]) for each in CONTENT["deployments"]}
    scheduled = [name for name, runs_by_itself in active.items() if runs_by_itself]
    assert wait_until(lambda: all(coming()[name] for name in scheduled), seconds=120, interval=1), coming()
    dates = coming()
    assert {(date.weekday(), date.hour, date.minute) for date in dates["full-backup"]} == {(0, 0, 0)}
    assert {date.hour for date in dates["incremental-backup"]} == {0}
    assert {(date.day, date.hour) for date in dates["monthly-service-backup"]} == {(28, 2)}
    assert {(date.weekday(), date.hour) for date in dates["verification"]} == {(0, 6)}
    assert {date.hour for date in dates["retention"]} == {5}
    assert [name for name in dates if not dates[name]] == [name for name in dates if not active[name]], "what is off, runs not"


def test_workers_end_at_their_first_signal(station: Station) -> None:
    """Prefect makes SIGINT of SIGTERM. Begun in the background of a script they would ignore it, and go on."""
    for pool in ("backup", "verification"):
        status = Path(f"/proc/{station.worker(pool)}/status").read_text()
        ignored = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn")), 16)
        assert not ignored & 1 << (signal.SIGINT - 1)


def test_starting_again_changes_nothing(station: Station) -> None:
    """`make server` is idempotent: the same processes, the same deployments."""
    before = ({name: each["id"] for name, each in station.deployments().items()}, station.worker("backup"))
    begun = station.script("start")
    assert begun.returncode == 0, begun.stderr
    assert ({name: each["id"] for name, each in station.deployments().items()}, station.worker("backup")) == before
    assert station.script("status").returncode == 0


def test_a_backup_and_a_verification_from_the_ui_end_well(station: Station, toys: ToySites) -> None:
    """ "Run" is pressed: the worker picks it up, the artifacts tell what came of it, the log reads as a story."""
    site = toys.make("site", {"toy": ""})
    run = station.run("full-backup", config=str(site.configuration))
    assert station.ended(run)[0] == "COMPLETED", station.logs(run)
    (backup,) = site.open().repository.backups()
    assert backup.id in station.artifacts(run)["backups"]
    # The log comes in batches, the last of them after the end.
    assert wait_until(lambda: f"toy: backup {backup.id} is complete" in station.logs(run), seconds=120, interval=0.5)
    assert "toy: taking a full backup" in station.logs(run)

    run = station.run("verification", config=str(site.configuration))
    assert station.ended(run)[0] == "COMPLETED", station.logs(run)
    assert "verified" in station.artifacts(run)["verification"]


def test_what_comes_due_by_its_schedule_runs(station: Station, toys: ToySites) -> None:
    """A copy of a deployment that is due each minute: nobody starts it, and it runs, in its minute.

    Each minute, since a single date may have passed before a busy scheduler sees it.
    """
    site = toys.make("site", {"toy": ""})
    model = station.deployments()["incremental-backup"]
    keys = ("flow_id", "entrypoint", "work_pool_name", "work_queue_name", "pull_steps", "tags")
    copy = station.post(
        "deployments/",
        **{key: model[key] for key in keys},
        name="incremental-backup-soon",
        parameters={"kind": "incremental", "config": str(site.configuration)},
        schedules=[{"schedule": {"cron": "* * * * *", "timezone": "Etc/UTC"}, "active": True}],
    )

    def begun() -> list[dict[str, str]]:
        wanted = {"deployment_id": {"any_": [copy["id"]]}, "start_time": {"is_null_": False}}
        return list(station.post("flow_runs/filter", flow_runs=wanted, sort="START_TIME_ASC"))

    try:
        assert wait_until(lambda: bool(begun()), seconds=600, interval=0.5), "the scheduler has not seen it"
    finally:
        station.pause(copy["id"])
    for run in begun():
        assert station.ended(run["id"])[0] == "COMPLETED", station.logs(run["id"])
        assert run["auto_scheduled"]
        due, started = (datetime.fromisoformat(run[key]) for key in ("expected_start_time", "start_time"))
        assert due.second == 0
        # Prefect rounds to a whole second what is left to wait: it may begin half a second early.
        assert due - timedelta(seconds=1) < started
        assert sum(each.id in station.artifacts(run["id"])["backups"] for each in site.open().repository.backups()) == 1


def test_a_scheduled_backup_waits_for_the_one_at_work_and_says_so(station: Station, toys: ToySites) -> None:
    """Nightly and monthly at once: one waits, names the other's process, and both are taken."""
    site = toys.make("site", {"toy": ""})
    with runs.one_at_a_time(site.state, "toy"):
        nightly = station.run("incremental-backup", config=str(site.configuration))
        monthly = station.run("monthly-service-backup", config=str(site.configuration))
        waiting = "toy: waiting for the backup that process"
        assert wait_until(
            lambda: waiting in station.logs(nightly) and waiting in station.logs(monthly), seconds=600, interval=0.5
        )
        assert site.open().repository.exists() is False
    assert [station.ended(run)[0] for run in (nightly, monthly)] == ["COMPLETED"] * 2
    assert sorted(each.standalone for each in site.open().repository.backups()) == [False, True]


def test_a_backup_that_waited_too_long_fails_and_tells_for_whom(station: Station, toys: ToySites) -> None:
    """Patience has an end, and the run's state says how long it was."""
    site = toys.make("site", {"toy": ""}, more="backup: {patience: 1s}")
    with runs.one_at_a_time(site.state, "toy"):
        run = station.run("incremental-backup", config=str(site.configuration))
        state, message = station.ended(run)
    assert state == "FAILED"
    assert "1 of 1 backups failed: toy" in message
    assert "already running on this machine (process" in station.artifacts(run)["backups"]


def test_fifty_services_fan_out_within_their_limit_and_one_failure_does_not_stop_the_rest(
    station: Station, toys: ToySites
) -> None:
    """49 of 50 are taken, the state says which was not, and never were more at work than `backup.side_by_side`."""
    services = {f"toy-{number:02}": "" for number in range(50)}
    services["toy-17"] = ", password: '${NOT_SET_ANYWHERE}'"
    site = toys.make("site", services, more="backup: {side_by_side: 3}")
    run = station.run("full-backup", config=str(site.configuration))
    most = 0
    deadline = time.monotonic() + 600
    while station.state(run)[0] not in ("COMPLETED", "FAILED", "CRASHED"):
        most = max(most, len(list((site.state / "runs").glob("*/alive"))) if (site.state / "runs").is_dir() else 0)
        assert time.monotonic() < deadline, station.logs(run)
        time.sleep(0.2)
    state, message = station.state(run)
    assert (state, "1 of 50 backups failed: toy-17" in message) == ("FAILED", True), message
    taken = {each.service for each in site.open().repository.backups()}
    assert taken == set(services) - {"toy-17"}
    assert 1 <= most <= 3
    assert wait_until(lambda: not family(run), seconds=120, interval=0.2)


def test_a_repository_out_of_space_fails_the_run_and_the_next_one_recovers(station: Station, toys: ToySites) -> None:
    """The message says what is full; with space again the same deployment succeeds, and no half backup is listed."""
    site = toys.make("site", {"toy": ""})
    (site.folder / "repository").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(site.folder / "repository")], check=True)
    try:
        (site.source / "more.bin").write_bytes(random.Random(1).randbytes(3_000_000))
        run = station.run("full-backup", config=str(site.configuration))
        assert station.ended(run)[0] == "FAILED"
        assert "its disk is full" in station.artifacts(run)["backups"]
        assert site.open().repository.backups() == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(site.folder / "repository")], check=True)
        run = station.run("full-backup", config=str(site.configuration))
        assert station.ended(run)[0] == "COMPLETED", station.logs(run)
    finally:
        subprocess.run(["umount", "--lazy", str(site.folder / "repository")], check=True)
