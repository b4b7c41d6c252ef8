"""Finds what dashboards, library panels and alert rules point at, and names what of it is not there.

A reference that does not resolve is no fault of a backup (sources have them too); losing one that did resolve is. So both sides
state what is missing, by name, and the two must be equal.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ALWAYS_THERE = frozenset(
    {"", "default", "grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__", "-100", "__default__"}
)
"""Data sources that every Grafana has: its own, a mix, another panel's answer, server-side expressions, the default."""

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?:[.:][^}]*)?\}|(\w+))|\[\[(\w+)(?::\w+)?\]\]")
_SHOWN = 10
_NESTED = (dict, list)


@dataclass(frozen=True)
class Targets:
    """What an organisation has: the uids of its folders and library panels, and what its data sources answer to (uid or name)."""

    folders: frozenset[str]
    library_panels: frozenset[str]
    data_sources: frozenset[str]


def missing(spec: Any, folder: str, targets: Targets) -> str:
    """What a dashboard (or a panel, or a rule's queries) points at and is not there; `none` when all of it is."""
    variables, inside = frozenset(_variables(spec)), _walk(spec)
    unresolved = {f"folder {folder}"} if folder and folder not in targets.folders else set()
    unresolved |= {f"library panel {uid}" for uid in _library_panels(inside) if uid not in targets.library_panels}
    unresolved |= {
        f"data source {name}" for name in _data_sources(inside) if not _resolves(name, variables, targets.data_sources)
    }
    return listed(unresolved)


def listed(names: Iterable[str]) -> str:
    """Names as one line, `none` for none, and no longer than a report can show."""
    found = sorted(names)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more if found else "none"


def _resolves(name: str, variables: frozenset[str], known: frozenset[str]) -> bool:
    """A name with variables resolves when the dashboard has those variables: their values are chosen while it is shown."""
    if name in _ALWAYS_THERE or name in known:
        return True
    used = [next(filter(None, match)) for match in _VARIABLE.findall(name)]
    return bool(used) and all(one in variables for one in used)


def _walk(value: Any) -> list[Mapping[str, Any]]:
    """Every object inside a JSON value, from the outside in."""
    found: list[Mapping[str, Any]] = []
    nested = [value]
    for each in nested:
        if isinstance(each, dict):
            found.append(each)
            members: Iterable[Any] = each.values()
        else:
            members = each if isinstance(each, list) else ()
        # Nine of ten are texts and numbers, with nothing in them.
        nested += [member for member in members if isinstance(member, _NESTED)]
    return found


def _library_panels(inside: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for found in inside:
        library = found.get("libraryPanel")
        if isinstance(library, Mapping) and library.get("uid"):
            yield str(library["uid"])


def _data_sources(inside: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """As text (a name, up to version 8), as `{uid}` (classic), as `{name}` (version 2), or as a rule's `datasourceUid`."""
    for found in inside:
        if isinstance(found.get("datasourceUid"), str):
            yield found["datasourceUid"]
        source = found.get("datasource")
        if isinstance(source, str):
            yield source
        elif isinstance(source, Mapping):
            uid = source.get("uid") or source.get("name")
            # A data source variable may stand in `datasource.name` of version 2; other members hold the type only.
            if isinstance(uid, str):
                yield uid


def _variables(spec: Any) -> Iterator[str]:
    """Names of a dashboard's variables: `templating.list[].name` (classic), `variables[].spec.name` (version 2)."""
    if not isinstance(spec, Mapping):
        return
    templating = spec.get("templating")
    classic = templating.get("list") if isinstance(templating, Mapping) else None
    for variable in classic if isinstance(classic, list) else []:
        if isinstance(variable, Mapping) and variable.get("name"):
            yield str(variable["name"])
    modern = spec.get("variables")
    for variable in modern if isinstance(modern, list) else []:
        inner = variable.get("spec") if isinstance(variable, Mapping) else None
        if isinstance(inner, Mapping) and inner.get("name"):
            yield str(inner["name"])
