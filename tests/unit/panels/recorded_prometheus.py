"""Answers calls as the Prometheus did that a real Grafana asked, out of the frames that Grafana made of its answers."""

from typing import Any

from backups.panels.prometheus.reply import Call
from tests.unit.panels.answers import Json

_TEXTS = {"Inf": "+Inf", "NegInf": "-Inf"}


def answer(result: Json, call: Call) -> tuple[int, Json]:
    """The status and the JSON of a call. result: what stands below `results[refId]`; another instant than its own is a KeyError."""
    if "error" in result:
        kind, _, words = result["error"].partition(": ")
        return result["status"], {"status": "error", "errorType": kind, "error": words}
    kind = "vector" if call.path.endswith("/query") else "matrix"
    found = [
        {"metric": frame["schema"]["fields"][1]["labels"], **_samples(frame, call)}
        for frame in result["frames"]
        if frame["schema"]["meta"]["type"] == {"vector": "numeric-multi", "matrix": "timeseries-multi"}[kind]
    ] if result["frames"][0]["schema"]["fields"] else []  # fmt: skip
    return 200, {"status": "success", "data": {"resultType": kind, "result": found}}


def _samples(frame: Json, call: Call) -> dict[str, Any]:
    times, values = frame["data"]["values"]
    odd = (frame["data"].get("entities") or [None, None])[1] or {}
    named = {place: _TEXTS.get(name, name) for name, places in odd.items() for place in places}
    known = {at: named.get(index) or repr(value) for index, (at, value) in enumerate(zip(times, values, strict=True))}
    if "time" in call.parameters:
        at = float(call.parameters["time"])
        return {"value": [at, known[round(at * 1000)]]}
    start, end, step = (float(call.parameters[name]) for name in ("start", "end", "step"))
    ticks = [start + step * number for number in range(int((end - start) / step) + 1)]
    return {"values": [[at, known[round(at * 1000)]] for at in ticks]}
