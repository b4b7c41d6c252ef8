"""Reads everything that a server's API returns, once.

A kind that is refused is marked as closed, never taken for empty.
"""

from collections.abc import Mapping

from backups.errors import LifeboatError
from backups.services.grafana.api import alerting, kinds, not_restorable
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources import organisations
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.order import RESOURCES
from backups.services.grafana.api.resources.users import USERS
from backups.services.grafana.client import Client, Denied, Missing, as_list


def read(client: Client, only: Mapping[int, int] | None = None) -> Objects:
    """Read the server. Raises LifeboatError when it stops answering, or the caller may read no dashboards at all.

    only: the organisations to read, and the number that each has in a backup; by default all that may be read, by its numbers
    """
    with client.understood():
        return _everything(client, only)


def _everything(client: Client, only: Mapping[int, int] | None) -> Objects:
    objects = Objects()
    visible = organisations.visible(client, objects)
    if 0 not in {organisation for organisation, kind in objects.closed if kind == kinds.ORGANISATION}:
        _one(client, 0, USERS, objects)
    for here, name in visible.items():
        number = here if only is None else only.get(here)
        if number is None:
            continue
        key = Key(number, kinds.ORGANISATION, name)
        objects.bodies[key], objects.numbers[key] = {"name": name}, here
        inside = client.within(here if len(visible) > 1 or only else None)
        no_alerting = alerting.closed(inside)
        for resource in RESOURCES:
            if no_alerting and resource.kind in alerting.KINDS:
                objects.closed[number, resource.kind] = no_alerting
            else:
                _one(inside, number, resource, objects)
        _plugins(inside, objects)
        not_restorable.snapshots(inside, number, objects)
        not_restorable.edition(inside, objects)
    numbers = list(objects.organisations)
    if numbers and all((number, kinds.DASHBOARD) in objects.closed for number in numbers):
        reasons = {reason for (_, kind), reason in objects.closed.items() if kind == kinds.DASHBOARD}
        raise LifeboatError(
            f"dashboards may not be read in any organisation: {', '.join(sorted(reasons))}",
            hint="give the service account (or the user) the role Admin in the organisation",
        )
    not_restorable.sum_up(objects)
    return objects


def _one(client: Client, organisation: int, resource: Resource, objects: Objects) -> None:
    try:
        resource.read(client, organisation, objects)
    except (Denied, Missing) as error:
        # What was read of the kind until then would look like all of it.
        for key in [key for key in objects.bodies if (key.organisation, key.kind) == (organisation, resource.kind)]:
            del objects.bodies[key]
        objects.closed[organisation, resource.kind] = error.message
        if isinstance(error, Denied):
            objects.denied.add((organisation, resource.kind))


def _plugins(client: Client, objects: Objects) -> None:
    """Id and version of every plugin that did not come with Grafana itself."""
    try:
        found = as_list(client.get("api", "plugins", embedded=0))
    except (Denied, Missing):
        return
    known = {one["id"] for one in objects.plugins}
    for one in found:
        if one.get("signature") != "internal" and one.get("id") not in known:
            objects.plugins.append({"id": str(one.get("id")), "version": (one.get("info") or {}).get("version")})
