"""Order never matters, and any other change of an answer always does: NaN, infinities and null are four values."""

import copy
import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.panels import canonical
from backups.panels.compare import answer_of, compared, not_asked, settled
from backups.panels.question import Answer
from tests.unit.panels.answers import Json, field, frame, question, recorded, reply

Q = question()
ENTITIES = {"NaN": math.nan, "Inf": math.inf, "NegInf": -math.inf}
numbers = st.one_of(
    st.none(), st.sampled_from(list(ENTITIES)), st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9)
)
labels = st.dictionaries(st.sampled_from(["job", "instance", "le"]), st.sampled_from(["a", "b", ""]), max_size=3)


@st.composite
def frames(draw: st.DrawFn) -> Json:
    """A frame of a series: times, with parts of a millisecond, and numbers of every kind."""
    cells = draw(st.lists(numbers, min_size=1, max_size=4))
    odd: dict[str, list[int]] = {}
    for index, cell in enumerate(cells):
        if isinstance(cell, str):
            odd.setdefault(cell, []).append(index)
    column = [None if isinstance(cell, str) else cell for cell in cells]
    times = [1000 * index for index in range(len(cells))]
    nanos = draw(st.lists(st.integers(0, 999_999), min_size=len(cells), max_size=len(cells)))
    made = frame(field(times, name="Time", kind="time.Time"), field(column, labels=draw(labels)), nanos=[nanos, None])
    return made | {"data": made["data"] | ({"entities": [None, odd]} if odd else {})}


def digest(reply_: Json) -> str | None:
    answer = answer_of(Q, reply_)
    assert answer.outcome == "answered", answer
    return answer.digest


def changes(found: Json) -> dict[str, Json]:
    """The frame, changed in every way in which a panel would show something else, one at a time."""

    def changed(what: Any) -> Json:
        other = copy.deepcopy(found)
        what(other["schema"]["fields"], other["data"])
        return other

    def value(_: Any, data: Json) -> None:
        column = data["values"][1]
        odd = (data.get("entities") or [None, None])[1] or {}
        for places in odd.values():
            if 0 in places:
                places.remove(0)
        column[0] = 1.0 if column[0] is None else None

    def infinity(_: Any, data: Json) -> None:
        odd = (data.get("entities") or [None, None])[1] or {}
        was = next((name for name, places in odd.items() if 0 in places), None)
        if was:
            odd[was].remove(0)
        data["values"][1][0] = None
        odd.setdefault("NegInf" if was == "Inf" else "Inf", []).append(0)
        data["entities"] = [None, odd]

    def next_float(_: Any, data: Json) -> None:
        column = data["values"][1]
        column[0] = 5e-324 if column[0] is None or not column[0] else math.nextafter(column[0], math.inf)
        data.pop("entities", None)

    def nanos(_: Any, data: Json) -> None:
        data["nanos"][0][0] += 1

    def one_more(_: Any, data: Json) -> None:
        data["values"][0].append(99_000)
        data["values"][1].append(1.0)
        data["nanos"][0].append(0)

    return {
        "a value": changed(value),
        "an infinity": changed(infinity),
        "the next float": changed(next_float),
        "a nanosecond": changed(nanos),
        "a time": changed(lambda _, data: data["values"][0].__setitem__(0, 1)),
        "a row": changed(one_more),
        "a name": changed(lambda fields, _: fields[1].update(name="other")),
        "a type": changed(lambda fields, _: fields[1].update(type="string")),
        "a frame type": changed(lambda fields, _: fields[0]["typeInfo"].update(frame="int64")),
        "a label": changed(lambda fields, _: fields[1]["labels"].update(job="changed")),
        "one label more": changed(lambda fields, _: fields[1]["labels"].update(new="")),
    }


@given(st.lists(frames(), min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_frames_notices_and_names_to_be_shown_do_not_matter(found: list[Json], chance: random.Random) -> None:
    other = copy.deepcopy(found)
    chance.shuffle(other)
    for one in other:
        one["schema"]["meta"] = {"notices": [chance.random()]}
        one["schema"]["fields"][1]["config"] = {"displayNameFromDS": str(chance.random())}
        one["schema"]["fields"][0]["typeInfo"]["nullable"] = True
    assert digest(reply(*found)) == digest(reply(*other))


@given(st.lists(frames(), min_size=1, max_size=3), st.data())
@settings(max_examples=30)
def test_any_changed_value_name_type_label_entity_or_nanosecond_does(found: list[Json], data: st.DataObject) -> None:
    which = data.draw(st.integers(0, len(found) - 1))
    for what, changed in changes(found[which]).items():
        others = [*found[:which], changed, *found[which + 1 :]]
        assert digest(reply(*found)) != digest(reply(*others)), what
    for others in (found[:which] + found[which + 1 :], [*found, found[which]]):
        assert answer_of(Q, reply(*found)).digest != answer_of(Q, reply(*others)).digest, "a frame less, or one twice"


def test_four_cells_that_json_writes_as_null_are_four() -> None:
    cells = [frame(field([None]), **({"entities": [{name: [0]}]} if name else {})) for name in (None, *ENTITIES)]
    assert len({digest(reply(one)) for one in cells}) == 4
    assert digest(reply(frame(field(["NaN"], kind="string")))) not in {digest(reply(one)) for one in cells}


def test_a_number_is_one_however_json_writes_it() -> None:
    """Grafana writes 4 and -0, the conversion here 4.0 and -0.0."""
    assert digest(reply(frame(field([4, -0.0])))) == digest(reply(frame(field([4.0, 0]))))
    large = [digest(reply(frame(field([1 << 53 | one], kind="int64")))) for one in (0, 1)]
    assert large[0] != large[1], "whole numbers are not rounded"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["status", "error", "frames", "schema", "fields", "values", "data", "entities", "nanos", "resource", "name", "typeInfo", "frame", "labels"]), inner, max_size=4), max_leaves=12))  # fmt: skip
@settings(max_examples=100)
def test_no_reply_is_too_odd(found: Any) -> None:
    replies = [
        {"status": 200, "frames": found},
        {"frames": [found]},
        {"frames": [{"schema": found, "data": {}}]},
        {"resource": found},
    ]
    for one in (*replies, *([found] if isinstance(found, dict) else [])):
        answer = answer_of(Q, one)
        assert Answer.model_validate_json(json.dumps(answer.model_dump(), allow_nan=False).encode("utf-8", "replace")) == answer


@pytest.mark.parametrize(
    "data",
    [
        {"values": [[1.0], [2.0]]}, {"values": []}, {"values": [[1.0]], "entities": [{"NaN": [0]}]}, {"values": [[None]], "entities": [{"NaN": [1]}]},
        {"values": [[None]], "entities": [{"NaN": [-1]}]}, {"values": [[None]], "entities": [{"Odd": [0]}]}, {"values": [["1"]]}, {"values": [[True]]},
        {"values": [[1.0]], "nanos": [[1, 2]]}, {"values": [[10**400]]},
    ],
)  # fmt: skip
def test_what_is_no_frame_is_an_error_and_no_empty_answer(data: Json) -> None:
    made = frame(field([1.0]))
    assert answer_of(Q, reply(made | {"data": data})).outcome == "error"


def test_an_answer_without_a_row_is_empty_and_equals_nothing() -> None:
    for empty in (
        reply(),
        reply(frame()),
        reply(frame(field([]))),
        {"resource": {"status": "success", "data": []}, "status": 200},
    ):
        answer = answer_of(Q, empty)
        assert answer.outcome == "empty"
        assert compared(answer, answer).outcome == "empty-at-source"


def answered(value: float, executed: str | None = "Expr: up\nStep: 15s") -> Answer:
    return answer_of(Q, reply(frame(field([value])))).model_copy(update={"executed": executed})


FAILED = answer_of(Q, {"status": 400, "error": "bad_data: random words", "frames": []})
EMPTY = answer_of(Q, reply())
NOT_FIXED = settled(answered(1), answered(2))


@pytest.mark.parametrize(
    ("then", "now", "outcome", "why"),
    [
        (answered(1), answered(1), "equal", ""),
        (answered(1), answered(2), "otherwise", "1 row in 1 frame, sha256"),
        (answered(1), EMPTY, "otherwise", "the copy without a row"),
        (answered(1), FAILED, "silent", "bad_data"),
        (answered(1), None, "silent", "does not answer"),
        (answered(1), not_asked(Q, "there was no time"), "silent", "there was no time"),
        (answered(1), answered(1, "Expr: up\nStep: 1m0s"), "otherwise", "another query"),
        (answered(1), answered(1, None), "equal", ""),
        (EMPTY, EMPTY, "empty-at-source", ""),
        (EMPTY, answered(1), "otherwise", "the source answered without a row"),
        (EMPTY, FAILED, "silent", "bad_data"),
        (FAILED, answered(1), "error-at-source", "bad_data"),
        (FAILED, FAILED, "error-at-source", "bad_data"),
        (NOT_FIXED, answered(1), "not-fixed", "asked twice"),
        (not_asked(Q, "no time"), answered(1), "not-asked", "no time"),
    ],
)
def test_each_pair_of_answers_has_its_word(then: Answer, now: Answer | None, outcome: str, why: str) -> None:
    found = compared(then, now)
    assert (found.outcome, why in found.why) == (outcome, True), found


def test_what_two_askings_of_the_source_tell_apart_is_not_fixed() -> None:
    assert NOT_FIXED.outcome == "not-fixed"
    assert settled(answered(1), answered(1)) == answered(1)
    assert settled(FAILED, answered(1)).outcome == "not-fixed"
    assert settled(FAILED, FAILED).outcome == "error"
    assert settled(answered(1), not_asked(Q, "no time")).outcome == "not-asked"


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [
        (400, 'bad_data: invalid parameter "query": 1:17', "bad_data"),
        (422, "execution: found duplicate series for the match group {instance=\"h1\"}", "execution"),
        (502, 'Post "http://10.99.0.7:9090/x": dial tcp 10.99.0.7:9090: i/o timeout', "unreachable"),
        (500, "db query error: Error 1146 (42S02): Table 'agama.no_such_table' doesn't exist", "MySQL's error 1146"),
        (404, "Data source not found", "not found"),
        (418, "teapot", "status 418"),
    ],
)  # fmt: skip
def test_errors_are_compared_by_their_class(status: int, words: str, expected: str) -> None:
    assert answer_of(Q, {"status": status, "error": words}).error == expected


def test_a_resource_is_compared_whatever_order_its_values_have() -> None:
    def values(*names: Any) -> Json:
        return {"status": 200, "resource": {"status": "success", "data": list(names), "infos": [random.random()]}}

    assert digest(values("a", "b")) == digest(values("b", "a")) != digest(values("a", "b", "b"))
    series = [{"metric": {"a": "1"}, "value": [1, "2"]}, {"metric": {"a": "2"}, "value": [1, "2"]}]
    vectors = [
        {"status": 200, "resource": {"status": "success", "data": {"resultType": "vector", "result": one}}}
        for one in (series, series[::-1])
    ]
    assert digest(vectors[0]) == digest(vectors[1])
    assert answer_of(Q, values("a", "b")).rows == 2
    assert answer_of(Q, {"status": 400, "error": "bad_data: no", "resource": {}}).outcome == "error"


@given(st.lists(st.text(max_size=300), max_size=40), st.integers(1, 30))
@settings(max_examples=30)
def test_what_is_shown_of_an_answer_is_small(texts: list[str], count: int) -> None:
    found = answer_of(Q, reply(*[frame(field(list(texts), kind="string"))] * count))
    if texts:
        assert len(json.dumps(found.shown, ensure_ascii=False, separators=(",", ":"))) <= canonical.MOST_SHOWN + 100


def test_a_large_answer_shows_its_beginning() -> None:
    shown = answer_of(Q, reply(*(frame(field([1.5] * 900, labels={"n": str(one)})) for one in range(9)))).shown
    assert (shown["frames"], shown["rows"], len(shown["beginning"])) == (9, 8100, 3)
    assert shown["beginning"][0]["fields"][0]["values"] == [1.5] * 5


def test_of_large_answers_the_columns_that_differ_are_named() -> None:
    def many(*, changed: float = 0.0, left_out: str = "", more: str = "") -> Answer:
        hosts = [host for host in ("h1", "h2", "h3", *([more] if more else [])) if host != left_out]
        series = (field([changed if host == "h2" else 1.0] * 300, name="load", labels={"host": host}) for host in hosts)
        return answer_of(Q, reply(*(frame(field(list(range(300)), name="Time", kind="time.Time"), each) for each in series)))

    assert compared(many(), many()).outcome == "equal"
    assert compared(many(), many(changed=2.0)).why.endswith('; otherwise: load{host="h2"}')
    gone = compared(many(), many(left_out="h1", more="h9"))
    assert gone.why.endswith('; missing: load{host="h1"}; more: load{host="h9"}')
    assert many(left_out="h1").columns.keys() == {"Time", 'load{host="h2"}', 'load{host="h3"}'}
    crowd = answer_of(Q, reply(*(frame(field([1.0], labels={"host": str(host)})) for host in range(500))))
    assert (crowd.columns, crowd.rows) == ({}, 500)
    assert compared(crowd, many()).outcome == "otherwise"


@pytest.mark.field
def test_of_all_recorded_pairs_none_is_told_apart_but_those_that_name_an_address() -> None:
    apart, seen = set(), 0
    for path, pair in recorded("*.json"):
        for ref, then in (
            pair["source"]["body"].get("results")
            or {"A": pair["source"]["body"] | {"status": 404, "error": pair["source"]["body"].get("message")}}
        ).items():
            now = then if pair["copy"] == "the same" else pair["copy"]["body"]["results"][ref]
            one, other = answer_of(Q, then), answer_of(Q, now)
            seen += 1
            assert settled(one, other) == one, path.name
            assert one.error != "an answer that is of another shape than Grafana's", path.name
            apart |= {path.stem} if then != now else set()
    assert seen > 36
    assert apart == {"data-source-unreachable", "prometheus-unreachable"}
