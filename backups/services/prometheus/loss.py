"""What a live Prometheus holds beyond a backup: a restore would lose it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from backups.services.prometheus.api import Api
from backups.services.prometheus.settings import PrometheusSettings
from backups.witness import Fact


def look(settings: PrometheusSettings, witness: Sequence[Fact]) -> Iterator[str]:
    """See `Service.since`. Samples are counted as each scrape told them: what rules have recorded comes on top."""
    ends = [fact.value for fact in witness if fact.metric == "max time" and isinstance(fact.value, int)]
    if not ends:
        return
    api = Api.of(settings)
    begun, now = max(ends) // 1000, api.clock()
    if now <= begun:
        return
    counted = api.query(f"sum(sum_over_time(scrape_samples_scraped[{now - begun}s]))", now)
    samples = int(float(counted[0]["value"][1])) if counted else 0
    yield f"{samples} samples scraped since {datetime.fromtimestamp(begun, UTC):%Y-%m-%d %H:%M:%S} UTC, where the backup's end"
