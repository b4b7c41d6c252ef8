"""Reads everything of a server that its API lets out, once. A kind that is refused is closed, and never an empty one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds, not_restorable
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.api.read import alerts, dashboards, people, rest
from backups.services.grafana.client import Client, Denied, Missing, as_list, member

Reader = Callable[[Client, int, Holdings], None]

READERS: Sequence[tuple[str, Reader]] = (
    (kinds.MEMBER, people.members),
    (kinds.ROBOT, people.service_accounts),
    (kinds.TEAM, people.teams),
    (kinds.TEAM_MEMBERS, people.team_members),
    (kinds.FOLDER, dashboards.folders),
    (kinds.FOLDER_PERMISSIONS, dashboards.folder_permissions),
    (kinds.SOURCE, dashboards.data_sources),
    (kinds.PANEL, dashboards.library_panels),
    (kinds.BOARD, dashboards.dashboards),
    (kinds.BOARD_PERMISSIONS, dashboards.dashboard_permissions),
    (kinds.TIMING, alerts.mute_timings),
    (kinds.TEMPLATE, alerts.templates),
    (kinds.POINT, alerts.contact_points),
    (kinds.POLICIES, alerts.policies),
    (kinds.GROUP, alerts.rule_groups),
    (kinds.PLAYLIST, rest.playlists),
    (kinds.ANNOTATION, rest.annotations),
    (kinds.PREFERENCES, rest.preferences),
    (kinds.TEAM_PREFERENCES, rest.team_preferences),
)
"""In the order of a restore; what depends on another kind's names comes after it."""


def read(client: Client, only: Mapping[int, int] | None = None) -> Holdings:
    """Read the server. Raises LifeboatError when it stops answering, or lets nothing out that would be worth keeping.

    only: the organisations to read, and the number that each has in a backup; by default all that may be read, by their own
    """
    holdings = Holdings()
    visible = organisations(client, holdings)
    if 0 not in {organisation for organisation, kind in holdings.closed if kind == kinds.ORGANISATION}:
        _one(client, 0, kinds.USER, people.users, holdings)
    for here, name in visible.items():
        number = here if only is None else only.get(here)
        if number is None:
            continue
        key = Key(number, kinds.ORGANISATION, name)
        holdings.objects[key], holdings.numbers[key] = {"name": name}, here
        inside = client.within(here if len(visible) > 1 or only else None)
        for kind, reader in READERS:
            _one(inside, number, kind, reader, holdings)
        rest.plugins(inside, holdings)
        not_restorable.snapshots(inside, number, holdings)
    if all((number, kinds.BOARD) in holdings.closed for number in holdings.organisations):
        reasons = {reason for (_, kind), reason in holdings.closed.items() if kind == kinds.BOARD}
        raise LifeboatError(
            f"no dashboards may be read, in no organisation: {', '.join(sorted(reasons))}",
            hint="give the service account (or the user) the role Admin in the organisation",
        )
    not_restorable.sum_up(holdings)
    return holdings


def organisations(client: Client, holdings: Holdings | None = None) -> dict[int, str]:
    """Names by number: all of the server for its administrator, the caller's own for everybody else."""
    own = client.within(None)
    try:
        found: list[Mapping[str, Any]] = []
        # Its pages count from 0, and are no longer than a thousand.
        while len(found) % 1000 == 0:
            page = as_list(own.get("api", "orgs", perpage=1000, page=len(found) // 1000))
            found += page
            if not page:
                break
        return {int(one["id"]): str(one["name"]) for one in sorted(found, key=lambda one: int(one["id"]))}
    except Denied as error:
        if holdings is not None:
            holdings.closed[0, kinds.ORGANISATION] = f"only the caller's own is read: {error.message}"
            holdings.closed[0, kinds.USER] = "the server's users are told to its administrator only"
        answer = own.get("api", "org")
        return {int(member(answer, "id")): str(member(answer, "name"))}


def _one(client: Client, organisation: int, kind: str, reader: Reader, holdings: Holdings) -> None:
    try:
        reader(client, organisation, holdings)
    except (Denied, Missing) as error:
        # What was read of it until then would look like all of it.
        for key in [key for key in holdings.objects if (key.organisation, key.kind) == (organisation, kind)]:
            del holdings.objects[key]
        holdings.closed[organisation, kind] = error.message
