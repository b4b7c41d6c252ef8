"""Has the drills of a verification run on the machines of the site's fleet, where it has one.

Next file: `verification/fleet/share.py`; what the machines run is `flows/drill.py`.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from prefect.runtime import flow_run

from backups.services.base import Point
from backups.site import Site
from tasks import fleet
from verification.drill.plan import Planned
from verification.evidence.evidence import DrillResult
from verification.fleet.share import Fleet

_PAUSE = 1.0
"""Seconds between two looks at what the machines do."""


def of(site: Site) -> Fleet | None:
    """Return the fleet for the flow run that is running; None where the site has none, and all is drilled here.

    A run that is begun again (Retry in the UI) has the same id, and so finds what it had sent.
    """
    return Fleet(site, UUID(str(flow_run.id)).hex) if site.settings.fleet.machines else None


def drill(shared: Fleet, planned: Sequence[Planned], at: datetime | Point | None) -> list[DrillResult]:
    """Have the planned drills run; returns their results in order."""
    with fleet.posted(shared.site, shared.verification) as post:
        return shared.drill(planned, at, post, now=lambda: datetime.now(UTC), pause=lambda: time.sleep(_PAUSE))
