"""Whatever JSON a server answers where Prometheus or Grafana is expected: it is read, or there is an error that names the server."""

import copy
import json
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from backups.errors import LifeboatError
from backups.services.grafana.api import facts, not_restorable
from backups.services.grafana.api.objects import Objects
from backups.services.grafana.api.put import put
from backups.services.grafana.api.read import read
from backups.services.grafana.client import Client
from backups.services.http.answer import Answer
from backups.services.http.bounds import Bounds
from backups.services.prometheus import horizon, loss, questions, ranges
from backups.services.prometheus.api import Api
from backups.services.prometheus.details import Instant, Questions
from backups.services.prometheus.questions import Span
from backups.witness import Fact

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(st.characters(), max_size=6)
    | st.just("\ud800")
    | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uid", "id", "name", "metric", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
SEEDS = st.integers(0, 2**32)


def changed(value: Any, chance: random.Random, by: Any) -> Any:
    """The same JSON with one value of it, anywhere, replaced or left out."""
    value = copy.deepcopy(value)
    places: list[tuple[Any, Any]] = []
    left = [value]
    while left:
        one = left.pop()
        inside = list(one.items()) if isinstance(one, dict) else list(enumerate(one)) if isinstance(one, list) else []
        places += [(one, key) for key, _ in inside]
        left += [inner for _, inner in inside]
    if not places or chance.random() < 0.1:
        return by
    container, key = chance.choice(places)
    if chance.random() < 0.2:
        del container[key]
    else:
        container[key] = by
    return value


# Prometheus

PROMETHEUS: dict[str, Any] = {
    "/api/v1/status/buildinfo": {"version": "3.5.0"},
    "/api/v1/status/flags": {"config.file": "/etc/prometheus/prometheus.yml", "storage.tsdb.path": "/prometheus"},
    "/api/v1/status/config": {"yaml": "global:\n  scrape_timeout: 10s\n"},
    "/api/v1/rules": {"groups": [{"file": "/etc/prometheus/rules.yml"}]},
    "/api/v1/query": {
        "resultType": "vector",
        "result": [{"metric": {"__name__": "up", "job": "node"}, "value": [1.5, "1"], "values": [[1.5, "1"]], "histograms": []}],
    },
    "/api/v1/label/__name__/values": ["up", "down"],
    "/api/v1/admin/tsdb/snapshot": {"name": "20261129T000006Z-0123456789abcdef"},
    "/api/v1/status/walreplay": {"min": 0, "max": 40, "current": 7},
}


class Scripted(Api):
    """Answers each path with `answers`, whatever is asked."""

    answers: Mapping[str, Any] = PROMETHEUS
    metrics = "prometheus_tsdb_head_series 5\n"

    def _send(self, method: str, path: str, parameters: Any = None, bounds: Bounds = Bounds()) -> Answer:  # noqa: B008
        body = self.metrics if path == "/metrics" else json.dumps(self.answers.get(path))
        return Answer(f"{method} http://p:9090{path}", 200, "OK", {}, body.encode("utf-8", "surrogatepass"))


def _every_question(api: Api) -> Iterator[object]:
    """Each call, apart: an error of one keeps no other from being tried."""
    span = [Span(1_000, 200_000, 3, 10)]
    asked = Questions(seed=1, instants=(Instant(at=1_000),), metrics=("up",), samples=(), refused=())
    for call in (
        api.version,
        api.flags,
        api.configuration,
        api.rule_files,
        api.gauges,
        api.clock,
        api.snapshot,
        api.ready,
        lambda: api.metric_names(0, 1),
        lambda: api.total("up"),
        lambda: horizon.look(api),
        lambda: questions.plan(api, span, until=150_000, seed=1),
        lambda: list(questions.ask(api, asked)),
        lambda: ranges.choose(api, span, until=150_000, seed=1),
    ):
        try:
            yield call()
        except LifeboatError as error:
            yield error


@hypothesis(max_examples=60, deadline=None)
@given(seed=SEEDS, by=JSON, path=st.sampled_from(sorted(PROMETHEUS)), whole=st.booleans())
def test_any_json_of_a_prometheus_is_read_or_told(seed: int, by: Any, path: str, whole: bool) -> None:
    api = Scripted("http://p:9090")
    inner = {"status": "success", "data": PROMETHEUS[path]}
    odd = (
        changed(inner, random.Random(seed), by) if whole else inner | {"data": changed(PROMETHEUS[path], random.Random(seed), by)}
    )
    api.__dict__["answers"] = {name: {"status": "success", "data": data} for name, data in PROMETHEUS.items()} | {path: odd}
    for found in _every_question(api):
        if isinstance(found, LifeboatError):
            assert "p:9090" in found.message or "is not a duration" in found.message


@pytest.mark.parametrize("value", ["NaN", "1e999", "-Inf", "1e308", "0x10", "-"])
def test_any_number_of_its_metrics_is_read_or_left_out(value: str) -> None:
    api = Scripted("http://p:9090")
    api.__dict__["metrics"] = f"prometheus_tsdb_head_series {value}\n{horizon.LATE_SAMPLES} {value}\n"
    assert len(list(_every_question(api))) == 14


def test_what_would_be_lost_is_told_by_any_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("x", "NaN", "1e999", None, {}, []):
        api = Scripted("http://p:9090")
        answer = {"resultType": "vector", "result": [{"metric": {}, "value": [1, value]}]}
        api.__dict__["answers"] = {"/api/v1/query": {"status": "success", "data": answer}}
        monkeypatch.setattr(loss.Api, "of", lambda _, api=api: api)
        monkeypatch.setattr(Scripted, "clock", lambda _: 2_000)
        with pytest.raises(LifeboatError, match="p:9090"):
            list(loss.look(None, [Fact("block x", "max time", 1_000_000)]))  # type: ignore[arg-type]


# Grafana

GRAFANA: dict[str, Any] = {
    r"/api/orgs": [{"id": 1, "name": "Main Org."}],
    r"/api/orgs/1": {"message": "ok"},
    r"/api/org": {"id": 1, "name": "Main Org."},
    r"/api/users": [{"id": 1, "login": "admin", "email": "a@b", "name": "A", "isAdmin": True, "isDisabled": False}],
    r"/api/org/users": [{"userId": 1, "login": "admin", "email": "a@b", "name": "A", "role": "Admin"}],
    r"/api/serviceaccounts/search": {"totalCount": 1, "serviceAccounts": [{"id": 2, "name": "sa", "role": "Admin", "tokens": 1}]},
    r"/api/serviceaccounts/.*/tokens": [{"id": 1, "name": "t"}],
    r"/api/access-control/serviceaccounts/.*": [
        {"isManaged": True, "isInherited": False, "userLogin": "admin", "permission": "Edit"}
    ],
    r"/api/teams/search": {"totalCount": 1, "teams": [{"id": 3, "name": "crew", "email": ""}]},
    r"/api/teams/.*/members": [{"userId": 1, "login": "admin", "permission": 4}],
    r"/api/(teams/.*|org)/preferences": {"theme": "dark", "homeDashboardUID": ""},
    r"/api/frontend/settings": {"namespace": "default", "buildInfo": {"edition": "Open Source"}},
    r"/api/folders": [{"uid": "f", "title": "F"}],
    r"/api/(folders/.*|dashboards/uid/.*)/permissions": [
        {"teamId": 3, "team": "crew", "permission": 1},
        {"userId": 1, "userLogin": "admin", "permission": 4, "inherited": False},
        {"role": "Viewer", "permission": 1},
    ],
    r"/apis/.*": {
        "metadata": {"continue": ""},
        "items": [{"metadata": {"name": "f"}, "spec": {"description": "d"}, "status": {"conversion": {"storedVersion": "v1"}}}],
    },
    r"/api/search": [{"uid": "d", "title": "D", "type": "dash-db"}],
    r"/api/dashboards/uid/[^/]*": {
        "dashboard": {
            "title": "D",
            "panels": [{"datasource": {"uid": "x"}, "libraryPanel": {"uid": "l"}}],
            "templating": {"list": [{"name": "v"}]},
        },
        "meta": {"folderUid": "f", "version": 2, "provisioned": True},
    },
    r"/api/library-elements": {
        "result": {
            "totalCount": 1,
            "elements": [{"uid": "l", "name": "L", "kind": 1, "model": {"a": 1}, "meta": {"folderUid": "f"}}],
        }
    },
    r"/api/datasources": [{"uid": "x", "name": "X"}],
    r"/api/datasources/uid/.*": {"uid": "x", "name": "X", "type": "prometheus", "secureJsonFields": {"password": True}},
    r"/api/playlists": [{"uid": "p", "name": "P", "interval": "1m"}],
    r"/api/playlists/.*/items": [{"type": "dashboard_by_uid", "value": "d"}],
    r"/api/annotations": [{"id": 1, "time": 1000, "timeEnd": 2000, "text": "t", "tags": ["a"]}],
    r"/api/dashboard/snapshots": [{"name": "s", "key": "k"}],
    r"/api/plugins": [{"id": "grafana-clock-panel", "signature": "valid", "info": {"version": "1"}}],
    r"/api/v1/provisioning/contact-points": [
        {"uid": "c", "name": "mail", "type": "email", "settings": {"addresses": "[REDACTED]"}}
    ],
    r"/api/v1/provisioning/contact-points/export": {
        "contactPoints": [{"name": "mail", "receivers": [{"uid": "c", "type": "email", "settings": {"addresses": "a@b"}}]}]
    },
    r"/apis/playlist.grafana.app": {
        "versions": [{"version": "v0alpha1"}, {"version": "v1"}],
        "preferredVersion": {"version": "v1"},
    },
    r"/api/v1/provisioning/policies": {"receiver": "mail", "routes": []},
    r"/api/v1/provisioning/mute-timings": [{"name": "night", "time_intervals": []}],
    r"/api/v1/provisioning/templates": [{"name": "t", "template": "x"}],
    r"/api/v1/provisioning/alert-rules": [{"uid": "r", "folderUID": "f", "ruleGroup": "g"}],
    r"/api/v1/provisioning/folder/.*/rule-groups/.*": {
        "interval": 60,
        "rules": [{"uid": "r", "for": "5m", "data": [{"datasourceUid": "x"}]}],
    },
}
WRITTEN: dict[str, Any] = {"id": 7, "orgId": 1, "teamId": 3, "userId": 1, "uid": "u", "message": "ok"}


@cache
def _route(path: str) -> str | None:
    """The longest of the routes that a path fits."""
    return max((route for route in GRAFANA if re.fullmatch(route, path)), key=len, default=None)


class Wire:
    """In place of a `Line`: answers by GRAFANA, one route of it changed."""

    last, received = "GET http://g:3000", 0

    def __init__(self, route: str = "", odd: Any = None, written: Any = None) -> None:
        self._routes = {**GRAFANA, **({route: odd} if route else {})}
        self._written = WRITTEN if written is None else written

    def ask(self, method: str, path: str, bounds: Bounds, **_: Any) -> Answer:
        route = _route(path)
        found = self._routes[route] if route else {"message": "no"}
        answer = found if method == "GET" else self._written
        if method == "GET" and path == "/api/folders" and "parentUid" in (_.get("params") or {}):
            answer = self._routes[r"/api/folders"]  # a folder in itself, too
        self.last = f"{method} http://g:3000{path}"
        return Answer(self.last, 200, "OK", {}, json.dumps(answer).encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """See `Line`."""


class _Wired(Client):
    """All that are made from one another have one wire."""

    wire: ClassVar[Wire]

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", _Wired.wire)


def _client(wire: Wire) -> Client:
    _Wired.wire = wire
    return _Wired("http://g:3000", "Bearer x", direct=True, pause=lambda _: None)


def _read_all(client: Client) -> Objects:
    objects = read(client)
    with client.understood():
        facts.facts(objects)
        not_restorable.secrets(objects)
    return objects


def test_the_answers_that_are_changed_are_all_read() -> None:
    objects = _read_all(_client(Wire()))
    assert not objects.closed
    assert len({key.kind for key in objects.bodies}) > 15


@pytest.mark.long
@hypothesis(max_examples=120, deadline=None)
@given(seed=SEEDS, by=JSON, route=st.sampled_from(sorted(GRAFANA)))
def test_any_json_of_a_grafana_is_read_or_told(seed: int, by: Any, route: str) -> None:
    with suppress(LifeboatError):
        _read_all(_client(Wire(route, changed(GRAFANA[route], random.Random(seed), by))))


@hypothesis(max_examples=40, deadline=None)
@given(seed=SEEDS, by=JSON)
def test_any_answer_to_what_is_written_is_read_or_told(seed: int, by: Any) -> None:
    wanted = _read_all(_client(Wire()))
    empty = {r"/api/users": [], r"/api/teams/search": {"totalCount": 0, "teams": []}}
    wire = Wire(written=changed(WRITTEN, random.Random(seed), by))
    wire._routes |= empty
    with suppress(LifeboatError):
        put(wanted, _client(wire))
