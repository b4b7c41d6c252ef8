"""Makes SVG of lines over time and of stacked bars, with pygal: no script, no address, and no colour of its own.

The colours, of day, night and paper, are in `templates/history.css`, which knows each line by its name.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

import pygal
from markupsafe import Markup
from pygal.etree import etree
from pygal.style import Style

from backups import durations
from backups.machine import disk

# It puts a finder for its maps, which nobody uses, among those of the whole process, in a form that Python gave up in 3.4 and
# that breaks whoever asks each finder itself, as pytest does.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

_WIDTH, _HEIGHT = 480, 250
_FONT = 12
"""Pixels at that width: still read where a phone shows it at three quarters."""
_DATES = 4
"""Dates below a chart."""
_TICKS = 5
_LEFT_OUT = frozenset({"script", "style", "defs"})
MISSED = "missed"
"""The name of the mark where something is missing: it has no value that could be told."""

Line = Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True)
class Scale:
    """How values are written, and the steps between two that an axis may have, ascending. most: where an axis always ends."""

    words: Callable[[float], str]
    steps: Sequence[float]
    most: float | None = None

    def ticks(self, top: float) -> list[float]:
        """Return what stands at an axis from zero up to at least `top`."""
        top = self.most or top
        step = next((step for step in self.steps if top <= step * _TICKS), top / _TICKS) or 1.0
        return [step * number for number in range(max(1, ceil(top / step)) + 1)]


@dataclass(frozen=True)
class Chart:
    """A drawing with its title; `legend`: the names of its lines or kinds of bars, each a class in the style sheet."""

    title: str
    svg: Markup
    legend: tuple[str, ...]


class _Bars(pygal.StackedBar):  # type: ignore[misc]
    """Bars that are not there where there is no value: by itself pygal takes that for zero."""

    _adapters: tuple[Any, ...] = ()


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if 0 < seconds < 0.9999 else durations.describe(seconds)


def _number(count: float) -> str:
    for unit in ("", " k", " M", " G"):
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g} T"


_DECIMAL = [digit * 10.0**power for power in range(-4, 18) for digit in (1, 2, 5)]
BYTES = Scale(disk.size, [digit * 1024.0**power for power in range(6) for digit in (1, 2, 5, 10, 20, 50, 100, 200, 500)])
SECONDS = Scale(_took, [*(step for step in _DECIMAL if step <= 20), 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 86400])
COUNT = Scale(_number, [step for step in _DECIMAL if step >= 1])
PERCENT = Scale(lambda share: f"{share:.0f} %", [20], most=100)


def lines(title: str, wanted: dict[str, Line], scale: Scale, until: datetime, *, dotted: Sequence[str] = ()) -> Chart | None:
    """Draw lines by their names, from zero on, over time up to `until`; None where there is no value.

    A point without a value breaks its line. dotted: the lines with a dot for each value; all, where none is named
    """
    shown = {name: line for name, line in wanted.items() if any(value is not None for _, value in line)}
    times = [at.timestamp() for line in shown.values() for at, value in line if value is not None]
    if not set(shown) - {MISSED}:
        return None
    chart = _chart(pygal.XY, scale)
    first, last = min(times), max([*times, until.timestamp()])
    spread = (last - first) or 1.0
    chart.xrange = (first - spread / 40, last + spread / 40)
    chart.x_labels = [first + spread * (step + 0.5) / _DATES for step in range(_DATES)]
    # Dates alone would all be the same.
    written = "%Y-%m-%d" if spread > _DATES * 86400 else "%m-%d %H:%M"
    chart.x_value_formatter = lambda at: f"{datetime.fromtimestamp(at, UTC):{written}}"
    _scaled(chart, scale, max(value for line in shown.values() for _, value in line if value is not None))
    for name, line in shown.items():
        dots = name != MISSED and (not dotted or name in dotted)
        chart.add(name, [(at.timestamp(), value) for at, value in line], show_dots=dots)
    return Chart(title, _drawn(chart, title, list(shown)), tuple(shown))


def bars(title: str, wanted: Sequence[tuple[datetime, dict[str, float] | None]], names: Sequence[str], scale: Scale) -> Chart:
    """Draw stacked bars in their order, each of parts by their names; None is a place where a bar is missing."""
    top = max(sum((parts or {}).values()) for _, parts in wanted)
    chart = _chart(_Bars, scale)
    ticks = _scaled(chart, scale, top)
    chart.x_labels = [_date(at) if parts is not None else "" for at, parts in wanted]
    chart.x_labels_major_every = ceil(len(wanted) / _DATES)
    chart.show_minor_x_labels = False
    used = [name for name in names if any(name in (parts or {}) for _, parts in wanted)]
    for name in used:
        chart.add(name, [(parts or {}).get(name) for _, parts in wanted])
    if any(parts is None for _, parts in wanted):
        used.append(MISSED)
        chart.add(MISSED, [ticks[-1] / 50 if parts is None else None for _, parts in wanted])
    return Chart(title, _drawn(chart, title, used), tuple(used))


def sparkline(values: Sequence[float | None]) -> str:
    """Write values as a line of small bars, from zero on, a blank where there is none."""
    there = [value for value in values if value is not None]
    chart = pygal.Line()
    chart.add("", there)
    written = iter(chart.render_sparktext(relative_to=0))
    return "".join(" " if value is None else next(written) for value in values)


def _chart(kind: type[Any], scale: Scale) -> Any:
    return kind(
        width=_WIDTH,
        height=_HEIGHT,
        margin=8,
        style=Style(label_font_size=_FONT, major_label_font_size=_FONT),
        css=[],
        js=[],
        show_legend=False,
        allow_interruptions=True,
        value_formatter=scale.words,
        truncate_label=-1,
        dots_size=2.5,
    )


def _scaled(chart: Any, scale: Scale, top: float) -> list[float]:
    ticks = scale.ticks(top)
    chart.y_labels = ticks
    # What stands at the very edge, pygal leaves out.
    chart.range = (0, ticks[-1] * 1.04)
    return ticks


def _drawn(chart: Any, title: str, names: Sequence[str]) -> Markup:
    """Render a chart as a part of a page. A value is told by its `<title>`, which needs no script."""
    root = chart.render_tree()
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", title)
    root.remove(root.find("title"))
    for parent in list(root.iter()):
        _named(parent, names)
        for child in list(parent):
            classes = child.get("class", "").split()
            # What is no element is a comment, with addresses.
            if not isinstance(child.tag, str) or child.tag in _LEFT_OUT or "tooltip-overlay" in classes:
                parent.remove(child)
            elif child.tag == "desc":
                _told(parent, child, classes)
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704 - made from a tree, which escapes


def _told(parent: Any, told: Any, classes: Sequence[str]) -> None:
    """Keep of what pygal tells its script the value and its date, as a title that browsers show."""
    title = parent.find("title")
    if "x_label" in classes and title is not None:
        title.text = f"{told.text}: {title.text}"
    if "value" in classes:
        told.tag = "title"
        del told.attrib["class"]
    else:
        parent.remove(told)


def _named(element: Any, names: Sequence[str]) -> None:
    """Give a line or bars their name as a class, and take the values from what has none."""
    classes = element.get("class", "").split()
    if "series" in classes:
        name = names[int(next(each for each in classes if each.startswith("serie-"))[6:])]
        element.set("class", f"series {name}")
        if name == MISSED:
            for inner in list(element.iter()):
                for title in inner.findall("title") + inner.findall("desc"):
                    inner.remove(title)


def _date(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
