"""What carries tickets by a real Prefect server: it sends them, sees what becomes of them, and finds them again."""

import json

from tests.servers.prefect import ROOT, PrefectServer

_PROGRAM = """
import json, sys
from uuid import UUID
from types import SimpleNamespace
from backups.errors import ConfigError
from prefect.states import Cancelling, Completed, Crashed, Failed, Pending, Running
from flows.drill import run_drill
from tasks import prefect_api
from tasks.fleet import REFUSED, Prefect, _wanted
from verification.fleet.ticket import Ticket

ID, said = "ab" * 16, {}
ours = json.load(open(sys.argv[1]))

def ticket(machine, number):
    return Ticket(verification=ID, mark=f"{number:032x}", machine=machine, service="toy", selection="latest", backups=("toy-20261123T000000Z",))

with prefect_api.connected() as client:
    for pool in ("verification", "big"):
        client.request("POST", "/work_pools/", json={"name": pool, "type": "process", "base_job_template": ours})
    client.request("POST", "/work_pools/verification/workers/heartbeat", json={"name": "m1", "heartbeat_interval_seconds": 7})
    client.request("POST", "/work_pools/verification/workers/heartbeat", json={"name": "stranger"})
    flow = client.create_flow(run_drill)
    known = run_drill.parameters.model_dump_for_openapi()
    client.create_deployment(flow, name="drill", work_pool_name="verification", entrypoint="flows.drill.run_drill", parameter_openapi_schema=known)
    post = Prefect(client, ID, {"m1": "verification", "m2": "big", "m3": "nowhere"})
    said["workers"] = {name: (each.every.total_seconds(), each.online) for name, each in post.workers().items()}
    runs = [post.send([ticket(machine, number)]) for number, machine in enumerate(["m1", "m2", "m1", "m1", "m1"])]
    said["again"] = post.send([ticket("m1", 0)]) == runs[0]
    held = [client.read_flow_run(run) for run in runs]
    said["queues"] = [each.work_queue_name for each in held]
    said["pools"] = [each.work_pool_name for each in held]
    idle = [post.look(runs)[runs[0]] for _ in range(2)]
    said["scheduled"] = idle[0].state, idle[0].taken, idle[0].beat is not None and idle[0].beat == idle[1].beat
    said["found"] = {run: each.tickets[0].machine for run, each in post.sent().items()} == dict(zip(runs, ["m1", "m2", "m1", "m1", "m1"]))
    several = [ticket("m2", number) for number in (90, 91, 92)]
    run = sent_together = post.send(several)
    post.recall(run, [several[1].mark])
    post.recall(run, [several[2].mark])
    post.recall("00000000-0000-4000-8000-000000000009", ["a" * 32])
    sent = post.sent()[run]
    said["several"] = list(sent.tickets) == several, sorted(sent.recalled) == sorted(each.mark for each in several[1:])
    said["named"] = client.read_flow_run(run).name
    said["wanted"] = [_wanted(client, UUID(run), each) for each in several]
    client.set_flow_run_state(run, Running(), force=True)
    client.set_flow_run_state(run, Cancelling(), force=True)
    said["being cancelled"] = _wanted(client, UUID(run), several[0])
    client.set_flow_run_state(run, Crashed(message="no word of it"), force=True)
    said["dead"] = _wanted(client, UUID(run), several[0])
    said["others"] = len(Prefect(client, "cd" * 16, {}).sent())

    client.set_flow_run_state(runs[0], Pending(), force=True)
    pending = post.look(runs)[runs[0]]
    said["pending"] = pending.state, pending.beat is not None, pending.taken
    post._beats.clear()
    said["behind another"] = post.look(runs)[runs[2]].beat != idle[0].beat, post.look(runs)[runs[1]].beat == idle[0].beat
    client.set_flow_run_state(runs[0], Running(), force=True)
    running = post.look(runs)[runs[0]]
    said["unheard"] = running.state, running.beat
    client.set_flow_run_state(runs[1], Completed(name=REFUSED, message="needs 96 GiB"), force=True)
    client.set_flow_run_state(runs[2], Completed(), force=True)
    post.cancel(runs[3], "the verification was ended")
    post.cancel(runs[0], "no word of it", dead=True)
    said["ended"] = [(each.state, each.words) for each in map(post.look(runs).get, runs[:4])]
    client.set_flow_run_state(runs[4], Running(), force=True)
    event = {"occurred": "2026-11-23T06:00:00Z", "event": "prefect.flow-run.heartbeat", "resource": {"prefect.resource.id": f"prefect.flow-run.{runs[4]}"}, "id": "00000000-0000-4000-8000-000000000001", "related": [], "payload": {}}
    client.request("POST", "/events", json=[event])
    import time
    deadline = time.monotonic() + 60
    while post._newest_beat(runs[4]) is None and time.monotonic() < deadline:
        time.sleep(0.2)
    said["beat"] = str(post.look(runs)[runs[4]].beat)

    client.create_deployment(flow, name="drill", work_pool_name="verification", enforce_parameter_schema=True, parameter_openapi_schema={"type": "object", "properties": {"ticket": {}, "config": {}}})
    try:
        Prefect(client, ID, {"m1": "verification"}).send([ticket("m1", 93)])
    except ConfigError as fault:
        said["old"] = fault.message
    known["definitions"]["Ticket"]["properties"].pop("also")
    client.create_deployment(flow, name="drill", work_pool_name="verification", enforce_parameter_schema=True, parameter_openapi_schema=known)
    try:
        Prefect(client, ID, {"m1": "verification"}).send([ticket("m1", 94)])
    except ConfigError as fault:
        said["old ticket"] = fault.message

    said["other version"] = []
    for run, given in (runs[4], {"ticket": {**ticket("m1", 95).model_dump(mode="json"), "later": 1}}), (runs[4], {"ticket": ticket("m1", 96), "later": []}), (sent_together, {"ticket": ticket("m1", 97), "later": []}):
        try:
            run_drill.validate_parameters(given)
        except Exception as fault:
            failed = Failed(message=f"Validation of flow parameters failed with error: {type(fault).__name__}: {fault}")
        client.set_flow_run_state(run, failed, force=True)
        said["other version"].append((post.look([run])[run].state, post.look([run])[run].words))
print(json.dumps(said))
"""


def test_tickets_are_sent_seen_and_found_again(prefect_process: PrefectServer) -> None:
    done = prefect_process.python(_PROGRAM, str(ROOT / "deployments" / "server" / "work-pool.json"))
    assert done.code == 0, done.err
    said = json.loads(done.out.splitlines()[-1])
    assert said["workers"] == {"m1": [7.0, True]}, (
        "a worker of no machine is none of the fleet, and a pool that is not there has none"
    )
    assert said["queues"] == ["m1", "m2", "m1", "m1", "m1"]
    assert said["pools"] == ["verification", "big", "verification", "verification", "verification"]
    assert said["again"], "asked twice, it is sent once"
    assert (said["found"], said["others"]) == (True, 0)
    assert said["several"] == [True, True], "what was taken back of a run is found with it"
    assert said["named"] == "toy, latest; toy, latest; toy, latest on m2"
    assert (said["wanted"], said["dead"]) == ([True, False, False], False), "a run asks before it begins each of its drills"
    assert said["being cancelled"], "its worker ends it, and says so; it does not end by itself as if it were done"
    assert said["scheduled"] == ["waiting", False, True], "while its machine does nothing at all, no word of it is new"
    assert said["behind another"] == [True, True], "while its machine is at another drill it is only behind that one"
    assert said["pending"] == ["waiting", True, True], "a worker that dies before it has started the process is noticed"
    assert said["unheard"] == ["running", None]
    assert said["ended"] == [
        ["died", "no word of it"],
        ["refused", "needs 96 GiB"],
        ["done", ""],
        ["stopped", ""],
    ]
    assert said["old"] == "the deployment drill/drill of the Prefect server is of an earlier version", "its runs of several fail"
    assert said["old ticket"] == said["old"], "its tickets have less in them"
    words = "its Lifeboat is of another version than the coordinator's, and does not know {}: upgrade it"
    assert said["other version"] == [
        ["refused", words.format("later")],
        ["refused", words.format("several drills in one run")],
        ["failed", words.format("several drills in one run")],
    ], "of a run of several it is not known which one it cannot read: each is sent alone"
    assert said["beat"].startswith("2026-11-23T06:00:00")
