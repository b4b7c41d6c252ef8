"""Puts a backup into a server through its API, in the order of `RESOURCES`, and states what the server holds afterwards.

What the server has under other names stays as it is. It may be repeated after it was interrupted: it goes on from what is there.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from backups import plural
from backups.errors import LifeboatError
from backups.services.grafana import again
from backups.services.grafana.api import alerting, kinds
from backups.services.grafana.api.facts import facts
from backups.services.grafana.api.objects import Key, Objects, shortened
from backups.services.grafana.api.plan import Plan, planned
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources import organisations, people
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.order import RESOURCES
from backups.services.grafana.api.resources.order import resource as resource_of
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.api.resources.users import USERS
from backups.services.grafana.client import Client, Unclear
from backups.services.http.address import shown
from backups.witness import Fact

log = logging.getLogger(__name__)

_UNCLEAR_WRITES, _UNCLEAR_WRITES_OF_A_KIND = 2, 50
"""How often a write is made again whose outcome was not known: of one object, and of all of a kind in an organisation."""


def put(
    wanted: Objects,
    client: Client,
    say: Callable[[str], None] = log.info,
    first: Collection[Key] | None = None,
    *,
    over: bool = True,
) -> Target:
    """Put everything of a backup into the server, as far as it takes it.

    say: told why it takes long
    first: what it held before an earlier try that was ended in the middle; by default what it holds now
    over: whether content that the server has may be written over, and stay beside the backup's
    Raises Clash, before anything is written, for what the server cannot take beside what it holds; LifeboatError for an
    organisation that is not there and may not be made; ObjectRefused for objects that are refused, when all others are there;
    Unclear when the server goes on failing.
    """
    with client.understood():
        return _put(wanted, client, say, first, over=over)


class Clash(LifeboatError):
    """The server cannot hold the backup beside what it holds; nothing was written."""


def foresee(wanted: Objects, client: Client, first: Collection[Key] | None = None) -> Plan:
    """Plan what `put` would do; writes nothing. Raises as it does before the first write, but for clashes: the plan has them."""
    with client.understood():
        return _foreseen(wanted, client, organisations.find(wanted, client), first)[1]


def _foreseen(wanted: Objects, client: Client, found: organisations.Found, first: Collection[Key] | None) -> tuple[Objects, Plan]:
    """What the server holds, and what would become of it."""
    before = read(client, {there: number for number, there in found.numbers.items()})
    named = Objects(before.bodies, closed=before.closed)
    stand_ins = people.stand_ins(wanted, before)
    people.named_by(stand_ins, wanted, named)
    plan = planned(wanted, named, first, _version(client), client.login)
    if found.renamed is not None:
        number, name = found.renamed
        plan.moved.append(f"organisation {name} gets the name {wanted.organisations[number]}")
    others = dict(_of_others(plan.wanted, named.bodies.get))
    # Accounts that stand in for others, and whoever restores, stay as they are.
    as_they_are = {key for key in plan.replaced if key.kind == kinds.USER and key.name in stand_ins}
    as_they_are |= {key for key in plan.replaced if key.kind in (kinds.USER, kinds.MEMBER) and key.name == client.login}
    plan.replaced[:] = [key for key in plan.replaced if key not in others and key not in as_they_are]
    for key, who in others.items():
        if not resource_of(key.kind).same(named.bodies.get(key), plan.wanted.bodies[key]):
            plan.doubts.append(f"{key}: {who} provides it there, so it is left as it is")
    return before, plan


def _version(client: Client) -> tuple[int, int] | None:
    parts = re.match(r"(\d+)\.(\d+)", again.insist(client.health, client.pause).version or "")
    return (int(parts[1]), int(parts[2])) if parts else None


def _put(wanted: Objects, client: Client, say: Callable[[str], None], first: Collection[Key] | None, *, over: bool) -> Target:
    found = organisations.find(wanted, client)
    # An earlier try may just have made them.
    without = _without_alerting(wanted, client, found.numbers, say)
    before, plan = _foreseen(wanted, client, found, first)
    _require_takes(client, plan, over=over)
    numbers, unnamed = organisations.make(wanted, found, client)
    if made := {numbers[number]: number for number in found.missing}:
        without |= _without_alerting(wanted, client, {number: there for there, number in made.items()}, say)
        _take_in(before, read(client, made), made.values())
    target = Target(
        client, plan.wanted, before, numbers, kept=plan.kept, moved=plan.moved, emptied=plan.emptied, replaced=plan.replaced
    )
    for key in unnamed:
        target.cannot(key, "the organisation has another name there, and the caller may not change it")
    for key in plan.unseen:
        if key.organisation not in without or key.kind not in alerting.KINDS:
            target.cannot(key, "what is there in its place may not be read, and would be replaced: it is left as it is")
    for number, why in without.items():
        _leave_alerting(target, number, why)
    _leave_to_others(target)
    _put_kind(target, USERS, 0)
    for organisation in sorted(numbers):
        for resource in RESOURCES:
            if organisation not in without or resource.kind not in alerting.KINDS:
                _put_kind(target, resource, organisation)
    target.require_all_taken()
    return target


def _require_takes(client: Client, plan: Plan, *, over: bool) -> None:
    if plan.clashes:
        raise Clash(
            f"{shown(client.url)} cannot take the backup, {plural.count(len(plan.clashes), 'clash', 'clashes')}: "
            f"{'; '.join(plan.clashes)}",
            hint="rename or delete there what is in the way, each of them, and restore again",
        )
    if plan.held and not over:
        raise Clash(
            f"{shown(client.url)} holds something already that is not the backup's: {shortened(plan.held, 5)}",
            hint="write over what has the same name there with lifeboat restore --replace (all else stays)",
        )


def _take_in(before: Objects, new: Objects, numbers: Collection[int]) -> None:
    """New organisations hold what the server gives each."""
    before.bodies.update({key: body for key, body in new.bodies.items() if key.organisation in numbers})
    before.numbers.update(new.numbers)
    before.closed.update(new.closed)


def _put_kind(target: Target, resource: Resource, organisation: int) -> None:
    """Put what an organisation has of a kind. After a write that may have been carried out, see whether it was, and go on."""
    unclear: Counter[object] = Counter()
    while True:
        try:
            resource.put(target, organisation)
        except Unclear as error:
            unclear[error.about] += 1
            if unclear[error.about] > _UNCLEAR_WRITES or unclear.total() > _UNCLEAR_WRITES_OF_A_KIND:
                raise
            # Teams' members and the like are read by the numbers of what they belong to.
            others = (key for key in target.before.bodies if (key.organisation, key.kind) != (organisation, resource.kind))
            now = Objects(target.before.packed.subset(others), dict(target.before.numbers))
            resource.read(target.within(organisation), organisation, now)
            target.look_again(organisation, resource.kind, now)
        else:
            return


def _without_alerting(wanted: Objects, client: Client, numbers: Mapping[int, int], say: Callable[[str], None]) -> dict[int, str]:
    """Organisations that have no alerting there even after a while, with the reason; those that need none are not asked."""
    needing = {key.organisation for key in wanted.bodies if key.kind in alerting.KINDS}
    names = {number: wanted.organisations[number] for number in numbers if number in needing}
    left = alerting.wait({names[number]: client.within(numbers[number]) for number in names}, say)
    return {number: left[name] for number, name in names.items() if name in left}


def _leave_alerting(target: Target, number: int, why: str) -> None:
    keys = [key for key in target.wanted.bodies if key.organisation == number and key.kind in alerting.KINDS]
    target.unattainable |= set(keys)
    names = shortened(sorted(f"{key.kind} {key.name}".rstrip() for key in keys))
    target.notes.append(f"org {number}: {plural.count(len(keys), 'object')} of alerting not put there: {why}: {names}")


def _leave_to_others(target: Target) -> None:
    """What the target's own files or another tool provide there is theirs; what is equal need not be written anyhow."""
    for key, who in _of_others(target.wanted, target.had):
        target.leave(key, f"{who} provides it there")


def _of_others(wanted: Objects, had: Callable[[Key], Mapping[str, Any] | None]) -> Iterator[tuple[Key, str]]:
    """The backup's objects that somebody else provides on the server, and who does."""
    for key, body in wanted.bodies.items():
        there = had(key)
        if there is not None and (who := resource_of(key.kind).provider(there, body)):
            yield key, who


def present(target: Target, closed: Iterable[tuple[int, str]]) -> list[Fact]:
    """State what the server holds now of what the backup holds: what else was there before is left out.

    What somebody else provides there is stated where it is equal; `Target.unattainable` has it where it is not.
    closed: kinds that are not in the backup
    """
    now = read(target.client, {there: number for number, there in target.numbers.items()})
    people.named_as_in_the_backup(target, now)
    for key, points in kept_integrations(target).items():
        body = now.bodies.get(key)
        if body is not None:
            now.bodies[key] = body | {"integrations": [one for one in body["integrations"] if one not in points]}
    for known in RESOURCES:
        known.recognised(target, now)
    others = {key for key in target.before.bodies if key not in target.wanted.bodies}
    target.equal = {key for key in target.left if resource_of(key.kind).same(now.bodies.get(key), target.wanted.bodies[key])}
    target.unattainable |= target.left.keys() - target.equal
    with target.client.understood():
        return facts(now, closed=closed, without=others | target.unattainable)


def left_to_others(target: Target) -> list[str]:
    """What somebody else provides there, a line each for what is equal and for each that is not; after `present`."""
    same = sorted(str(key) for key in target.equal)
    return [
        *([f"provided there by others, and equal to the backup: {shortened(same)}"] if same else []),
        *(
            f"{key} was left as it is, and differs from the backup: {why}"
            for key, why in sorted(target.left.items())
            if key not in target.equal
        ),
    ]


def kept_integrations(target: Target) -> dict[Key, list[dict[str, Any]]]:
    """Integrations that were there before, in contact points that the backup has without them: they stay, too.

    A new server of before 12.4 has one that no API can remove, since its uid is empty: the default address.
    """
    kept = {}
    for key, body in target.before.bodies.items():
        if key.kind == kinds.CONTACT_POINT and key in target.wanted.bodies:
            known = {one.get("uid") for one in target.wanted.bodies[key]["integrations"]}
            if found := [one for one in body["integrations"] if one.get("uid") not in known]:
                kept[key] = found
    return kept


def unequal(expected: Iterable[Fact], observed: Iterable[Fact]) -> list[str]:
    """What differs, a sentence each."""
    wanted, found = ({(fact.subject, fact.metric): fact.value for fact in side} for side in (expected, observed))
    return [
        f"{subject} {metric}: {_of(wanted, (subject, metric))} in the backup, {_of(found, (subject, metric))} there"
        for subject, metric in dict.fromkeys([*wanted, *found])
        if wanted.get((subject, metric)) != found.get((subject, metric))
    ]


def _of(facts: Mapping[tuple[str, str], object], key: tuple[str, str]) -> object:
    return facts.get(key, "nothing")
