"""Counts the samples of a live Prometheus that are newer than a backup, and that a restore would lose."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from backups.services.http.answer import understood
from backups.services.prometheus.api import Api
from backups.services.prometheus.settings import PrometheusSettings
from backups.witness import Fact


def look(settings: PrometheusSettings, witness: Sequence[Fact]) -> Iterator[str]:
    """See `Service.loss`. Samples are counted as each scrape reported them, without those of recording rules."""
    ends = [fact.value for fact in witness if fact.metric == "max time" and isinstance(fact.value, int)]
    if not ends:
        return
    api = Api.of(settings)
    end, now = max(ends) // 1000, api.clock()
    if now <= end:
        return
    counted = api.query(f"sum(sum_over_time(scrape_samples_scraped[{now - end}s]))", now)
    with understood(f"{api.name}/api/v1/query", "Prometheus"):
        samples = int(float(counted[0]["value"][1])) if counted else 0
    yield f"{samples} samples scraped since {datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M:%S} UTC, where the backup ends"
