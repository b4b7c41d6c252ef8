"""Lists what a backup through the API cannot bring back: each secret, and what the API does not return or does not accept."""

from collections.abc import Mapping
from typing import Final

from backups import plural
from backups.services.grafana.api import kinds, left_out
from backups.services.grafana.api.objects import Objects, shortened
from backups.services.grafana.api.resources import playlists
from backups.services.grafana.api.resources.order import resource
from backups.services.grafana.client import Client, Denied, Missing, as_list

_FREE: Final = "Open Source"
"""The name of the edition without a licence."""


def secrets(objects: Objects) -> list[str]:
    """Every secret that is in the server and not in the backup, by name."""
    return sorted(f"{key}{secret}" for key, body in objects.bodies.items() for secret in resource(key.kind).secrets(body))


def snapshots(client: Client, organisation: int, objects: Objects) -> None:
    """Frozen dashboards are listed by name and not kept: they are sealed pictures, and expire."""
    try:
        answer = as_list(client.get("api", "dashboard", "snapshots", limit=1000))
    except (Denied, Missing):
        return
    names = sorted(str(one.get("name") or one.get("key")) for one in answer)
    if names:
        objects.limits.append(
            f"org {organisation}: {plural.count(len(names), 'snapshot')} of dashboards, not kept: {shortened(names)}"
        )


def edition(client: Client, objects: Objects) -> None:
    """Note whether the server is a licensed one, which has more to leave out. Where it does not say so, it is taken for one."""
    try:
        answer = client.get("api", "frontend", "settings")
    except (Denied, Missing):
        answer = None
    built = answer.get("buildInfo") if isinstance(answer, Mapping) else None
    named = built.get("edition") if isinstance(built, Mapping) else None
    objects.licensed = objects.licensed or named != _FREE


def sum_up(objects: Objects) -> None:
    """Add to `limits` what the objects themselves show, then what is so of every server."""
    files = sorted(str(key) for key, body in objects.bodies.items() if resource(key.kind).from_file(body))
    if files:
        objects.limits.append(
            f"{plural.count(len(files), 'object')} provided by files, which will come back as people's own: {shortened(files)}"
        )
    numbered = sorted(
        str(key) for key, body in objects.bodies.items() if key.kind == kinds.PLAYLIST and playlists.by_number(body)
    )
    if numbered:
        objects.limits.append(f"playlists that name dashboards by number, which changes: {shortened(numbered)}")
    if objects.plugins:
        plugins = ", ".join(f"{one['id']} {one['version']}" for one in objects.plugins)
        objects.limits.append(f"plugins, to be installed again: {plugins}")
    kept_only = {
        f"{kinds.plural(kind)}: {', '.join(members)}"
        for kind in sorted({key.kind for key in objects.bodies})
        if (members := [*resource(kind).not_compared, *resource(kind).not_kept])
    }
    if kept_only:
        objects.limits.append(
            f"members that are not kept or not compared, since they change by themselves: {'; '.join(sorted(kept_only))}"
        )
    without = sorted(str(key) for key, body in objects.bodies.items() if key.kind == kinds.PLAYLIST and not body.get("uid"))
    if without:
        objects.limits.append(f"playlists that get another uid, so that links to them change: {shortened(without)}")
    objects.limits += left_out.told(enterprise=objects.licensed)


def closed(objects: Objects) -> list[str]:
    """The kinds that could not be read, with the reason."""
    lines = [
        f"{f'org {organisation}' if organisation else 'grafana'}: {kinds.plural(kind)} are not in the backup: {reason}"
        for (organisation, kind), reason in sorted(objects.closed.items())
    ]
    partial = sorted({organisation for organisation, _ in objects.closed if organisation})
    return lines + [
        f"org {organisation}: the caller is not its administrator; what it may not see is not in the backup, and not counted"
        for organisation in partial
        if any(number == organisation for number, _ in objects.denied)
    ]


def partial(objects: Objects) -> list[str]:
    """Which kinds the caller may not read, a phrase for each organisation: what such a backup proves is not all of it.

    The server's own users and other organisations are not among them: a token has its organisation only.
    """
    kept_back: dict[int, list[str]] = {}
    for organisation, kind in sorted(objects.denied):
        if organisation:
            kept_back.setdefault(organisation, []).append(kinds.plural(kind))
    return [f"{', '.join(names)} of org {number} could not be read" for number, names in kept_back.items()]
