"""Knows which Prometheus may be started on the data of which, and what such an upgrade changes by itself.

Pure. The pages are its makers' own; `docs/upgrades.md` shows the table.
"""

from backups.errors import LifeboatError
from backups.services.upgraded import Back, Change, Step, downgrade, numbers, step

MAKER = "Prometheus"
_GUIDE = "https://prometheus.io/docs/prometheus/latest/migration/"
LEFT_OPEN = (3, 0)
"""The release from which on a range does not hold a sample at its beginning any more."""
_FORMAT = (2, 55)
"""The oldest release that reads what version 3 writes."""

CHANGES: tuple[Change, ...] = (
    Change(
        LEFT_OPEN,
        "ranges and the lookback no longer hold a sample at their very beginning: the witness's questions are asked with one "
        "millisecond more, which means the same; dashboards and rules that rely on it are answered otherwise",
        _GUIDE,
    ),
    Change(
        LEFT_OPEN,
        "what version 3 has renamed or removed is refused by its promtool, in the configuration (scrape_classic_histograms, "
        "Alertmanager's v1 API) and in rules (holt_winters)",
        _GUIDE,
    ),
    Change(
        LEFT_OPEN,
        "a target that does not say its format by a Content-Type is not scraped, and le and quantile of what is scraped anew are "
        "written as floats: no copy scrapes anything",
        _GUIDE,
    ),
)


def planned(before: str, after: str, image: str) -> Step | None:
    """Return the upgrade from one version to another; None when both are of one series. image: its name, for messages.

    Raises LifeboatError for an older one, and for text that is no version.
    """
    try:
        old, new = numbers(before), numbers(after)
    except ValueError as error:
        raise LifeboatError(f"no upgrade is planned: {error}", hint="name an image of Prometheus; take a backup anew") from error
    if old[:2] == new[:2]:
        return None
    if new < old:
        raise downgrade(MAKER, before, after, image)
    return step(MAKER, before, after, _back(old, new), CHANGES)


def _back(old: tuple[int, ...], new: tuple[int, ...]) -> Back:
    if old[:2] < _FORMAT <= new[:2]:
        return Back(
            f"not to {'.'.join(map(str, old[:2]))}: what the new version writes is read by 2.55 or newer only",
            _GUIDE,
        )
    return Back(
        "yes: the old version reads what the new one writes, as their pages say nothing else; take a backup before", _GUIDE
    )
