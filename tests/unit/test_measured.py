"""How the facts of a backup were measured, service by service: what is not comparable, and what is not stated."""

from typing import Any, cast

import pytest

from backups.difference import difference
from backups.manifest import Manifest, Source
from backups.services.grafana.service import GrafanaService
from backups.services.measured import measured
from backups.services.mysql import measured as of_mysql
from backups.services.mysql.details import Form
from backups.services.mysql.witness import kinds, probes
from backups.services.prometheus.service import PrometheusService
from backups.witness import Fact


def manifest(*facts: Fact, version: str = "9.7.4", **details: Any) -> Manifest:
    source = Source(version=version, image="x")
    values: dict[str, Any] = {"id": "a", "lifeboat": "1", "witness": facts, "details": details, "source": source}
    return Manifest.model_construct(**values)


@pytest.fixture
def form(monkeypatch: pytest.MonkeyPatch) -> None:
    """The details of a MySQL manifest are their form alone; none: a dump."""

    def details(manifest: Manifest) -> Any:
        given = manifest.details.get("form")
        return type("Details", (), {"form": given}) if given else None

    monkeypatch.setattr(of_mysql, "details_of", details)


PLAIN = Form(kinds=kinds.ALL)
OTHERS: dict[str, Form] = {
    name: Form.model_construct(**(PLAIN.model_dump() | {name: "another"}))
    for name in Form.model_fields
    if name not in of_mysql._NOT_OF_ROWS
}


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("name", OTHERS)
def test_each_part_of_a_form_makes_fingerprints_incomparable_and_not_rows(name: str) -> None:
    """Also one that is added later, such as a key."""
    one, other = (of_mysql.measured(manifest(form=form)) for form in (PLAIN, OTHERS[name]))
    fingerprint, rows, definition = (Fact("shop.client", metric, 1) for metric in ("fingerprint", "rows", "definition"))
    assert one(fingerprint) != other(fingerprint)
    assert one(rows) == other(rows) == {}
    assert one(definition) == other(definition)
    found = difference(
        manifest(Fact("shop.client", "rows", 1), Fact("shop.client", "fingerprint", "a"), form=PLAIN),
        manifest(Fact("shop.client", "rows", 1), Fact("shop.client", "fingerprint", "b"), form=OTHERS[name]),
        one,
        other,
    )
    assert (found.verdict, found.things[0].equal) == ("not comparable", ("rows",))
    assert found.things[0].facts[0].why == f"measured with another {name.replace('_', ' ')}"


FACTS = {
    **{kind: Fact(f"{kind} x", "definition", "y") for kind in of_mysql._PREFIXES},
    kinds.COUNTERS: Fact("shop.client", "next number is free", True),
    kinds.PROBES: Fact("index shop.client.i", probes.METRIC, "y"),
    kinds.GUESTS: Fact("mysql.guest", "rows", 1),
}


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("kind", kinds.ALL)
def test_a_kind_that_a_backup_does_not_state_is_neither_new_nor_gone(kind: str) -> None:
    """Each kind that there is, also one that is added later."""
    fact, more = FACTS[kind], Fact("shop.client", "rows", 3)
    without = Form(kinds=tuple(each for each in kinds.ALL if each != kind))
    before, after = manifest(more, form=without), manifest(more, fact, form=PLAIN)
    found = difference(before, after, of_mysql.measured(before), of_mysql.measured(after))
    assert (found.verdict, [thing.change for thing in found.things]) == ("equal", ["not stated"])
    if kind != kinds.PROBES:
        before = manifest(more, form=PLAIN)
        found = difference(before, after, of_mysql.measured(before), of_mysql.measured(after))
        assert found.verdict == "different"


@pytest.mark.usefixtures("form")
def test_definitions_of_two_releases_and_accounts_of_two_forms_are_not_comparable() -> None:
    view, account = Fact("view shop.v", "definition", "a"), Fact("account bob@%", "definition", "a")
    old, new = (of_mysql.measured(manifest(form=PLAIN, version=version)) for version in ("8.4.3", "9.7.4"))
    assert old(view) != new(view)
    shown, stored = (of_mysql.measured(manifest(form=Form(accounts=way))) for way in ("shown", "stored"))  # type: ignore[arg-type]
    assert shown(account) != stored(account)
    assert shown(view) == stored(view)
    assert of_mysql.measured(manifest(view))(view) == shown(view)


def prometheus(manifest: Manifest) -> Any:
    return measured(
        PrometheusService("p", cast("Any", type("Settings", (), {"through": lambda *_: None})()), cast("Any", None)), manifest
    )


def test_an_instant_at_which_nobody_asked_is_not_gone() -> None:
    asked = Fact("all metrics", "series at 2026-11-22T00:00:00Z", 7)
    block = Fact("block 01ABC", "samples", 9)
    one, other = manifest(asked, block), manifest(block)
    found = difference(one, other, prometheus(one), prometheus(other))
    assert (found.verdict, [thing.change for thing in found.things]) == ("equal", ["not stated"])
    other = manifest(asked)
    found = difference(one, other, prometheus(one), prometheus(other))
    assert (found.verdict, [thing.change for thing in found.things]) == ("different", ["gone"])


def grafana(manifest: Manifest) -> Any:
    return GrafanaService.measured(cast("Any", None), manifest)


def test_grafana_by_its_files_and_by_its_api_is_not_comparable() -> None:
    json, title = Fact("org 1 dashboard x", "json", "a"), Fact("org 1 dashboard x", "title", "X")
    files, api = manifest(json, title), manifest(Fact("org 1 dashboard x", "json", "b"), title, method="api")
    found = difference(files, api, grafana(files), grafana(api))
    assert (found.verdict, found.things[0].equal) == ("not comparable", ("title",))
    assert found.things[0].facts[0].why == "measured with another method"


def test_what_the_api_did_not_give_is_not_gone() -> None:
    team, count = Fact("org 1 team crew", "definition", "a"), Fact("org 1", "teams", 1)
    other = Fact("org 1 folder x", "definition", "a")
    whole, closed = manifest(team, count, other, method="api"), manifest(other, method="api", closed=[[1, "team"]])
    found = difference(whole, closed, grafana(whole), grafana(closed))
    assert (found.verdict, {thing.change for thing in found.things}) == ("equal", {"not stated"})
    gone = manifest(other, method="api")
    assert difference(whole, gone, grafana(whole), grafana(gone)).verdict == "different"
