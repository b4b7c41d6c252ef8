"""Reads and writes spans of time as Grafana and its language do, in nanoseconds."""

import re

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
DAY, YEAR = 24 * HOUR, 365 * 24 * HOUR

_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_PARTS = {"ns": 1, "us": 1000, "µs": 1000, "ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR}
_LONG = re.compile(r"(\d+)([dwMy])")
_LONGS = {"d": DAY, "w": 7 * DAY, "M": int(365.25 * DAY) // 12, "y": int(365.25 * DAY)}
_UNITS = ((YEAR, "y"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (MILLISECOND, "ms"))
_LONGEST = 1 << 63
_LONGEST_TEXT = 60
_NEAT = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1_500, 1_000), (3_500, 2_000), (7_500, 5_000),
    (12_500, 10_000), (17_500, 15_000), (25_000, 20_000), (45_000, 30_000), (90_000, 60_000), (210_000, 120_000),
    (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000), (2_700_000, 1_800_000),
    (5_400_000, 3_600_000), (9_000_000, 7_200_000), (16_200_000, 10_800_000), (32_400_000, 21_600_000), (86_400_000, 43_200_000),
    (604_800_000, 86_400_000), (1_814_400_000, 604_800_000), (3_628_799_999, 2_592_000_000),
)  # fmt: skip
"""Up to so many milliseconds, so many are taken: a step that a person would choose."""
_A_YEAR = 31_536_000_000


def parsed(text: str) -> int:
    """Read an interval of a query or a data source: `15s`, `1m30s`, `>10s`, `1d`, `30`. Raises ValueError for what is none."""
    plain = text.replace("<", "", 1).replace(">", "", 1)
    if len(plain) > _LONGEST_TEXT:
        raise ValueError("time: invalid duration: too long")
    if plain.isascii() and plain.isdigit():
        plain += "s"
    if found := _LONG.fullmatch(plain):
        length = int(found[1]) * _LONGS[found[2]]
    else:
        parts = _PART.findall(plain)
        if not parts or "".join(number + unit for number, unit in parts) != plain:
            raise ValueError(f'time: invalid duration "{plain}"')
        length = sum(int(float(number) * _PARTS[unit]) for number, unit in parts)
    if length >= _LONGEST:
        raise ValueError(f'time: invalid duration "{plain}"')
    return length


def rounded(length: int) -> int:
    """The neat step nearest to a span."""
    found = next((neat for most, neat in _NEAT if length <= most * MILLISECOND), _A_YEAR)
    return found * MILLISECOND


def short(length: int) -> str:
    """A span in its largest unit, as Grafana writes `$__interval`: `1m`, `90m` as `1h`."""
    return next((f"{length // size}{unit}" for size, unit in _UNITS if length >= size), "1ms")


def exact(length: int) -> str:
    """A span as Go writes it: `1m15s`, `1h0m0s`, `1.5s`, `50ms`."""
    if length < SECOND:
        return next(
            (f"{_decimal(length, size)}{unit}" for size, unit in ((MILLISECOND, "ms"), (1000, "µs")) if length >= size), "0s"
        )
    hours, rest = divmod(length, HOUR)
    minutes, seconds = divmod(rest, MINUTE)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{_decimal(seconds, SECOND)}s"


def _decimal(length: int, size: int) -> str:
    whole, part = divmod(length, size)
    return f"{whole}.{part:0{len(str(size)) - 1}d}".rstrip("0") if part else str(whole)
