"""Puts playlists, annotations and preferences into a server."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key
from backups.services.grafana.api.put.target import Target


def playlists(target: Target, organisation: int) -> None:
    """Create or change playlists, by their names: the API gives a new one a uid of its own."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.PLAYLIST).items():
        key = Key(organisation, kinds.PLAYLIST, name)
        items = [item | {"order": order} for order, item in enumerate(body.get("items") or [], 1)]
        sent = body | {"items": items}
        with target.putting(key):
            if target.had(key) is None:
                client.send("POST", "api", "playlists", body=sent)
            elif target.had(key) != body:
                uid = str(target.number(organisation, kinds.PLAYLIST, name))
                client.send("PUT", "api", "playlists", uid, body=sent)


def annotations(target: Target, organisation: int) -> None:
    """Make the annotations that are not there; the oldest first, as they were written."""
    client = target.within(organisation)
    found = target.wanted.of(organisation, kinds.ANNOTATION)
    for name, body in sorted(found.items(), key=lambda one: (int(one[1].get("time") or 0), one[0])):
        key = Key(organisation, kinds.ANNOTATION, name)
        if target.had(key) is None:
            with target.putting(key):
                client.send("POST", "api", "annotations", body=body)


def preferences(target: Target, organisation: int) -> None:
    """Set the organisation's preferences."""
    for body in target.wanted.of(organisation, kinds.PREFERENCES).values():
        key = Key(organisation, kinds.PREFERENCES, "")
        with target.putting(key):
            if target.had(key) != body:
                target.within(organisation).send("PUT", "api", "org", "preferences", body=body)


def team_preferences(target: Target, organisation: int) -> None:
    """Set the preferences of each team that had some."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.TEAM_PREFERENCES).items():
        key = Key(organisation, kinds.TEAM_PREFERENCES, name)
        number = target.number(organisation, kinds.TEAM, name)
        with target.putting(key):
            client.send("PUT", "api", "teams", str(number), "preferences", body=body)
