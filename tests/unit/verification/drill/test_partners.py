"""A service whose database another one protects: what its drill says of both is of the copy that ran, not of the settings."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.chains import Chain
from backups.manifest import BackupRecord
from backups.services.joined import Lent
from backups.witness import Fact
from verification.drill import partners, plan
from verification.drill.partners import Partner

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def record(service: str, hours: int) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot="s", id=f"{service}-{hours}", service=service, type="toy", kind="full", chain=f"{service}-{hours}", sequence=0,
        taken_at=NOW + timedelta(hours=hours), size=3, standalone=False,
    )  # fmt: skip


class OnItsOwn:
    """A copy with data of its own."""


class OnAnother:
    """A copy that runs on a database that was lent."""

    def join(self, lent: Lent) -> None:
        """Take it."""

    def stated(self) -> list[Fact]:
        """State nothing."""
        return []


@pytest.mark.parametrize(("copy", "there", "said"), [(OnItsOwn(), True, 0), (OnAnother(), True, 1), (OnAnother(), False, 0)])
def test_what_ran_on_no_partner_is_not_said_to_have(copy: Any, there: bool, said: int) -> None:
    partner = Partner(cast("Any", SimpleNamespace(name="agama")), [record("agama", 0)])
    told = partners.unproven("grafana", copy, partner if there else None)
    assert len(told) == said
    assert all("it ran on agama-0 of agama" in line for line in told)


@pytest.mark.parametrize(("hours", "nearest"), [([], None), ([-9, 3, 7], "agama-3"), ([-2, 3], "agama--2")])
def test_the_backup_of_the_database_is_the_nearest_one(hours: list[int], nearest: str | None) -> None:
    """Where there is none, the copy says so if it needs one: an older backup may have data of its own."""
    chains = [Chain(f"agama-{hour}", (record("agama", hour),)) for hour in hours]
    site = SimpleNamespace(settings=SimpleNamespace(services={"grafana": SimpleNamespace(data_in="agama")}))
    found = plan.partner_of(cast("Any", site), "grafana", record("grafana", 0), {"agama": chains})
    assert [one.id for one in found] == ([nearest] if nearest else [])
