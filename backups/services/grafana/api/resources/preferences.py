"""Reads the preferences of an organisation and of its teams, and sets them again."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import NUMBER, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Missing, member

_NOT_KEPT = {"homeDashboardId": NUMBER, "id": NUMBER}


def _read(client: Client, organisation: int, objects: Objects) -> None:
    answer = client.get("api", "org", "preferences")
    member(answer, "theme")  # raises for an answer that is no object
    objects.bodies[Key(organisation, kinds.PREFERENCES, "")] = without(answer, _NOT_KEPT)


def _put(target: Target, organisation: int) -> None:
    for key, body, had in target.each(organisation, kinds.PREFERENCES):
        with target.putting(key):
            if had != body:
                target.within(organisation).send("PUT", "api", "org", "preferences", body=body)


def _read_of_teams(client: Client, organisation: int, objects: Objects) -> None:
    """Of each team that has some."""
    for name in objects.of(organisation, kinds.TEAM):
        try:
            answer = client.get("api", "teams", str(objects.number(organisation, kinds.TEAM, name)), "preferences")
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        member(answer, "theme")  # raises for an answer that is no object
        body = without(answer, _NOT_KEPT)
        if any(body.values()):
            objects.bodies[Key(organisation, kinds.TEAM_PREFERENCES, name)] = body


def _put_of_teams(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.TEAM_PREFERENCES):
        if had == body:
            continue
        number = target.number(organisation, kinds.TEAM, key.name)
        with target.putting(key):
            client.send("PUT", "api", "teams", str(number), "preferences", body=body)


PREFERENCES = Resource(kind=kinds.PREFERENCES, read=_read, put=_put, not_kept=_NOT_KEPT)
TEAM_PREFERENCES = Resource(kind=kinds.TEAM_PREFERENCES, read=_read_of_teams, put=_put_of_teams, not_kept=_NOT_KEPT)
