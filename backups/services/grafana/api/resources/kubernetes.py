"""Lists objects through the Kubernetes-style API, which servers of version 12 and newer have beside the old one."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from backups.services.grafana.client import Client, Denied, Missing, Refused, as_list, member
from backups.services.grafana.namespaces import namespace_of

_CLASSIC = ("v1", "v1beta1")
"""API versions in which classic dashboards are listed: 13's, 12's."""


def path_of(client: Client, group: str, version: str, kind: str) -> tuple[str, ...]:
    """The path of a kind of the caller's organisation."""
    return ("apis", group, version, "namespaces", namespace(client), kind)


def namespace(client: Client) -> str:
    """The name that an organisation has there: `default`, `org-2`; Grafana Cloud has one of its own."""
    try:
        answer = client.get("api", "frontend", "settings")
    except (Denied, Missing):
        answer = None
    found = answer.get("namespace") if isinstance(answer, Mapping) else None
    return str(found) if found else namespace_of(client.organisation or 1)


def every(client: Client, group: str, kind: str, versions: Iterable[str] = _CLASSIC) -> Iterator[Mapping[str, Any]]:
    """Every object of a kind, in the first of the versions that the server has; none where it has no such API."""
    space = namespace(client)
    for version in versions:
        found = client.continued_pages("apis", group, version, "namespaces", space, kind)
        try:
            first = list(itertools.islice(found, 1))
        except (Denied, Missing):
            continue
        yield from first
        yield from found
        return


def versions(client: Client, group: str) -> list[str]:
    """The API versions in which the server has a group, its preferred one first; none where it has no such API."""
    try:
        answer = client.get("apis", group)
    except (Denied, Missing, Refused):
        return []
    found = [str(one.get("version")) for one in as_list(member(answer, "versions")) if one.get("version")]
    preferred = str((member(answer, "preferredVersion") or {}).get("version") or "")
    return sorted(found, key=lambda version: version != preferred)


def version_of(item: Mapping[str, Any]) -> str:
    """The API version that an object is answered in: `v1beta1`."""
    return str(item.get("apiVersion") or "").rpartition("/")[2]


def stored_version(item: Mapping[str, Any]) -> str:
    """The one that it is stored in. Where that is another one, what is answered is a conversion, and not what was saved."""
    conversion = (item.get("status") or {}).get("conversion") or {}
    return str(conversion.get("storedVersion") or "") or version_of(item)


def annotation(item: Mapping[str, Any], name: str) -> str:
    """What Grafana itself notes on an object; "" for nothing."""
    annotations = (item.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(f"grafana.app/{name}") or "")


def of_others(item: Mapping[str, Any]) -> list[str]:
    """The labels and annotations that somebody gave an object through this API, by name: the old API does not know them."""
    metadata = item.get("metadata") or {}
    every_one = [*(metadata.get("labels") or {}), *(metadata.get("annotations") or {})]
    return sorted(name for name in every_one if not str(name).startswith("grafana.app/"))
