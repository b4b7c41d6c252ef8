"""Finds what a server would refuse of a backup, all of it at once and before the first write: names in use, folders in a ring."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects

Version = tuple[int, int] | None
"""Of a server; None where it is not known."""

_SINCE_12_4 = (12, 4)
_AS_11_0 = (11, 1)


@dataclass(frozen=True)
class Unique:
    """What no two objects of a kind may have, in one organisation.

    values: of an object. until: the version from which on they may; None for never. Between 11.1 and that it is not known
    """

    kind: str
    what: str
    values: Callable[[Key, Mapping[str, Any]], Iterable[str]]
    until: Version = None

    def refuses(self, version: Version) -> bool | None:
        """Whether a server of this version refuses the second one; None where that is not known."""
        if self.until is None:
            return True
        if version is None or _AS_11_0 <= version < self.until:
            return None
        return version < self.until


def _named(*members: str) -> Callable[[Key, Mapping[str, Any]], Iterable[str]]:
    return lambda _, body: [" in ".join(str(body.get(member) or "") for member in members).removesuffix(" in ")]


def _titled(_: Key, body: Mapping[str, Any]) -> Iterable[str]:
    return [f"{(body.get('spec') or {}).get('title')} in {body.get('folderUid') or 'no folder'}"]


def _login(key: Key, _: Mapping[str, Any]) -> Iterable[str]:
    """Of the name that it is made under: a second of one name is made under another, and renamed."""
    return [key.name.lower().replace(" ", "-")]


def _rules(_: Key, body: Mapping[str, Any]) -> Iterable[str]:
    return [f"{rule.get('title')} in {body.get('folderUid')}" for rule in body.get("rules") or []]


UNIQUE: Final = (
    Unique(kinds.DATA_SOURCE, "name", _named("name")),
    Unique(kinds.SERVICE_ACCOUNT, "login, which is made of its name,", _login),
    Unique(kinds.DASHBOARD, "title", _titled, _SINCE_12_4),
    Unique(kinds.FOLDER, "title", _named("title", "parentUid"), _SINCE_12_4),
    Unique(kinds.LIBRARY_PANEL, "name", _named("name", "folderUid"), _SINCE_12_4),
    Unique(kinds.RULE_GROUP, "rule's title", _rules, _SINCE_12_4),
)
"""Beside what names an object in a backup. Teams, mute timings, templates and contact points are named by their names."""


def clashes(wanted: Objects, before: Objects, version: Version) -> tuple[list[str], list[str]]:
    """Why the server cannot take the backup, and what it may refuse: a line each."""
    refusing: list[str] = []
    doubtful: list[str] = []
    for unique in UNIQUE:
        verdict = unique.refuses(version)
        if verdict is not False:
            (refusing if verdict else doubtful).extend(_in_use(unique, wanted, before))
    refusing += _folders(wanted, before)
    if version is None or version < _SINCE_12_4:
        (doubtful if version is None else refusing).extend(_of_two_kinds(wanted, before))
    return refusing, doubtful


def _in_use(unique: Unique, wanted: Objects, before: Objects) -> Iterator[str]:
    """As it will be: the backup's objects, and what stays."""
    holders: dict[tuple[int, str], Key] = {}
    mine = [key for key in wanted.bodies if key.kind == unique.kind]
    others = [key for key in before.bodies if key.kind == unique.kind and key not in wanted.bodies]
    for key in others:
        for value in unique.values(key, before.bodies[key]):
            holders[key.organisation, value] = key
    moved = {(key.organisation, str(rule.get("uid"))) for key in mine for rule in wanted.bodies[key].get("rules") or []}
    for key in mine:
        for value in unique.values(key, wanted.bodies[key]):
            holder = holders.setdefault((key.organisation, value), key)
            if holder == key or (unique.kind == kinds.RULE_GROUP and _all_move(holder, before.bodies.get(holder), moved)):
                continue
            where = "there" if holder in others else "in the backup"
            yield f"{key}: its {unique.what} {value} is that of {holder.name} {where}"


def _all_move(key: Key, group: Mapping[str, Any] | None, moved: set[tuple[int, str]]) -> bool:
    """Whether every rule of a group of the server comes back elsewhere."""
    return group is not None and all((key.organisation, str(rule.get("uid"))) in moved for rule in group.get("rules") or [])


def _folders(wanted: Objects, before: Objects) -> Iterator[str]:
    """Folders whose parent is nowhere, or inside themselves."""
    for organisation in wanted.organisations:
        mine, there = wanted.of(organisation, kinds.FOLDER), before.of(organisation, kinds.FOLDER)
        parents = {uid: str(body.get("parentUid") or "") for uid, body in [*there.items(), *mine.items()]}
        for uid in mine:
            key, above = Key(organisation, kinds.FOLDER, uid), parents[uid]
            if above and above not in parents:
                yield f"{key}: the folder {above} that it is in is neither in the backup nor there"
                continue
            seen: list[str] = []
            while above and above not in seen and above != uid:
                seen.append(above)
                above = parents.get(above, "")
            if above == uid:
                yield f"{key}: it is in {parents[uid]}, which is in itself: {' in '.join([*seen, uid])}"


def _of_two_kinds(wanted: Objects, before: Objects) -> Iterator[str]:
    """Before 12.4 folders and dashboards have one table, and their uids with it."""
    kinds_of = {kinds.FOLDER: kinds.DASHBOARD, kinds.DASHBOARD: kinds.FOLDER}
    for key in wanted.bodies:
        other = key._replace(kind=kinds_of.get(key.kind, ""))
        if other.kind and other in before.bodies and key not in before.bodies:
            yield f"{key}: its uid is that of a {other.kind} there"
        elif other.kind == kinds.FOLDER and other in wanted.bodies:
            yield f"{key}: its uid is that of a {other.kind} in the backup, which this version of Grafana cannot hold"


def in_order(wanted: Objects, before: Objects, version: Version) -> tuple[list[Key], list[str]]:
    """The backup's objects, each after those that give up a name on the server that it takes; and those that exchange theirs."""
    order, lines = list(wanted.bodies), []
    for unique in UNIQUE:
        if unique.refuses(version) is False or unique.kind == kinds.RULE_GROUP:
            continue
        mine = [key for key in order if key.kind == unique.kind]
        held = {
            (key.organisation, value): key
            for key in mine
            if key in before.bodies
            for value in unique.values(key, before.bodies[key])
        }
        takes = {key: [(key.organisation, value) for value in unique.values(key, wanted.bodies[key])] for key in mine}
        done: list[Key] = []
        waiting = dict.fromkeys(mine)
        while waiting:
            ready = [
                key for key in waiting if all(held.get(name, key) == key or held[name] not in waiting for name in takes[key])
            ]
            if not ready:
                lines += [
                    f"{key}: its {unique.what} {takes[key][0][1]} has been exchanged with another's there" for key in waiting
                ]
                ready = list(waiting)
            for key in ready:
                done.append(key)
                del waiting[key]
        places = iter(done)
        order = [next(places) if key.kind == unique.kind else key for key in order]
    return order, lines
