"""Every model that is read out of a repository: each text in it has a closed form, or is listed here as free text, with the reason."""

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError, create_model

from backups import foreign, manifest
from backups.manifest import BackupRecord, Manifest
from backups.panels.question import Panels
from backups.repository.trust import Trust
from backups.services.grafana.details import GrafanaDetails
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.dump_details import DumpDetails
from backups.services.prometheus.details import PrometheusDetails
from verification.evidence.delivered import Delivered
from verification.evidence.drilled import Detected, Drilled
from verification.evidence.evidence import Evidence
from verification.evidence.signed import Statement
from verification.evidence.store import Stated

READ = [
    Manifest, BackupRecord, manifest._Shown, MySQLDetails, DumpDetails, PrometheusDetails, GrafanaDetails, Evidence, Stated,
    Drilled, Detected, Statement, Panels, Delivered, Trust,
]  # fmt: skip

SHOWN = "a sentence or a name that is shown, and compared at most"
ASKED = "is sent to the copy's own server as a value, never as a path or an option"
OPTIONS = "an option of the copy's server, which has a closed list where options are made"
FREE = {
    "Manifest.lifeboat": SHOWN,
    "Manifest.reason": SHOWN,
    "Source.version": SHOWN,
    "Source.image": "an image's name: only the configured one runs",
    "Fact.subject": SHOWN,
    "Fact.metric": SHOWN,
    "Fact.value": SHOWN,
    "_Shown.limits": SHOWN,
    "_Shown.carried": SHOWN,
    "_Shown.secrets": SHOWN,
    "_Shown.ignored": SHOWN,
    "Installed.plugins": OPTIONS,
    "Installed.components": OPTIONS,
    "Form.kinds": "names of what is measured; one that is not known is not measured",
    "MySQLDetails.variables": OPTIONS,
    "MySQLDetails.plugins": OPTIONS,
    "MySQLDetails.changed": OPTIONS,
    "MySQLDetails.others": OPTIONS,
    "MySQLDetails.unknown": OPTIONS,
    "MySQLDetails.carried": SHOWN,
    "MySQLDetails.answering": "values of three global variables of the copy's server, bound as values",
    "MySQLDetails.unlogged": SHOWN,
    "MySQLDetails.partial": SHOWN,
    "MySQLDetails.limits": SHOWN,
    "DumpDetails.variables": OPTIONS,
    "DumpDetails.plugins": OPTIONS,
    "DumpDetails.unsafe_tables": SHOWN,
    "DumpDetails.limits": SHOWN,
    "DumpDetails.answering": "values of three global variables of the copy's server, bound as values",
    "Plugin.id": SHOWN,
    "Plugin.version": SHOWN,
    "Plugin.unreadable": SHOWN,
    "GrafanaDetails.method": "one word is known, whatever else is there is a backup of files",
    "GrafanaDetails.closed": SHOWN,
    "BlockFile.damage": SHOWN,
    "Instant.names": ASKED,
    "Sample.selector": ASKED,
    "Range.names": ASKED,
    "Questions.metrics": ASKED,
    "Questions.unsettled": SHOWN,
    "Questions.refused": SHOWN,
    "PrometheusDetails.flags": OPTIONS,
    "PrometheusDetails.limits": SHOWN,
    "PrometheusDetails.start": OPTIONS,
    "ImagePart.name": SHOWN,
    "ImagePart.id": SHOWN,
    "ImagePart.words": SHOWN,
    "CulpritsPart.subject": SHOWN,
    "CulpritsPart.beside": SHOWN,
    "CulpritsPart.why_not": SHOWN,
    "RowPart.key": SHOWN,
    "RowPart.columns": SHOWN,
    "RowPart.values": SHOWN,
    "ExpectationPart.suite": SHOWN,
    "ExpectationPart.name": SHOWN,
    "Growth.words": SHOWN,
    "Check.subject": SHOWN,
    "Check.metric": SHOWN,
    "Check.expected": SHOWN,
    "Check.observed": SHOWN,
    "MomentPart.asked": SHOWN,
    "MomentPart.stands": SHOWN,
    "MomentPart.why_not": SHOWN,
    "MomentPart.unscanned": SHOWN,
    "Untold.subject": SHOWN,
    "Untold.why": SHOWN,
    "Kept.reason": SHOWN,
    "BackupRecord.partial": SHOWN,
    "Trust.by": SHOWN,
    "Trust.reason": SHOWN,
    "_Shown.partial": SHOWN,
    **{f"TogetherPart.{name}": SHOWN for name in ("skipped", "words", "reasons", "hint", "tampered", "notes", "limits")},
    **{f"CopyPart.{name}": SHOWN for name in ("image", "error")},
    **{f"BoardPart.{name}": SHOWN for name in ("uid", "title", "why")},
    **{f"DifferentPart.{name}": SHOWN for name in ("title", "panel", "query", "expected", "observed", "why")},
    **{f"LeftOutPart.{name}": SHOWN for name in ("title", "panel", "why")},
    **{f"Question.{name}": SHOWN for name in ("id", "dashboard", "title", "panel")},
    "Question.query": ASKED,
    **{f"DataSource.{name}": SHOWN for name in ("uid", "name", "type")},
    **{f"DataSource.{name}": ASKED for name in ("user", "database", "settings")},
    "DataSource.url": "where a copy stands: an address of closed form, see verification/together/places.py",
    "Question.beside": ASKED,
    "Question.resource": "a path below a data source, of which few are read: GrafanaAsker and PrometheusAsker have a closed list",
    **{f"NotAsked.{name}": SHOWN for name in ("dashboard", "title", "panel", "why")},
    **{f"Answer.{name}": SHOWN for name in ("question", "error", "shown", "columns", "executed", "why")},
    "Evidence.lifeboat": SHOWN,
    "Evidence.host": SHOWN,
    "Evidence.triggered_by": SHOWN,
    "Program.name": SHOWN,
    "Program.version": SHOWN,
    "Drill.selection": SHOWN,
    "Predicate.lifeboat": SHOWN,
    "Predicate.host": SHOWN,
    **{
        f"DrillResult.{name}": SHOWN
        for name in ("source_version", "reasons", "error", "hint", "tampered", "limits", "partial", "asked", "proof")
    },
}
"""Free text, never a path: field -> why that is safe."""
OPEN = {"Manifest.details": "each service reads it by a model of its own, which is walked through too"}


def fields(model: type) -> dict[str, Any]:
    """Each field's type, its constraints as an Annotated."""
    if issubclass(model, BaseModel):
        return {
            name: Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation  # type: ignore[misc]
            for name, info in model.model_fields.items()
        }
    hints = typing.get_type_hints(model, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(model)}


def open_texts(model: type, seen: set[type]) -> Iterator[str]:
    """Every field of the model, and of the models in it, that takes any text at all."""
    if model in seen:
        return
    seen.add(model)
    for name, kind in fields(model).items():
        if any(texts(kind)):
            yield f"{model.__name__}.{name}"
        for inner in models(kind):
            yield from open_texts(inner, seen)


def texts(kind: Any) -> Iterator[bool]:
    origin = get_origin(kind)
    if kind in (str, bytes, Path, Any) or kind is dict:
        yield True
    elif origin is Annotated:
        inner, *constraints = get_args(kind)
        closed = any(isinstance(each, AfterValidator) or getattr(each, "pattern", None) for each in constraints)
        if not closed:
            yield from texts(inner)
    elif origin is not Literal:
        for inner in get_args(kind):
            yield from texts(inner)


def models(kind: Any) -> Iterator[type]:
    if isinstance(kind, type) and not get_args(kind) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)):
        yield kind
    elif get_origin(kind) is not Literal:
        for inner in get_args(kind):
            yield from models(inner)


def test_every_text_that_is_read_from_a_repository_has_a_closed_form_or_a_reason() -> None:
    seen: set[type] = set()
    found = {name for model in READ for name in open_texts(model, seen)}
    assert len(seen) > 25, "the models were not found"
    assert found - FREE.keys() - OPEN.keys() == set()
    assert (FREE.keys() | OPEN.keys()) - found == set(), "listed, and not there"


@pytest.mark.parametrize(
    "kind", [str, str | None, tuple[str, ...], dict[str, int], Path, Any, Annotated[str, "words"], bytes, dict[int, list[str]]]
)
def test_a_new_field_without_a_form_is_found(kind: Any) -> None:
    model = create_model("New", field=(kind, ...))
    assert list(open_texts(model, set())) == ["New.field"]


@pytest.mark.parametrize(
    "kind",
    [
        int,
        Literal["a"],
        foreign.BackupId,
        foreign.RelativePath | None,
        tuple[foreign.Ulid, ...],
        int | None,
    ],
)
def test_one_with_a_form_is_not(kind: Any) -> None:
    assert list(open_texts(create_model("New", field=(kind, ...)), set())) == []


def taken(form: Any, value: object) -> bool:
    try:
        TypeAdapter(form).validate_python(value)
    except ValidationError:
        return False
    return True


NAMES = [foreign.ServiceName, foreign.ServiceType, foreign.BackupId, foreign.SnapshotId, foreign.Ulid, foreign.LogName, foreign.DumpFile, foreign.Token, foreign.Uuid]  # fmt: skip


@given(st.sampled_from(NAMES), st.text())
def test_no_name_has_a_slash_a_control_character_or_is_one_of_the_dots(form: Any, text: str) -> None:
    """Neither as it is generated, nor put into one that is well."""
    for value in (
        text,
        f"/{text}",
        f"../{text}",
        f"{text}\n",
        f"{text}\0",
        f"\x1b{text}",
        ".",
        "..",
        f"agama-20261123T000000Z{text}",
    ):
        if taken(form, value):
            assert not set(value) & set("/\0\n\x1b")
            assert value not in (".", "..")


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["a", "..", ".", "", "ü", "\0", "/etc", "a b", "*?[\\", "\udcff", "x" * 300])).map("/".join),
    )
)
def test_a_relative_path_stays_where_it_is_put(value: str) -> None:
    if taken(foreign.RelativePath, value):
        path = Path("/scratch/a") / value
        assert path.parts[:3] == ("/", "scratch", "a")
        assert len(path.parts) > 3
        assert Path(*path.parts).resolve() == path
        assert "\0" not in value


@pytest.mark.parametrize(
    "value",
    ["a", "log/binlog.000001@0", "letters/an odd [name]*.txt", "new\nline", "-rf", "ü/b", "...", ".hidden", "a\\b", "\x1b"],
)
def test_paths_that_are_backed_up_are_taken(value: str) -> None:
    assert taken(foreign.RelativePath, value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "/",
        "/etc/passwd",
        "a//b",
        "a/",
        "./a",
        "a/../b",
        "a/..",
        "\0",
        "a\0b",
        "\udcff",
        "x" * 256,
        "a/" * 2100 + "a",
    ],
)
def test_others_are_not(value: str) -> None:
    assert not taken(foreign.RelativePath, value)


@pytest.mark.parametrize(
    "value", ["/etc/prometheus", "/etc/prometheus/config_out", "/opt/x", "/srv", "/usr/local/etc/prometheus", "/prometheus-etc"]
)
def test_a_configuration_is_mounted_where_nothing_else_is(value: str) -> None:
    assert taken(foreign.MountPath, value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/",
        "etc",
        "/etc",
        "/lib",
        "/lib64/x",
        "/usr/lib/x",
        "/bin",
        "/proc/1",
        "/a/../etc",
        "/a//b",
        "/a/",
        "/a:ro",
        "/a\n",
        "/x\0",
    ],
)
def test_and_nowhere_else(value: str) -> None:
    assert not taken(foreign.MountPath, value)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (foreign.Size, -1), (foreign.Size, 1 << 63), (foreign.Sequence, 10**18), (foreign.Seconds, float("nan")), (foreign.Seconds, float("inf")),
        (foreign.Seconds, -1), (foreign.Moment, "2026-01-01T00:00:00"), (foreign.Moment, "0001-01-01T00:00:00+14:00"),
        (foreign.Moment, "9999-12-31T23:59:59Z"), (foreign.Ulid, "../../../etc/cron.d/xxxxx"), (foreign.BackupId, "x" * 300 + "-20261123T000000Z"),
        (foreign.BackupId, "agama-20261123T000000Z\n"), (foreign.BackupId, "agama-٢0261123T000000Z"), (foreign.BackupId, "latest"),
    ],
)  # fmt: skip
def test_numbers_and_times_are_bounded(form: Any, value: object) -> None:
    assert not taken(form, value)


def test_foreign_text_is_shown_on_one_line_without_control_characters() -> None:
    assert foreign.shown("a\x1b[2J\nb\0\u202e" + "x" * 99, 10) == "a\\x1b[2J\\nb\\x00\\u202ex…"
