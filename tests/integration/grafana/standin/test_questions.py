"""What Lifeboat asks of a copy is what a real Grafana 12.4.3 was recorded to answer, and it understands those answers.

The recorded server answers in place of the copy; its own database says what it has to answer. What was never recorded is answered
by the stand-in, and listed here with a reason.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from backups.services.grafana.api.read import read
from backups.services.grafana.client import USER_HEADER, Client
from backups.services.grafana.files import answers, objects
from backups.services.grafana.files.database import opened
from backups.witness import Fact
from deployments.grafana_standin.serving import serving
from tests.conftest import FIELD_DATA
from tests.integration.grafana.standin import recorded
from tests.integration.grafana.standin.replaying import Question, question, replaying

pytestmark = pytest.mark.field
NOW = datetime(2026, 11, 29, 1, 45, tzinfo=UTC)
PROXY = {"GF_AUTH_PROXY_ENABLED": "true", "GF_AUTH_PROXY_HEADER_NAME": USER_HEADER, "GF_STANDIN_VERSION": "12.4.3"}

ALERTING = re.compile(r"/api/(v1/provisioning|alertmanager|ruler)")
KINDS = ("alert rule", "contact point", "silence")

NOT_RECORDED = {
    r"/api/search\?.*type=dash-folder": "the same search was recorded for dashboards; folders were asked for by /api/folders",
    r"/api/folders/[^/?]+\?": "one folder is answered as POST /api/folders answered it, and its 404 was recorded",
    r"/api/alertmanager/grafana/api/v2/silences\?": "recorded of a server without silences; one with them is in test_serving's own",
}
"""Questions that nobody asked while the server was recorded, with what they are held to instead."""


NOT_RECORDED_BY_API = {
    r"/api/search\?.*type=dash-folder": "the same search was recorded for dashboards",
    r"/api/access-control/serviceaccounts/\d+\?": "recorded of a server where nobody was given a service account (extra/033)",
    r"/api/ruler/grafana/api/v1/rules\?": "recorded of the restored server, which the stand-in is held to (extra/044)",
    r"/api/v1/provisioning/contact-points/export\?": "seen to answer 200 with the secrets, and not recorded: it is the published shape",
    r"/apis/dashboard.grafana.app/(v0alpha1|v2beta1)/": "recorded as v1beta1 (031, 050), whose objects say in which version they are stored",
    r"/apis/playlist.grafana.app(/v1/.*)?\?": "recorded of the restored server (extra/036); which versions there are is Kubernetes' own answer",
}
"""The same, for `method: api`."""


def _unlisted(asked: set[Question], listed: Mapping[str, str]) -> tuple[set[str], list[str]]:
    """What was asked and is not listed, and what is listed and was not asked."""
    written = {f"{path}?{'&'.join('='.join(pair) for pair in parameters)}" for _, path, parameters in asked}
    return (
        {one for one in written if not any(re.match(pattern, one) for pattern in listed)},
        [pattern for pattern in listed if not any(re.match(pattern, one) for one in written)],
    )


@dataclass
class Copy:
    """The recorded server in place of a copy. `unrecorded`: what the stand-in was asked in its place; `changed`: what it answers otherwise."""

    database: Path
    url: str
    unrecorded: set[Question]
    changed: dict[Question, Any]

    @cached_property
    def expected(self) -> set[Fact]:
        """What its database says that it answers."""
        with opened(self.database) as database:
            return set(answers.expected(database, objects.read(database)))

    def observed(self) -> set[Fact]:
        """What it answers."""
        with opened(self.database) as database:
            return set(answers.observed(self.url, database, objects.read(database), muting_at=NOW))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    data, unrecorded, changed = tmp_path_factory.mktemp("lived-in"), set[Question](), dict[Question, Any]()
    shutil.copyfile(FIELD_DATA / "grafana" / "db" / "lived-in-12.4.3.db", data / "grafana.db")
    with serving(data, **PROXY, GF_SECURITY_SECRET_KEY="k7Qxgsrc") as standin, replaying(standin, unrecorded, changed) as url:
        yield Copy(data / "grafana.db", url, unrecorded, changed)


def test_every_recorded_answer_is_what_its_database_says(copy: Copy) -> None:
    expected = copy.expected
    assert copy.observed() == expected
    assert len(expected) > 70
    assert _unlisted(copy.unrecorded, NOT_RECORDED) == (set(), []), (
        "ask what was recorded, or say here what holds the answer instead"
    )


def test_the_api_is_read_from_recorded_answers_as_from_the_stand_ins(tmp_path: Path) -> None:
    """Every object is the same, whoever answers, and nothing is refused."""
    shutil.copyfile(FIELD_DATA / "grafana" / "db" / "lived-in-12.4.3.db", tmp_path / "grafana.db")
    unrecorded = set[Question]()
    with serving(tmp_path, **PROXY, GF_SECURITY_SECRET_KEY="k7Qxgsrc") as standin, replaying(standin, unrecorded, {}) as url:
        real, ours = (read(Client.basic(one, "admin", "secret1")) for one in (url, standin))
    assert len(real.bodies) > 90
    assert set(real.bodies) == set(ours.bodies)
    assert [str(key) for key, body in real.bodies.items() if body != ours.bodies[key]] == []
    assert (real.closed, ours.closed) == ({}, {})
    assert _unlisted(unrecorded, NOT_RECORDED_BY_API) == (set(), [])


@pytest.mark.parametrize(
    ("route", "path", "value"),
    [
        ("/api/dashboards/uid/d-ops", ["dashboard", "panels", 0, "title"], "Another"),
        ("/api/dashboards/uid/d-ops", ["meta", "folderUid"], "f-dev"),
        ("/apis/dashboard.grafana.app/v2beta1/namespaces/default/dashboards/d-v2", ["spec", "title"], "Another"),
        ("/api/datasources/uid/my1", ["url"], "elsewhere:3306"),
        ("/api/datasources/uid/my1", ["secureJsonFields"], {"password": True}),
        ("/api/library-elements?perPage=500&page=1", ["result", "elements", 0, "model", "title"], "Another"),
        ("/api/v1/provisioning/alert-rules", [0, "for"], "7m"),
        ("/api/v1/provisioning/alert-rules", [0, "labels", "t"], "y"),
        ("/api/v1/provisioning/contact-points", [0, "type"], "email"),
        ("/api/v1/provisioning/contact-points", [], []),
        ("/api/v1/provisioning/alert-rules", [], []),
        ("/api/datasources", [], []),
    ],
)  # fmt: skip
def test_a_recorded_answer_that_is_another_is_noticed(route: str, path: list[Any], value: Any, copy: Copy) -> None:
    [body] = [one.body for one in recorded.answers() if (one.session, one.route, one.organisation) == ("recadm", route, "1")]
    if path:
        inner = body
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
    else:
        body = value
    copy.changed[question("1", route)] = body
    try:
        assert copy.observed() != copy.expected
    finally:
        copy.changed.clear()


@pytest.mark.parametrize("silent", [{1, 2}, {1}, {2}])
def test_of_an_organisation_without_alerting_nothing_of_it_is_asked_or_expected(silent: set[int], copy: Copy) -> None:
    asked: list[tuple[str, str]] = []

    def once(client: Client, method: str, address: str, *rest: Any) -> Any:
        asked.append((str(client.organisation), address))
        return ask(client, method, address, *rest)

    ask = Client._once
    with opened(copy.database) as database, pytest.MonkeyPatch.context() as patched:
        patched.setattr(Client, "_once", once)
        found = objects.read(database)
        expected = set(answers.expected(database, found, silent))
        assert set(answers.observed(copy.url, database, found, silent, muting_at=NOW)) == expected
    of_alerting = {organisation for organisation, address in asked if ALERTING.search(address)}
    assert of_alerting == {"1", "2"} - {str(one) for one in silent}
    assert not any(fact.subject.startswith(f"org {one} {kind}") for one in silent for kind in KINDS for fact in expected)
    assert len(asked) > 30
