"""Each list of Grafana's API is read by a kind, or left out with a reason that a backup tells."""

import json
from collections import Counter
from typing import Any

import pytest

from backups.services.grafana.api import kinds, left_out, not_restorable
from backups.services.grafana.api.objects import Objects
from tests.conftest import FIELD_DATA
from tests.unit.grafana.api.fake import Fake, faked

TABLES = (
    *left_out.READ,
    *(route for one in left_out.LEFT_OUT for route in one.routes),
    *left_out.NAMED,
    *(route for routes in left_out.NO_STATE.values() for route in routes),
)


def test_a_route_is_in_one_table_only() -> None:
    assert [route for route, count in Counter(TABLES).items() if count > 1] == []


@pytest.mark.field
def test_every_route_of_the_published_contract_is_read_or_left_out_with_a_reason() -> None:
    """A route of a newer contract fails here until somebody decides what a backup does with it."""
    contract = json.loads((FIELD_DATA / "grafana" / "api" / "endpoints-13.0.0.json").read_text())["endpoints"]
    published = {one["path"] for one in contract if one["method"] == "GET"}
    assert len(published) > 100
    assert published - set(TABLES) == set(), "decide: read by a kind, left out, or no state"
    assert set(TABLES) - published == set(), "the contract has no such route"


def test_every_kind_is_read_from_some_route() -> None:
    """Whatever is read by a kind is named by one of the kinds, and every kind says where it is read."""
    named = {value for name, value in vars(kinds).items() if name.isupper()}
    assert set(left_out.READ.values()) == named


@pytest.mark.parametrize(
    ("answer", "enterprise"),
    [
        ((200, {"buildInfo": {"edition": "Open Source"}}), False),
        ((200, {"buildInfo": {"edition": "Enterprise"}}), True),
        ((200, {}), True),
        ((403, {"message": "no"}), True),
    ],
)
def test_what_only_a_licensed_server_has_is_told_of_such_a_server_only(answer: tuple[int, Any], enterprise: bool) -> None:
    objects = Objects()
    with faked(Fake({"GET /api/frontend/settings": answer})) as client:
        not_restorable.edition(client, objects)
    not_restorable.sum_up(objects)
    assert any("permissions on data sources" in line for line in objects.limits) == enterprise
    for one in left_out.LEFT_OUT:
        assert (one.what in objects.limits) == (enterprise or not one.enterprise)


@pytest.mark.parametrize(
    "what",
    [
        "history of dashboards",
        "deleted ones",
        "silences",
        "short urls",
        "uids of teams",
        "invitations",
        "single sign-on",
        "stars",
    ],
)
def test_what_people_would_miss_is_told(what: str) -> None:
    assert any(what in line for line in left_out.told(enterprise=False))
