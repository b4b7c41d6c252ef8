"""Plans what a restore writes to a server, from what the backup and the server hold: nothing is written, all is named.

What the server has beside the backup stays: where a write replaces a whole, it is sent along.
"""

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from backups.services.grafana.api import kinds, wholes
from backups.services.grafana.api.bodies import Bodies
from backups.services.grafana.api.clashes import Version, clashes, in_order
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.order import CONTENT, resource

_PARTS: Final = {kinds.RULE_GROUP: ("rules", "rule"), kinds.CONTACT_POINT: ("integrations", "integration")}
"""Objects whose parts have uids of their own, by which they may be moved from one to another."""


@dataclass(frozen=True)
class Plan:
    """What a restore would do to a server.

    wanted: what it writes: the backup, with what the server has beside it where a write replaces more than that
    unseen: objects that are not written, since what the server has in their place cannot be read, and would be replaced
    kept, moved, emptied: see `Target`
    replaced: what the server has under the same name is not equal, and is not among `held`
    held: what of the server's own content is written over or stays, by name: it is not equal to the backup
    clashes: why the server cannot take the backup. doubts: what may be refused, or not be what it was
    """

    wanted: Objects
    unseen: Collection[Key]
    kept: list[str]
    moved: list[str]
    emptied: Collection[Key]
    replaced: list[Key]
    held: list[str]
    clashes: list[str]
    doubts: list[str]


def planned(
    wanted: Objects,
    before: Objects,
    first: Container[Key] | None = None,
    version: Version = None,
    login: str | None = None,
) -> Plan:
    """Plan the restore of a backup.

    before: what the server holds now. version: of the server, None where it is not known
    first: what it held before an earlier try that did not come to its end: all else that is the backup's is that one's work
    login: of whoever restores, None for a service account
    """
    known: Container[Key] = before.bodies if first is None else first
    kept: list[str] = []
    moved, emptied = _moves(wanted, before)
    rules: dict[int, set[str]] = {}
    for key in _of_kind(wanted, kinds.RULE_GROUP):
        rules.setdefault(key.organisation, set()).update(_uids(wanted.bodies[key], "rules"))
    order, exchanged = in_order(wanted, before, version)
    unseen = {key for key in order if key.kind in {*wholes.WHOLES, kinds.RULE_GROUP} and _closed(before, key)}
    merged = replace(wanted, bodies=Bodies())
    bodies = merged.packed
    for key in order:
        had: Mapping[str, Any] | None = before.bodies.get(key)
        if had is not None and key not in known:
            # People may have come between the tries.
            had = wholes.without_own(key.kind, had, login)
        if key in unseen:
            continue
        if had is None or key.kind not in {*wholes.WHOLES, kinds.RULE_GROUP}:
            bodies.kept[key] = wanted.packed.kept[key]
            continue
        if key.kind == kinds.RULE_GROUP:
            body, extra = wholes.rules(wanted.bodies[key], had, rules[key.organisation])
        else:
            body, extra = wholes.WHOLES[key.kind](wanted.bodies[key], had)
        bodies[key] = body
        kept += [f"{key}: {one}" for one in extra]
    held = sorted(
        str(key)
        for key in before.bodies
        if key.kind in CONTENT and key in known and key not in emptied and not _equal(key, wanted, before)
    )
    replaced = [
        key
        for key in bodies
        if key in before.bodies
        and str(key) not in held
        and not resource(key.kind).same(before.bodies[key], bodies[key])
        and (key in known or wholes.loses(key.kind, before.bodies[key], bodies[key], login))
    ]
    refusing, doubtful = clashes(wanted, before, version)
    return Plan(merged, unseen, kept, moved, emptied, sorted(replaced), held, [*exchanged, *refusing], doubtful)


def _closed(before: Objects, key: Key) -> bool:
    return (key.organisation, key.kind) in before.closed


def _equal(key: Key, wanted: Objects, before: Objects) -> bool:
    return key in wanted.bodies and resource(key.kind).same(before.bodies[key], wanted.bodies[key])


def _of_kind(objects: Objects, kind: str) -> list[Key]:
    return [key for key in objects.bodies if key.kind == kind]


def _uids(body: Mapping[str, Any], inside: str) -> Iterator[str]:
    yield from (str(one["uid"]) for one in body.get(inside) or [] if one.get("uid"))


def _moves(wanted: Objects, before: Objects) -> tuple[list[str], set[Key]]:
    """What the server has in another group or contact point than the backup, a line each; and those that it was all of."""
    lines, emptied = [], set()
    for kind, (inside, part) in _PARTS.items():
        home = {(key.organisation, uid): key for key in _of_kind(wanted, kind) for uid in _uids(wanted.bodies[key], inside)}
        for key in _of_kind(before, kind):
            parts = before.bodies[key].get(inside) or []
            leaving = [uid for uid in _uids(before.bodies[key], inside) if home.get((key.organisation, uid), key) != key]
            lines += [f"{part} {uid} of {key} goes back to {home[key.organisation, uid]}" for uid in leaving]
            if leaving and len(leaving) == len(parts) and key not in wanted.bodies:
                emptied.add(key)
                lines.append(f"{key} holds nothing else, and is gone then")
    return lines, emptied
