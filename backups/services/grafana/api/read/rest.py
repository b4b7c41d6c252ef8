"""Reads playlists, annotations, preferences and the list of plugins."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.canonical import canonical
from backups.services.grafana.client import Client, Denied, Missing, as_list, member

_FIRST, _LAST = 1, 253_402_300_799_000
"""Milliseconds: just after 1970 began, and the end of the year 9999. Without both, no moment counts."""
_ANNOTATIONS = 1000


def playlists(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every playlist with its items; several of one name are told apart by their number."""
    for one in as_list(client.get("api", "playlists")):
        uid = str(one.get("uid") or one.get("id"))
        try:
            items = as_list(client.get("api", "playlists", uid, "items"))
        except Missing:
            continue
        body = {
            "name": one.get("name"),
            "interval": one.get("interval"),
            "items": [kinds.kept(kinds.PLAYLIST, item) for item in items],
        }
        key = _free(holdings, Key(organisation, kinds.PLAYLIST, str(one.get("name"))))
        holdings.objects[key], holdings.numbers[key] = body, uid


def annotations(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every annotation that a person made; they have no names, so their content's hash is one."""
    for one in every_annotation(client):
        body = kinds.kept(kinds.ANNOTATION, one)
        name = hashlib.sha256(canonical(body).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        holdings.objects[_free(holdings, Key(organisation, kinds.ANNOTATION, name))] = body


def every_annotation(client: Client, most: int = _ANNOTATIONS) -> Iterator[Mapping[str, Any]]:
    """All of them, newest first. The API has no pages: what is asked for next is what was over when the last one told was.

    Where more than one answer holds are over at the same moment, more are asked for at once.
    """
    seen: set[Any] = set()
    until = _LAST
    while True:
        found = as_list(client.get("api", "annotations", type="annotation", limit=most, to=until, **{"from": _FIRST}))
        new = [one for one in found if one.get("id") not in seen]
        seen |= {one.get("id") for one in new}
        yield from new
        if len(found) < most:
            return
        if new:
            until = min(int(one.get("timeEnd") or one.get("time") or 0) for one in found)
        else:
            most *= 2


def preferences(client: Client, organisation: int, holdings: Holdings) -> None:
    """The organisation's own preferences."""
    answer = client.get("api", "org", "preferences")
    member(answer, "theme")
    holdings.objects[Key(organisation, kinds.PREFERENCES, "")] = kinds.kept(kinds.PREFERENCES, answer)


def team_preferences(client: Client, organisation: int, holdings: Holdings) -> None:
    """The preferences of each team that has some."""
    for name in holdings.of(organisation, kinds.TEAM):
        answer = client.get("api", "teams", str(holdings.number(organisation, kinds.TEAM, name)), "preferences")
        member(answer, "theme")
        body = kinds.kept(kinds.PREFERENCES, answer)
        if any(body.values()):
            holdings.objects[Key(organisation, kinds.TEAM_PREFERENCES, name)] = body


def plugins(client: Client, holdings: Holdings) -> None:
    """Id and version of every plugin that did not come with Grafana itself."""
    try:
        found = as_list(client.get("api", "plugins", embedded=0))
    except (Denied, Missing):
        return
    known = {one["id"] for one in holdings.plugins}
    for one in found:
        if one.get("signature") != "internal" and one.get("id") not in known:
            holdings.plugins.append({"id": str(one.get("id")), "version": (one.get("info") or {}).get("version")})


def _free(holdings: Holdings, key: Key) -> Key:
    """The key, or with a number where there is one already."""
    number, found = 1, key
    while found in holdings.objects:
        number += 1
        found = key._replace(name=f"{key.name} #{number}")
    return found
