"""Knows whether an organisation has alerting yet, and waits for it: a new one gets its configuration at the server's next look.

Until then (60 s, as it is shipped) its contact points, mute timings and templates answer 500, its policies 404. One of
`[unified_alerting] disabled_orgs` that never had a configuration goes on so for ever; with `enabled = false` all are 404.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Final

from backups.services.grafana.api import kinds
from backups.services.grafana.api.resources.base import PROVISIONING
from backups.services.grafana.client import Client

KINDS: Final = (kinds.MUTE_TIMING, kinds.NOTIFICATION_TEMPLATE, kinds.CONTACT_POINT, kinds.NOTIFICATION_POLICIES)
"""What stands in the configuration of an organisation's Alertmanager. Its rules do not."""

WAIT_SECONDS: Final = 150.0
"""The server looks every 60 s unless it is told otherwise; its first look may be a slow one."""

_OFF = "the server has no alerting of its own ([unified_alerting] enabled, or an older version): HTTP 404"
_NOT_YET = (
    "the organisation has no alerting: it is in [unified_alerting] disabled_orgs, or was made within the last minute "
    "(HTTP {policies} to its policies, HTTP {points} to its contact points)"
)
_MISSING = re.compile(r"alert ?manager config|configMissing|configuration present in this organi[sz]ation", re.IGNORECASE)
"""How Grafana says it; with which status differs by version and route."""


def closed(client: Client) -> str | None:
    """Why an organisation has no configuration of alerting; None when it has one, or when each kind says itself why not.

    client: within the organisation
    """
    policies, words = client.status_and_words(*PROVISIONING, "policies")
    if policies < 500 and policies != 404:
        return None
    points, more = client.status_and_words(*PROVISIONING, "contact-points")
    if _MISSING.search(words) or _MISSING.search(more):
        return _NOT_YET.format(policies=policies, points=points)
    if policies == points == 404 and client.status_and_words(*PROVISIONING, "alert-rules")[0] == 404:
        return _OFF
    return None


def wait(
    clients: Mapping[str, Client], say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> dict[str, str]:
    """Wait until every organisation has alerting; returns those that still have none, with the reason.

    clients: within each organisation, by its name
    """
    began = clock()
    left = {name: why for name, client in clients.items() if (why := closed(client))}
    # Where the server itself has none, waiting changes nothing.
    waiting = {name: why for name, why in left.items() if why != _OFF}
    if waiting:
        say(f"waiting for alerting of {', '.join(sorted(waiting))}: a new organisation has none for up to a minute")
    while waiting and clock() - began < WAIT_SECONDS:
        next(iter(clients.values())).pause(1.0)
        for name in list(waiting):
            if not closed(clients[name]):
                del waiting[name], left[name]
    return left
