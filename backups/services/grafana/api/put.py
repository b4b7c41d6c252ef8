"""Puts a backup into a server through its API, in the order of `RESOURCES`, and states what the server holds afterwards.

What the server has under other names stays as it is. It may be repeated after it was interrupted: it goes on from what is there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.facts import facts
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources import organisations
from backups.services.grafana.api.resources.order import RESOURCES
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.api.resources.users import USERS
from backups.services.grafana.client import Client
from backups.witness import Fact


def put(wanted: Objects, client: Client) -> Target:
    """Put everything of a backup into the server, as far as it takes it.

    Raises LifeboatError for an organisation that is not there and may not be made, ObjectRefused for an object that is refused.
    """
    with client.understood():
        return _put(wanted, client)


def _put(wanted: Objects, client: Client) -> Target:
    numbers, unnamed = organisations.find_or_make(wanted, client)
    target = Target(client, wanted, read(client, {there: number for number, there in numbers.items()}), numbers)
    for key in unnamed:
        target.cannot(key, "the organisation has another name there, and the caller may not change it")
    USERS.put(target, 0)
    for organisation in sorted(numbers):
        for resource in RESOURCES:
            resource.put(target, organisation)
    return target


def present(target: Target, closed: Iterable[tuple[int, str]]) -> list[Fact]:
    """State what the server holds now of what the backup holds: what else was there before is left out.

    closed: kinds that are not in the backup
    """
    now = read(target.client, {there: number for number, there in target.numbers.items()})
    for key, points in kept_integrations(target).items():
        body = now.bodies.get(key)
        if body is not None:
            now.bodies[key] = body | {"integrations": [one for one in body["integrations"] if one not in points]}
    others = {key for key in target.before.bodies if key not in target.wanted.bodies}
    with target.client.understood():
        return facts(now, closed=closed, without=others | target.unattainable)


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
