"""Says how far apart a panel's points are, as Grafana's page computes it before it asks, and writes spans as it does."""

from bisect import bisect_right

from backups.panels.dashboards.times import span

POINTS = 500
"""How many points a panel is asked for that does not say how many: about as many as a page has room for."""
_MOST_POINTS = 11_000
_LEAST = {"prometheus": "15s", "mysql": "1m"}
"""The data sources' own, where they say none."""

_BELOW = (
    10, 15, 35, 75, 150, 350, 750, 1500, 3500, 7500, 12500, 17500, 25000, 45000, 90000, 210_000, 450_000, 750_000, 1_050_000,
    1_500_000, 2_700_000, 5_400_000, 9_000_000, 16_200_000, 32_400_000, 86_400_000, 604_800_000, 1_814_400_000, 3_628_800_000,
)  # fmt: skip
_NEAT = (
    1, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 20000, 30000, 60000, 120_000, 300_000, 600_000, 900_000,
    1_200_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 604_800_000, 2_592_000_000,
    31_536_000_000,
)  # fmt: skip
_UNITS = ((31_536_000_000, "y"), (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


def points(wanted: int) -> int:
    """How many points are asked for."""
    return min(wanted, _MOST_POINTS) or POINTS


def interval(length: int, most_points: int, *, own: str, source: str, kind: str) -> int:
    """Milliseconds between two points of a window of that length (milliseconds), never fewer than panel or data source say.

    own: the panel's least (`1m`, `>10s`), source: the data source's (`timeInterval`), kind: its type
    """
    least = span(own) or span(source) or span(_LEAST.get(kind, "15s")) or 1
    return max(neat(length / most_points), least, 1)


def neat(milliseconds: float) -> int:
    """The neat figure nearby that Grafana takes."""
    return _NEAT[bisect_right(_BELOW, milliseconds)]


def written(milliseconds: int) -> str:
    """A span as Grafana writes it into a query: in the largest unit that it fills, without what is left."""
    for unit, sign in _UNITS:
        if milliseconds >= unit:
            return f"{milliseconds // unit}{sign}"
    return "1ms"
