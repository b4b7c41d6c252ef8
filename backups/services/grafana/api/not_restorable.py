"""What a backup through the API cannot bring back: secrets, one by one, and what the API does not let out or in again."""

from collections.abc import Iterator

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Holdings, listed
from backups.services.grafana.client import Client, Denied, Missing, as_list

ALWAYS = (
    "the history of dashboards: the API lets a saved version back in on its own server only",
    "silences, public dashboards, correlations, query history, stars, users' own preferences, plugins' settings: not read",
    "permissions on data sources: not read",
    "grafana.ini and what is in it (SMTP, LDAP, single sign-on), and single sign-on settings made in the UI: not read",
    "who wrote an annotation, and annotations that alerts made",
    "the uid of playlists: links to them change",
)
"""Said in every manifest: it is so for every server."""


def secrets(holdings: Holdings) -> list[str]:
    """Every secret that is in the server and not in the backup, by name."""
    return sorted(_secrets(holdings))


def _secrets(holdings: Holdings) -> Iterator[str]:
    for key, body in holdings.objects.items():
        if key.kind == kinds.SOURCE:
            yield from (f"{key} ({body.get('name')}): {name}" for name in body.get("secureJsonFields") or [])
        elif key.kind == kinds.POINT:
            for one in body.get("integrations") or []:
                yield from (f"{key}, {one.get('type')} {one.get('uid')}: {path}" for path in kinds.redacted(one.get("settings")))
        elif key.kind == kinds.USER:
            yield f"{key}: password"
        elif key.kind == kinds.ROBOT:
            yield from (f"{key}: token {name}" for name in body.get("tokens") or [])


def snapshots(client: Client, organisation: int, holdings: Holdings) -> None:
    """Frozen dashboards are listed by name and not kept: they are sealed pictures, and expire."""
    try:
        found = as_list(client.get("api", "dashboard", "snapshots", limit=1000))
    except (Denied, Missing):
        return
    names = sorted(str(one.get("name") or one.get("key")) for one in found)
    if names:
        holdings.beyond.append(f"org {organisation}: {len(names)} snapshots of dashboards, not kept: {listed(names)}")


def sum_up(holdings: Holdings) -> None:
    """Add what the objects themselves tell, then what is so of every server, to `beyond`."""
    files = sorted(
        str(key)
        for key, body in holdings.objects.items()
        if (key.kind == kinds.SOURCE and body.get("readOnly")) or (key.kind == kinds.BOARD and body.get("provisioned"))
    )
    if files:
        holdings.beyond.append(f"{len(files)} objects are provided by files, and come back as people's own: {listed(files)}")
    numbered = sorted(
        str(key)
        for key, body in holdings.objects.items()
        if key.kind == kinds.PLAYLIST and any(item.get("type") == "dashboard_by_id" for item in body.get("items") or [])
    )
    if numbered:
        holdings.beyond.append(f"playlists that name dashboards by number, which changes: {listed(numbered)}")
    if holdings.plugins:
        told = ", ".join(f"{one['id']} {one['version']}" for one in holdings.plugins)
        holdings.beyond.append(f"plugins, to be installed again: {told}")
    holdings.beyond += ALWAYS


def closed(holdings: Holdings) -> list[str]:
    """The kinds that could not be read, with the reason."""
    lines = [
        f"{f'org {organisation}' if organisation else 'grafana'}: {kinds.plural(kind)} are not in the backup: {reason}"
        for (organisation, kind), reason in sorted(holdings.closed.items())
    ]
    partial = sorted({organisation for organisation, _ in holdings.closed if organisation})
    return lines + [
        f"org {organisation}: whoever reads is not its administrator; what it may not see is not in the backup, and not counted"
        for organisation in partial
        if any("HTTP 403" in reason for (number, _), reason in holdings.closed.items() if number == organisation)
    ]
