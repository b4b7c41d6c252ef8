"""Questions are chosen by a seed, written so that PromQL understands them, and believed only when their answers hold still."""

import random

import pytest

from backups.errors import LifeboatError
from backups.services.prometheus import configuration, horizon, questions
from backups.services.prometheus.details import Configuration, Instant, Questions, Sample
from backups.services.prometheus.questions import Span
from backups.services.prometheus.version import check_same_major, major
from backups.witness import Fact


def test_instants_lie_in_data_and_before_the_limit_and_hold_the_newest() -> None:
    spans = [Span(1000, 2000, 1), Span(5000, 6000, 2), Span(8000, 9000, 3)]
    moments = questions._instants(spans, 8500, random.Random(1))
    assert len(moments) == questions.INSTANTS
    assert moments[-1] == (8500, 3)
    assert all(any(span.start <= at <= span.end and span.series == series for span in spans) for at, series in moments)
    assert {series for _, series in moments} == {1, 2, 3}


def test_many_blocks_get_no_more_instants_than_few() -> None:
    spans = [Span(start, start + 90, 1) for start in range(0, 100_000, 100)]
    moments = questions._instants(spans, 10**9, random.Random(1))
    assert len(moments) == questions.INSTANTS
    assert moments[0][0] < 100
    assert moments[-1][0] == spans[-1].end


@pytest.mark.parametrize("spans", [[], [Span(1000, 2000, 1)]])
def test_there_are_no_instants_without_data_old_enough(spans: list[Span]) -> None:
    assert questions._instants(spans, 999, random.Random(1)) == []


def test_one_second_of_data_gets_one_instant() -> None:
    assert questions._instants([Span(1000, 1000, 4)], 2000, random.Random(1)) == [(1000, 4)]


def test_the_same_seed_chooses_the_same() -> None:
    spans = [Span(0, 10_000, 1)]
    first, again, other = (questions._instants(spans, 9000, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_selector_quotes_values_and_names_that_need_it() -> None:
    labels = {"__name__": "up", "note": 'a "quoted" \\ name\n', "dotted.name": "é"}
    assert questions._selector(labels) == '{__name__="up","dotted.name"="é",note="a \\"quoted\\" \\\\ name\\n"}'


def test_answers_that_changed_or_were_refused_are_left_out() -> None:
    """Two refusals are equal, and prove nothing."""
    refusal = "no answer: too many samples"
    before = [Fact("a", "series", 1), Fact("b", "series", 2), Fact("c", "series", refusal)]
    after = [Fact("a", "series", 1), Fact("b", "series", 3), Fact("c", "series", refusal)]
    assert questions.settled(before, after) == ([before[0]], (("b", "series"), ("c", "series")))


def test_the_first_question_is_the_newest() -> None:
    asked = Questions(seed=1, instants=(Instant(at=1), Instant(at=9)), metrics=("up",), samples=(Sample(at=5, selector="{}"),))
    singles = list(questions.one_by_one(asked))
    assert [single.instants for single in singles] == [(Instant(at=9),), (Instant(at=1),), ()]
    assert singles[-1].samples == asked.samples


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("0", 0), ("0s", 0), ("1w", 604800)])
def test_spans_of_time_are_read_as_prometheus_writes_them(text: str, seconds: float) -> None:
    assert horizon.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10", "5s later"])
def test_what_is_no_span_of_time_is_reported(text: str) -> None:
    with pytest.raises(LifeboatError, match="is not a duration as Prometheus writes it"):
        horizon.seconds(text)


def test_the_margin_is_the_longest_scrape_under_way() -> None:
    jobs = "scrape_configs: [{job_name: a, scrape_timeout: 45s}, {job_name: b, scrape_timeout: 2s}]"
    assert horizon.of(f"global: {{scrape_timeout: 1s}}\n{jobs}").margin == 50
    assert horizon.of("global: {scrape_timeout: 1s}").margin == 6
    assert horizon.of("").margin == 15


def test_late_samples_move_the_limit_back_by_their_window_and_what_memory_keeps() -> None:
    """Prometheus leaves late samples that are in memory out of its snapshots."""
    assert horizon.of("storage: {tsdb: {out_of_order_time_window: 30m}}").margin == 15 + 1800 + 3 * 3600


def test_late_samples_still_in_memory_count_after_their_window_was_turned_off() -> None:
    """A reload turns the window off at once; what it took stays in memory until the head is compacted."""
    found = horizon.of("global: {scrape_timeout: 1s}", late_samples=150)
    assert found.margin == 6 + 3 * 3600
    assert found.leaves_out is not None
    assert "150" in found.leaves_out
    assert horizon.of("global: {scrape_timeout: 1s}").leaves_out is None


@pytest.mark.parametrize("scalar", ["=", "<<", "2026-11-29", "0o17", "~", "1:30", ".inf", "!!binary x", "yes"])
def test_whatever_yaml_makes_of_a_scalar_the_configuration_is_read(scalar: str) -> None:
    """Prometheus prints them plain; only two spans of time are wanted of it all."""
    jobs = f"scrape_configs: [{{job_name: a, scrape_timeout: 45s, relabel_configs: [{{separator: {scalar}}}]}}]"
    found = horizon.of(jobs)
    assert (found.margin, found.unreadable) == (50, False)


@pytest.mark.parametrize("content", ["a: [", "- a list", "text", "\t: x"])
def test_a_configuration_that_is_none_stops_no_backup_and_is_told(content: str) -> None:
    found = horizon.of(content)
    assert found.unreadable
    assert found.margin >= 3 * 3600 + 3600


@pytest.mark.parametrize(("text", "number"), [("3.5.3+ds1", 3), ("2.53.0", 2), ("v3.0.0-rc.1", 3)])
def test_the_major_version_is_its_first_number(text: str, number: int) -> None:
    assert major(text) == number


def test_versions_of_another_major_are_refused_and_what_is_no_version_is_reported() -> None:
    check_same_major("3.5.0", "3.9.1", "prom/prometheus:v3.9.1")
    with pytest.raises(LifeboatError, match=r"the source is Prometheus 2\.53\.0, the image x holds 3\.5\.0"):
        check_same_major("2.53.0", "3.5.0", "x")
    with pytest.raises(LifeboatError, match="'latest' is not a version"):
        major("latest")


def test_the_verdict_on_a_configuration_is_promtools_own() -> None:
    where = Configuration(main="prometheus.yml", directory="/etc/prometheus", checked=True)
    good = configuration.verdict(where, (0, "Checking /etc/prometheus/prometheus.yml\n SUCCESS: 1 rule files found\n"))
    assert configuration.accepted(good)
    said = "Checking /etc/prometheus/prometheus.yml\n  FAILED: parsing YAML file:\n\tline 3: no such key\n"
    bad = configuration.verdict(where, (1, said))
    assert bad.value == "refused: parsing YAML file: line 3: no such key"
    assert not configuration.accepted(bad)


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
def test_a_configuration_that_is_nested_without_end_cannot_be_read(bracket: str) -> None:
    """libyaml's binding would end the whole process."""
    assert horizon.parsed("a:\n  " + bracket * 100_000) is None
    assert horizon.parsed("a:\n  [[[b]]]") == {"a": [[["b"]]]}
