"""A backup keeps what dashboards are answered, directly and through a Grafana alike, and its copy answers the same."""

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Transient
from backups.machine import runs
from backups.manifest import Manifest
from backups.panels import asking
from backups.panels.boards import DataSource
from backups.panels.compare import answer_of, compared
from backups.panels.question import FILE, Answer, Asker, Panels, Question, Way
from backups.services.base import PanelsJob
from backups.services.grafana.asking import through
from backups.services.grafana.client import Client
from backups.services.prometheus.details import PrometheusDetails
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving
from tests.integration.prometheus.conftest import Harness, make_harness
from tests.servers.prometheus import PrometheusServer
from tests.unit.panels.answers import question

pytestmark = pytest.mark.docker
UID = "agama-prometheus"
END = (int(time.time()) // 7200 * 7200 - 600) * 1000
TOO_NEW = int(time.time() + 3600) * 1000


def ask(id_: str, expr: str, **more: Any) -> Question:
    query = {"expr": expr, "datasource": {"type": "prometheus", "uid": UID}, "intervalMs": 60_000, "maxDataPoints": 500}
    query |= {name: more.pop(name) for name in ("instant", "range", "interval") if name in more}
    return question(query, id=id_, **({"start": END - 6 * 3_600_000, "end": END} | more))


QUESTIONS = (
    ask("range", "room_temperature"),
    ask("both", "avg by (note) (rate(room_temperature[$__rate_interval]))", instant=True, range=True),
    ask("instant", "topk(3, rowers)", instant=True, range=False),
    ask("ratio", "room_temperature / 0 - room_temperature / 0", instant=True, range=False),
    ask("values", "", resource=f"api/v1/label/machine/values?match[]=rowers&start={END // 1000 - 3600}&end={END // 1000}"),
    ask("result", "", resource=f"api/v1/query?query=rowers&time={END // 1000}"),
    ask("empty", "no_such_metric"),
    ask("error", "rate("),
    ask("late", "up", end=TOO_NEW),
)
RECKONED = question(
    {"refId": "B", "datasource": {"type": "__expr__", "uid": "__expr__"}, "type": "reduce", "expression": "A", "reducer": "mean"},
    id="reckoned", start=END - 3_600_000, end=END, beside=(dict(QUESTIONS[0].query),),
)  # fmt: skip
SOURCES = (DataSource(1, UID, "Agama Prometheus", "prometheus", "http://prometheus:9090", settings={"timeInterval": "15s"}),)
PANELS = PanelsJob("grafana-20261130T000000Z", (*QUESTIONS, RECKONED), SOURCES)


@contextmanager
def grafana(source: PrometheusServer, directory: Path) -> Iterator[Asker]:
    """The stand-in over the source."""
    build(directory / "grafana.db", layout="resource", prometheus_url=source.url)
    with serving(directory) as url, closing(Client.basic(url, "admin", "admin", direct=True).line):
        yield through(Client.basic(url, "admin", "admin", direct=True))


def back_up(harness: Harness, panels: PanelsJob) -> Manifest:
    """A full with these questions."""
    capture = harness.service.capture
    harness.service.capture = lambda job: capture(replace(job, panels=panels))  # type: ignore[method-assign]
    try:
        return harness.back_up("full")
    finally:
        harness.service.capture = capture  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def backup(
    tmp_path_factory: pytest.TempPathFactory, prometheus_source: PrometheusServer
) -> Iterator[tuple[Harness, Manifest, Panels]]:
    """A backup that was asked directly, and what it keeps."""
    state = tmp_path_factory.mktemp("panels-state")
    with runs.start(state) as run:
        harness = make_harness(prometheus_source, run, state)
        manifest = back_up(harness, PANELS)
        with harness.fetched(manifest.id) as copy:
            panels = asking.read((copy._last.data / FILE).read_bytes(), FILE)
        yield harness, manifest, panels


def by_question(panels: Panels) -> dict[str, Answer]:
    return {answer.question: answer for answer in panels.answers}


def test_questions_and_answers_are_in_the_backup_and_what_was_not_asked_is_one_of_its_limits(
    backup: tuple[Harness, Manifest, Panels],
) -> None:
    _, manifest, panels = backup
    assert panels.questions == tuple(PANELS.questions)
    found = {name: answer.outcome for name, answer in by_question(panels).items()}
    assert found == {
        **dict.fromkeys(("range", "both", "instant", "ratio", "values", "result"), "answered"), "empty": "empty", "error": "error",
        "late": "not-asked", "reckoned": "not-asked",
    }  # fmt: skip
    answers = by_question(panels)
    assert answers["range"].executed == "Expr: room_temperature\nStep: 1m0s"
    assert answers["range"].rows > 12 * 300
    assert (answers["values"].rows, answers["error"].error) == (5, "bad_data")
    limits = [limit for limit in manifest.details["limits"] if limit.startswith("what dashboards")]
    assert len(limits) == 1
    assert "2 questions of 10 not asked, first: Orders, panel 4 Orders: its window ends" in limits[0]
    assert "an expression" in str(answers["reckoned"].why)


def test_a_copy_answers_as_its_source_did_and_one_without_a_block_does_not(backup: tuple[Harness, Manifest, Panels]) -> None:
    harness, manifest, panels = backup

    def outcomes(spoil: Callable[[Path], None] = lambda _: None) -> dict[str, str]:
        with harness.fetched(manifest.id) as copy:
            copy.assemble()
            spoil(copy.data_directory)
            copy.start()
            with copy.asker(SOURCES) as asker:
                now = asking.ask_all(asker, panels.questions, math.inf)
        return {answer.question: compared(answer, now[answer.question]).outcome for answer in panels.answers}

    expected = {
        **dict.fromkeys(("range", "both", "instant", "ratio", "values", "result"), "equal"), "empty": "empty-at-source",
        "error": "error-at-source", "late": "not-asked", "reckoned": "not-asked",
    }  # fmt: skip
    assert outcomes() == expected
    held = [block.ulid for block in PrometheusDetails.of(manifest).blocks if block.min_time < END - 3_600_000 < block.max_time]
    assert held
    without = outcomes(lambda data: [shutil.rmtree(data / ulid) for ulid in held] and None)
    assert without["range"] == "otherwise"
    assert {without[name] for name in ("error", "late", "reckoned")} == {"error-at-source", "not-asked"}


def test_a_grafana_gives_the_same_answers_and_those_that_only_it_can(
    backup: tuple[Harness, Manifest, Panels], tmp_path: Path
) -> None:
    """What was recorded in one way is not compared with the other; that both agree shows that each asks as Grafana does."""
    harness, _, panels = backup
    with grafana(harness.source, tmp_path) as asker:
        for each, direct in zip(panels.questions, panels.answers, strict=True):
            if each.id == "late":
                continue
            answer = answer_of(each, asker.ask(each))
            if each.id == "reckoned":
                assert (answer.outcome, answer.rows) == ("answered", 12)
            else:
                assert answer == direct, each.id
        again = back_up(harness, replace(PANELS, through=asker))
    with harness.fetched(again.id) as copy:
        kept = asking.read((copy._last.data / FILE).read_bytes(), FILE)
    assert kept.asked == "grafana"
    assert by_question(kept)["reckoned"].outcome == "answered"


def test_a_grafana_that_answers_nothing_is_not_waited_for_and_the_backup_goes_on(
    backup: tuple[Harness, Manifest, Panels],
) -> None:
    harness, *_ = backup

    class Hanging:
        way: Way = "grafana"
        asked = 0

        def ask(self, _: Question) -> dict[str, Any]:
            self.asked += 1
            raise Transient("no answer after 30 s")

    hanging = Hanging()
    manifest = back_up(harness, replace(PANELS, through=hanging))
    (limit,) = [limit for limit in manifest.details["limits"] if limit.startswith("what dashboards")]
    assert "10 questions of 10 not asked, first: Orders, panel 4 Orders: no answer after 30 s" in limit
    assert hanging.asked == 5


def test_which_data_sources_it_answers(prometheus_source: PrometheusServer, backup: tuple[Harness, Manifest, Panels]) -> None:
    harness, *_ = backup
    for url, kind, answers in (
        (prometheus_source.url, "prometheus", True),
        (f"{prometheus_source.url}/", "prometheus", True),
        (prometheus_source.url, "loki", False),
        (prometheus_source.url.replace("9090", "9091"), "prometheus", False),
        (f"{prometheus_source.url}/below", "prometheus", False),
        ("http://no-such-host.invalid:9090", "prometheus", False),
        ("http://[", "prometheus", False),
        ("", "prometheus", False),
    ):
        assert harness.service.answers(replace(SOURCES[0], url=url, type=kind)) is answers, url
    with harness.service.asker(SOURCES) as asker:
        assert asker.ask(QUESTIONS[0])["frames"]
