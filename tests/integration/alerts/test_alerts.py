"""`lifeboat alerts` on a real Prefect server, with a webhook that really listens: what is told, and what is not."""

import re
import time
from pathlib import Path

import pytest

from tests.servers.prefect import Listener, PrefectServer

WINDOW = 30
"""Seconds that may pass without a backup, or without a verdict; Prefect takes no less than 10."""
_BEAT = """
import sys, time
from tasks import events
from tasks.events import send
send(events.BACKUP_COMPLETED, "stopped", "one, and then none")
deadline = time.monotonic() + float(sys.argv[1])
while time.monotonic() < deadline:
    for service in ("kept", "stopped"):
        send(events.VERIFIED, service, "as on every Monday")
    send(events.BACKUP_COMPLETED, "kept", "as on every night")
    time.sleep(1)
"""
_TROUBLE = """
from datetime import UTC, datetime
from backups.errors import LifeboatError
from backups.repositories.missing import Behind
from verification.copying import Copied
from tasks import events
from tasks.events import send
send(events.BACKUP_FAILED, "kept", "the disk is full")
send(events.NOT_VERIFIED[0], "kept", "agama.client rows: expected 3, observed 2")
send(events.NOT_VERIFIED[1], "stopped", "Docker does not answer")
events.send_copies([Copied("offsite", 0, 0, 0.0, LifeboatError("its disk is full"), Behind(3, datetime(2026, 11, 1, tzinfo=UTC)))])
send(events.RTO_MISSED, "kept", "the restore took 9000 s, the objective is 7200 s")
for _ in range(3):
    send(events.RESTORE_ADVISED, "kept", "the database agama is gone")
    send(events.WATCH_BLIND, "stopped", "the password is wrong")
"""

_BROKEN = """
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Failed
client = get_client(sync_client=True)
some = flow(lambda: None, name="some")
for tag, state in (("backup", Crashed(message="the worker died")), ("retention", Failed(message="the repository is away"))):
    run = client.create_flow_run(some, name=f"a run of {tag}", tags=["lifeboat", tag])
    client.set_flow_run_state(run.id, state, force=True)
run = client.create_flow_run(some, name="a stranger's run")
client.set_flow_run_state(run.id, Crashed(message="not ours"), force=True)
"""
_CLIENT = """
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
client = get_client(sync_client=True)
"""
_ADOPT = (
    _CLIENT
    + """
(automation,) = client.read_automations_by_name("lifeboat: the RTO was missed")
automation.tags, automation.description = [], "mine"
client.update_automation(automation.id, AutomationCore.model_validate(automation.model_dump(exclude={"owner_resource"})))
"""
)
_PAUSE = _CLIENT + "client.pause_automation(client.read_automations_by_name('lifeboat: a backup failed')[0].id)"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configure(tmp_path / "lifeboat.yaml", "kept", "stopped", "unborn")


def configure(path: Path, *services: str, objectives: str = f"rpo: {WINDOW}s, proof: {WINDOW}s") -> Path:
    lines = [
        f"  {name}: {{type: grafana, image: grafana, url: 'http://127.0.0.1:9', place: 'local:/absent'}}" for name in services
    ]
    path.write_text(
        f"state: state\nobjectives: {{{objectives}}}\nrepository: {{url: repository}}\nservices:\n" + "\n".join(lines) + "\n"
    )
    return path


def names(server: PrefectServer) -> list[str]:
    return sorted(automation["name"] for automation in server.found("automations"))


@pytest.fixture(autouse=True)
def _no_automations(prefect_process: PrefectServer) -> None:
    for automation in prefect_process.found("automations"):
        prefect_process.delete(f"automations/{automation['id']}")


def test_silence_is_reported_and_trouble_is_reported_and_what_is_well_is_not(
    prefect_process: PrefectServer, config: Path, listener: Listener
) -> None:
    """One service is backed up and verified all the while, one stops being backed up, one never is anything."""
    said = prefect_process.lifeboat("alerts", "--webhook", "${HOOK}", config=config, environment={"HOOK": listener.url})
    assert said.code == 0, said.err
    began = time.monotonic()

    beat = prefect_process.python(_BEAT, str(WINDOW * 2.5))
    assert beat.code == 0, beat.err
    listener.wait_for(
        f"The last backup of stopped is {WINDOW}.0 s ago",
        f"no backup of stopped in the last {WINDOW}.0 s",
        f"no backup of unborn in the last {WINDOW}.0 s",
        f"no verification of unborn in the last {WINDOW}.0 s",
    )
    assert time.monotonic() - began >= WINDOW
    silence = [message for message in listener.messages if re.search(r"\bkept\b|verification of stopped", message)]
    assert silence == []

    for program in (_TROUBLE, _BROKEN):
        done = prefect_process.python(program)
        assert done.code == 0, done.err
    listener.wait_for(
        "Lifeboat: a backup failed\n\nkept: the disk is full",
        "Lifeboat: a verification failed\n\nkept: agama.client rows: expected 3, observed 2",
        "stopped: Docker does not answer",
        "Lifeboat: a copy is behind\n\noffsite: nothing was copied, 3 backups behind, since that of 2026-11-01 00:00 UTC: its disk is full",
        "Lifeboat: the RTO was missed\n\nkept: the restore took 9000 s",
        "Lifeboat: a restore is advised\n\nkept: the database agama is gone",
        "stopped: the password is wrong",
        "Lifeboat: a run broke off\n\nThe run a run of backup ended: Crashed: the worker died",
        "Lifeboat: the retention failed\n\nThe run a run of retention ended: Failed: the repository is away",
    )
    assert listener.heard("not ours") == []
    assert len(listener.heard("the database agama is gone")) == 1, "the same trouble is told once an hour"
    # Now nothing comes any more for anybody.
    listener.wait_for("The last backup of kept is", "The last verification of kept is", "The last verification of stopped is")


def test_running_it_twice_changes_nothing_and_a_changed_configuration_changes_what_it_must(
    prefect_process: PrefectServer, config: Path, listener: Listener
) -> None:
    first = prefect_process.lifeboat("alerts", "--webhook", listener.url, config=config)
    held = {automation["name"]: automation for automation in prefect_process.found("automations")}
    second = prefect_process.lifeboat("alerts", "--webhook", listener.url, config=config)

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.out.count("made ") == len(held) == second.out.count("as it was ")
    assert {automation["name"]: automation for automation in prefect_process.found("automations")} == held

    configure(config, "kept", "newcomer", objectives="rpo: 45s")
    third = prefect_process.lifeboat("alerts", "--block", "custom-webhook/lifeboat-webhook", config=config)
    assert third.code == 0, third.err
    assert "removed   lifeboat: no backup of unborn" in third.out
    assert "made      lifeboat: no backup of newcomer" in third.out
    assert "updated   lifeboat: no backup of kept" in third.out
    assert "as it was lifeboat: a backup failed" in third.out
    windows = {automation["name"]: automation["trigger"]["within"] for automation in prefect_process.found("automations")}
    assert (windows["lifeboat: no backup of kept"], windows["lifeboat: no verification of kept"]) == (45, 8 * 86400)


def test_a_strangers_automation_of_that_name_is_left_alone_and_reported(
    prefect_process: PrefectServer, config: Path, listener: Listener
) -> None:
    assert prefect_process.lifeboat("alerts", "--webhook", listener.url, config=config).code == 0
    assert prefect_process.python(_ADOPT).code == 0
    before = prefect_process.found("automations")

    configure(config, "kept")
    said = prefect_process.lifeboat("alerts", "--webhook", listener.url, config=config)

    assert said.code == 2
    assert "1 of the names are taken by automations that `lifeboat alerts` did not create" in said.err
    assert "lifeboat: the RTO was missed" in said.err
    assert "hint: rename or delete them" in said.err
    assert prefect_process.found("automations") == before


def test_what_was_paused_in_the_ui_stays_paused_and_is_reported(
    prefect_process: PrefectServer, config: Path, listener: Listener
) -> None:
    assert prefect_process.lifeboat("alerts", "--webhook", listener.url, config=config).code == 0
    assert prefect_process.python(_PAUSE).code == 0

    said = prefect_process.lifeboat("alerts", "--webhook", listener.url, config=config)

    assert said.code == 0
    assert "lifeboat: a backup failed is paused in Prefect and stays so" in said.err
    assert [each["name"] for each in prefect_process.found("automations") if not each["enabled"]] == ["lifeboat: a backup failed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nobody to notify was named"),
        (("--block", "operators"), "'operators' is not TYPE/NAME"),
        (("--block", "slack-webhook/absent"), "has no block slack-webhook/absent"),
        (("--block", "secret/whisper"), "the block secret/whisper cannot send notifications"),
        (("--webhook", "example.org/hook"), "--webhook is not a url"),
        (("--webhook", "${NOT_SET_ANYWHERE}"), "NOT_SET_ANYWHERE"),
    ],
)
def test_bad_input_is_reported_and_changes_nothing(
    prefect_process: PrefectServer, config: Path, arguments: tuple[str, ...], words: str
) -> None:
    if "secret/whisper" in arguments:
        assert prefect_process.python("from prefect.blocks.system import Secret\nSecret(value='x').save('whisper')").code == 0
    said = prefect_process.lifeboat("alerts", *arguments, config=config)
    assert (said.code, words in said.err, "hint: " in said.err) == (2, True, True), said.err
    assert names(prefect_process) == []


def test_without_a_server_and_with_one_that_is_away_it_says_so(prefect_process: PrefectServer, config: Path) -> None:
    away = prefect_process.lifeboat(
        "alerts", "--block", "a/b", config=config, environment={"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    )
    assert away.code == 2
    assert "the Prefect server at http://127.0.0.1:9/api does not answer" in away.err

    none = prefect_process.lifeboat("alerts", "--block", "a/b", config=config, environment={"PREFECT_API_URL": ""})
    assert none.code == 2
    assert "no Prefect server is configured" in none.err
