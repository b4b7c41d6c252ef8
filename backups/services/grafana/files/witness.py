"""States the facts of a grafana.db.

The same function runs on the database that the capture has copied and on the restored one, before its server's first start.

No secret enters a fact: rows that hold one are stated as hashes. Every value of every table is compared (`tables`); what has a
name is also stated by it. What the restored server must answer over HTTP is stated by `answers.expected`.

There are two forms. The first, of backups taken before 2026-12, left out tables that a server moves when it starts, and took 0,
false, "" and NULL for one. A backup is compared in the form of its own witness: `is_exact` tells which.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from backups.services.grafana.canonical import dashboard, digest, filled, parse
from backups.services.grafana.files import alerting, tables, unified
from backups.services.grafana.files.alerting import Configuration, Rule
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.objects import TABLE, Dashboard, DataSource, Objects, Resource
from backups.services.grafana.references import Targets, missing
from backups.witness import Fact

_DATA_SOURCE_NOT_HASHED = frozenset({"id", "version", "created", "updated", "json_data", "secure_json_data", "is_prunable"})
"""Numbering and times; JSON columns, which are compared as JSON; and the flag that `configuration.disarm` takes from a copy."""

SEALED = "sealed secrets"
_WRITTEN_AT_START = frozenset({"advisor.grafana.app/checktypes", "advisor.grafana.app/checks"})
"""Resources that a server of version 13 writes while it starts."""


def is_exact(stated: Iterable[Fact]) -> bool:
    """Whether a witness is of the present form."""
    return any((fact.subject, fact.metric) == ("database", "definitions") for fact in stated)


def facts(database: Database, objects: Objects, *, exact: bool = True) -> list[Fact]:
    """Every fact of a database. Two objects of one name, which Grafana's own indexes forbid, are an error of the comparison."""
    rules, configurations = alerting.rules(database), alerting.configurations(database)
    targets = {organisation: _targets(objects, organisation) for organisation in objects.organisations}
    return [
        *_counts(objects, rules),
        *_folders(objects, targets),
        *(fact for one in objects.dashboards for fact in _dashboard(one, objects, _of(targets, one.organisation))),
        *_library_panels(objects, targets),
        *(fact for one in objects.data_sources for fact in _data_source(one, exact=exact)),
        *_resources(objects.resources),
        *(fact for rule in rules for fact in _rule(rule, _of(targets, rule.organisation), exact=exact)),
        *(fact for one in configurations for fact in _configuration(one)),
        *(unified.facts(database) if exact else ()),
        *tables.facts(database, exact=exact),
    ]


def _targets(objects: Objects, organisation: int) -> Targets:
    sources = [one for one in objects.data_sources if one.organisation == organisation]
    return Targets(
        folders=frozenset(one.uid for one in objects.folders if one.organisation == organisation),
        library_panels=frozenset(one.uid for one in objects.library_panels if one.organisation == organisation),
        data_sources=frozenset(one.uid for one in sources) | frozenset(one.name for one in sources),
    )


def _of(targets: Mapping[int, Targets], organisation: int) -> Targets:
    return targets.get(organisation, Targets(frozenset(), frozenset(), frozenset()))


def _counts(objects: Objects, rules: list[Rule]) -> Iterator[Fact]:
    """How many of each kind, also where there are none: if a table is missing from a restore, a number differs."""
    counted: Mapping[str, Counter[int]] = {
        "folders": Counter(one.organisation for one in objects.folders if objects.served(one)),
        "dashboards": Counter(one.organisation for one in objects.dashboards if objects.served(one)),
        "library panels": Counter(one.organisation for one in objects.library_panels),
        "data sources": Counter(one.organisation for one in objects.data_sources),
        "alert rules": Counter(rule.organisation for rule in rules),
    }
    yield Fact("grafana", "organisations", len(objects.organisations))
    yield Fact("grafana", "dashboards are kept in", "resource" if objects.unified else "dashboard")
    for organisation in objects.organisations:
        for kind, counts in counted.items():
            yield Fact(f"org {organisation}", kind, counts[organisation])


def _folders(objects: Objects, targets: Mapping[int, Targets]) -> Iterator[Fact]:
    for one in objects.folders:
        subject = f"org {one.organisation} folder {one.uid}"
        also = "" if objects.served(one) else f" ({one.layout})"
        yield Fact(subject, f"title{also}", one.title)
        yield Fact(subject, f"parent{also}", one.parent)
        yield Fact(subject, f"missing{also}", missing(None, one.parent, _of(targets, one.organisation)))


def _dashboard(one: Dashboard, objects: Objects, targets: Targets) -> Iterator[Fact]:
    subject = f"org {one.organisation} dashboard {one.uid}"
    if not objects.served(one):
        # The other layout's copy, or the bin's: one uid may be there several times, so all of it is one hash.
        where = "bin" if one.in_bin else one.layout
        yield Fact(f"{subject} ({where})", "json", digest([one.title, one.folder, dashboard(one.spec)]))
        return
    spec = one.spec
    yield Fact(subject, "title", one.title)
    yield Fact(subject, "folder", one.folder)
    yield Fact(subject, "json", digest(dashboard(spec)))
    yield Fact(subject, "saved versions", one.history)
    yield Fact(subject, "missing", missing(spec, one.folder, targets))
    if one.layout != TABLE or one.version:
        yield Fact(subject, "api version", one.version)


def _library_panels(objects: Objects, targets: Mapping[int, Targets]) -> Iterator[Fact]:
    for one in objects.library_panels:
        subject = f"org {one.organisation} library panel {one.uid}"
        yield Fact(subject, "name", one.name)
        yield Fact(subject, "folder", one.folder)
        yield Fact(subject, "json", digest([one.row["kind"], one.row["type"], one.row["description"], one.model]))
        # A panel's data source may be a variable of the dashboard that shows it, and which one is not known here.
        spec = {"templating": {"list": []}, "model": one.model}
        yield Fact(subject, "missing", missing(spec, one.folder, _of(targets, one.organisation)))


def _data_source(one: DataSource, *, exact: bool) -> Iterator[Fact]:
    subject = f"org {one.organisation} data source {one.uid}"
    kept = {key: value for key, value in one.row.items() if key not in _DATA_SOURCE_NOT_HASHED}
    yield Fact(subject, "name", one.name)
    kept = {key: value for key, value in kept.items() if value is not None} if exact else filled(kept)
    yield Fact(subject, "settings", digest(kept | {"json_data": parse(one.row["json_data"])}))
    yield Fact(subject, "secret keys", ", ".join(sorted(one.sealed)) or "none")
    yield Fact(subject, SEALED, digest([one.sealed, one.secrets]))


def _resources(resources: tuple[Resource, ...]) -> Iterator[Fact]:
    """Playlists of version 13 and whatever else moves into unified storage: the whole object without its bookkeeping."""
    for one in resources:
        if one.kind not in _WRITTEN_AT_START:
            value = one.value
            if isinstance(value, Mapping) and isinstance(value.get("metadata"), Mapping):
                metadata = {key: value["metadata"].get(key) for key in ("name", "annotations", "labels")}
                value = {key: member for key, member in value.items() if key != "status"} | {"metadata": metadata}
            yield Fact(f"org {one.organisation} {one.kind} {one.name}", "json", digest(value))


def _rule(rule: Rule, targets: Targets, *, exact: bool) -> Iterator[Fact]:
    subject = f"org {rule.organisation} alert rule {rule.uid}"
    yield Fact(subject, "title", rule.title)
    yield Fact(subject, "folder", rule.folder)
    yield Fact(subject, "definition", rule.fingerprint(exact=exact))
    yield Fact(subject, "missing", missing({"data": rule.row["data"]}, rule.folder, targets))


def _configuration(one: Configuration) -> Iterator[Fact]:
    organisation = f"org {one.organisation}"
    yield Fact(organisation, "notification policies", digest(one.policies))
    parts = (("contact point", one.contact_points), ("mute timing", one.timings), ("notification template", one.templates))
    for kind, named in parts:
        yield Fact(organisation, f"{kind}s", len(named))
        for name, definition in named.items():
            yield Fact(f"{organisation} {kind} {name}", "definition", digest(definition))
