"""Lists what a backup through the API cannot bring back: each secret, and what the API does not return or does not accept."""

from backups import plural
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Objects, shortened
from backups.services.grafana.api.resources import playlists
from backups.services.grafana.api.resources.order import resource
from backups.services.grafana.client import Client, Denied, Missing, as_list

ALWAYS = (
    "the history of dashboards: the API lets a saved version back in on its own server only",
    "silences, public dashboards, correlations, query history, stars, users' own preferences, plugins' settings: not read",
    "permissions on data sources: not read",
    "grafana.ini and what is in it (SMTP, LDAP, single sign-on), and single sign-on settings made in the UI: not read",
    "who wrote an annotation, and annotations that alerts made",
    "the uid of playlists: links to them change",
)
"""In every manifest: it is so for every server."""


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
        f"{kinds.plural(kind)}: {', '.join(left_out)}"
        for kind in sorted({key.kind for key in objects.bodies})
        if (left_out := [*resource(kind).not_compared, *resource(kind).not_kept])
    }
    if kept_only:
        objects.limits.append(
            f"members that are not kept or not compared, since they change by themselves: {'; '.join(sorted(kept_only))}"
        )
    objects.limits += ALWAYS


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
