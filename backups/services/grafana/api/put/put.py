"""Puts a backup into a server through its API, in an order in which everything finds what it refers to.

What the server has under other names stays as it is. It may be begun again after it died: it goes on over what is there.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds
from backups.services.grafana.api.facts import facts
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.api.put import alerts, dashboards, people, rest
from backups.services.grafana.api.put.target import Target
from backups.services.grafana.api.read.read import organisations, read
from backups.services.grafana.client import Client, Denied
from backups.witness import Fact

_STEPS: tuple[Callable[[Target, int], None], ...] = (
    people.members,
    people.service_accounts,
    people.teams,
    people.team_members,
    dashboards.folders,
    dashboards.folder_permissions,
    dashboards.data_sources,
    dashboards.library_panels,
    dashboards.dashboards,
    dashboards.dashboard_permissions,
    alerts.mute_timings,
    alerts.templates,
    alerts.contact_points,
    alerts.policies,
    alerts.rule_groups,
    rest.playlists,
    rest.annotations,
    rest.preferences,
    rest.team_preferences,
)


def put(wanted: Holdings, client: Client) -> Target:
    """Put everything of a backup into the server, as far as it takes it.

    Raises LifeboatError for an organisation that is not there and may not be made, NotTaken for an object that is refused.
    """
    numbers, unnamed = _organisations(wanted, client)
    target = Target(client, wanted, read(client, {here: number for number, here in numbers.items()}), numbers)
    for key in unnamed:
        target.cannot(key, "the organisation has another name there, and whoever writes may not change it")
    people.users(target)
    for organisation in sorted(numbers):
        for step in _STEPS:
            step(target, organisation)
    return target


def seen(target: Target, closed: Iterable[tuple[int, str]]) -> list[Fact]:
    """What the server holds now of what the backup holds, as facts: what else was there before is left out.

    closed: kinds that are not in the backup
    """
    now = read(target.client, {here: number for number, here in target.numbers.items()})
    for key, points in kept_integrations(target).items():
        body = now.objects.get(key)
        if body is not None:
            now.objects[key] = body | {"integrations": [one for one in body["integrations"] if one not in points]}
    own = {key for key in target.there.objects if key not in target.wanted.objects}
    return facts(now, closed=closed, without=own | target.unattainable)


def kept_integrations(target: Target) -> dict[Key, list[dict[str, Any]]]:
    """Integrations that were there before, in contact points that the backup has without them: they stay, too.

    A new server of before 12.4 has one that no API can remove, since its uid is empty: a default address of nobody's.
    """
    kept = {}
    for key, body in target.there.objects.items():
        if key.kind == kinds.POINT and key in target.wanted.objects:
            known = {one.get("uid") for one in target.wanted.objects[key]["integrations"]}
            if found := [one for one in body["integrations"] if one.get("uid") not in known]:
                kept[key] = found
    return kept


def _organisations(wanted: Holdings, client: Client) -> tuple[dict[int, int], list[Key]]:
    """The server's number of each organisation, found by name or made; and those that could not be given their name.

    One that is alone on both sides is the same, whatever its name; and the first one takes a new server's only one.
    """
    probe = Holdings()
    here = organisations(client, probe)
    administered = (0, kinds.ORGANISATION) not in probe.closed
    by_name = {name: number for number, name in here.items()}
    names = wanted.organisations
    found = {number: by_name[name] for number, name in names.items() if name in by_name}
    unnamed: list[Key] = []
    if not found and len(here) == 1 and (administered or len(names) == 1):
        first, (only,) = min(names), here
        found[first] = only
        unnamed = _rename(client, first, names[first], only, administered=administered)
    for number, name in names.items():
        if number in found:
            continue
        if not administered:
            raise LifeboatError(
                f"the organisation {name} is not on {client.url}, as far as whoever asks may see: {', '.join(by_name)}",
                hint="restore as the server's administrator: user and password instead of a token",
            )
        found[number] = int(client.within(None).send("POST", "api", "orgs", body={"name": name})["orgId"])
    return found, unnamed


def _rename(client: Client, number: int, name: str, here: int, *, administered: bool) -> list[Key]:
    if administered:
        try:
            client.within(None).send("PUT", "api", "orgs", str(here), body={"name": name})
        except Denied:
            return [Key(number, kinds.ORGANISATION, name)]
        return []
    return [Key(number, kinds.ORGANISATION, name)]


def unequal(expected: Iterable[Fact], observed: Iterable[Fact]) -> list[str]:
    """What differs, in words."""
    wanted, found = ({(fact.subject, fact.metric): fact.value for fact in side} for side in (expected, observed))
    return [
        f"{subject} {metric}: {_of(wanted, (subject, metric))} in the backup, {_of(found, (subject, metric))} there"
        for subject, metric in dict.fromkeys([*wanted, *found])
        if wanted.get((subject, metric)) != found.get((subject, metric))
    ]


def _of(facts: Mapping[tuple[str, str], object], key: tuple[str, str]) -> object:
    return facts.get(key, "nothing")
