"""What the stand-in answers is what Grafana 13.0.0 publishes that it answers: routes, statuses, fields, types. Field data, where present."""

from pathlib import Path
from typing import Any

import pytest
import requests

from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.server import routes
from deployments.grafana_standin.serving import serving
from tests.integration.grafana.standin.calls import CALLS
from tests.integration.grafana.standin.contract import Contract

UNPUBLISHED = {
    "/api/plugins",
    "/api/frontend/settings",
    "/api/alertmanager/grafana/api/v2/silences",
    "/api/ruler/grafana/api/v1/rules",
}
"""Real routes of every version, absent from the published contract."""

NEED_A_SERVER = {
    "/api/ds/query",
    "/api/datasources/uid/(?P<uid>[^/]+)/resources/(?P<path>.+)",
    "/api/datasources/uid/(?P<uid>[^/]+)/health",
}
"""What data sources answer: held to recorded answers in `test_queries.py`."""


@pytest.mark.field
@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_every_answer_is_one_that_the_contract_allows(contract: Contract, layout: Layout, tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout=layout)
    with serving(tmp_path) as url:
        for call in CALLS:
            if layout not in call.layouts:
                continue
            answer = requests.request(call.method, url + call.path, json=call.body, auth=call.auth, timeout=60)
            assert answer.status_code == call.status, f"{call}: {answer.text}"
            faults = list(contract.faults(answer.json(), contract.payload(call.method, call.route, call.status)))
            assert not faults, f"{call.method} {call.path}: {faults}"
            assert answer.json(), f"{call.method} {call.path} proves nothing: its answer is empty"


@pytest.mark.field
def test_every_parameter_and_body_field_in_use_is_published(contract: Contract) -> None:
    for call in CALLS:
        endpoint = contract.endpoints[call.method, call.route]
        used = {part.partition("=")[0] for part in call.path.partition("?")[2].split("&") if part}
        assert used <= set(endpoint["query"]), f"{call.path}: {used - set(endpoint['query'])}"
        if call.body:
            unknown = [fault for fault in contract.faults(call.body, endpoint["body"]) if "is no field of" in fault]
            assert not unknown, f"{call.path}: {unknown}"


def test_every_route_of_the_stand_in_is_held_to_the_contract() -> None:
    """A route added without a call here would be an answer that nobody checked."""
    held = {
        (call.method, routes.find(call.method, call.path.partition("?")[0])[0].pattern)
        for call in CALLS
        if call.path != "/api/health" and call.status < 300
    }
    served = {
        (route.method, route.pattern)
        for route in routes.ROUTES
        if route.pattern not in UNPUBLISHED | NEED_A_SERVER and not route.pattern.startswith("/apis")
    }
    assert served == held


@pytest.mark.field
def test_a_failing_database_is_told_as_health_is(contract: Contract, tmp_path: Path) -> None:
    """The contract gives the 503 an error's body; servers send health's own, with "failing" in it."""
    assert contract.payload("GET", "/api/health", 503) == "ErrorResponseBody"
    with serving(tmp_path) as url:
        answer = requests.get(url + "/api/health", timeout=60)
    assert answer.status_code == 503
    assert not list(contract.faults(answer.json(), "HealthResponse"))


@pytest.mark.field
@pytest.mark.parametrize(
    ("value", "kind", "fault"),
    [
        ([{"uid": "a", "titel": "b"}], "HitList", "body[0].titel is no field of Hit"),
        ([{"uid": 1}], "HitList", "body[0].uid is 1, not a string"),
        ({"id": True}, "Folder", "body.id is True, not a int64"),
        ({"parents": [{"created": "yesterday"}]}, "Folder", "body.parents[0].created is 'yesterday', not a strfmt.DateTime"),
        ({}, "ErrorResponseBody", "body lacks message, which ErrorResponseBody requires"),
        ({}, "HitList", "body is no list"),
        ([], "Folder", "body is no Folder"),
        ({"secureJsonFields": {"password": "secret"}}, "DataSource", "body.secureJsonFields.password is 'secret', not a bool"),
    ],
)
def test_the_checker_finds_what_is_wrong(contract: Contract, value: Any, kind: str, fault: str) -> None:
    assert list(contract.faults(value, kind)) == [fault]
