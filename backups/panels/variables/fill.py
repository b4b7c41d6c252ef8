"""Fills variables and what a page knows (`$__from`, `$__org`) into text, and refuses text in which something stays unfilled.

What Grafana's server fills in itself is left as it is: `$__interval` of Prometheus, `$__timeFilter(at)` of MySQL.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backups.panels.dashboards import steps
from backups.panels.dashboards.room import Room
from backups.panels.dashboards.shape import Unaskable
from backups.panels.dashboards.times import Window
from backups.panels.variables.value import Value, written

_PLACE = re.compile(
    r"\$(?P<plain>\w+)|\[\[(?P<old>\w+?)(?::(?P<old_form>\w+))?\]\]"
    r"|\$\{(?P<name>\w+)(?:\.(?P<path>[^:^}]+))?(?::(?P<form>[^}]+))?\}",
    re.ASCII,
)
"""As Grafana's page looks for variables."""
_UNFILLED = re.compile(r"\$[A-Za-z_]|\$\{|\[\[\w", re.ASCII)

_SERVER_PROMETHEUS = frozenset(
    f"__{name}{unit}" for name, units in (("interval", ("", "_ms")), ("rate_interval", ("", "_ms")), ("range", ("", "_s", "_ms")))
    for unit in units
)  # fmt: skip
_SERVER_SQL = frozenset({"__interval", "__interval_ms"})
_LONGEST = 100_000
_DEEPEST = 3
"""Texts for All that name variables whose texts for All name others."""


@dataclass(frozen=True)
class Scope:
    """Where text is filled in. value: of a variable, None where there is none of that name; raises Unaskable.

    kind: the data source's type. interval: milliseconds between two points. letters: of queries that an expression may name
    room: for what is filled in
    """

    value: Callable[[str], Value | None]
    kind: str
    window: Window
    interval: int
    organisation: int
    dashboard: str
    title: str
    timezone: str
    letters: Collection[str] = field(default=frozenset())
    room: Room = field(default_factory=Room)


def fill(text: str, scope: Scope, depth: int = 0) -> str:
    """Return text with everything filled in; raises Unaskable, naming what is not."""
    if len(text) > _LONGEST:
        raise Unaskable(f"it has {len(text):,} characters, and at most {_LONGEST:,} are asked")
    scope.room.take(len(text))
    length = len(text)

    def one(found: re.Match[str]) -> str:
        name = found["plain"] or found["old"] or found["name"]
        form, path = found["old_form"] or found["form"] or "", found["path"] or ""
        if found["plain"] and _is_servers(name, found, scope):
            return found[0]
        if found["name"] and not path and not form and scope.kind == "prometheus" and name in _SERVER_PROMETHEUS:
            return found[0]
        if name in scope.letters and not found["old"]:
            return found[0]
        value = None if path else scope.value(name)
        put = _builtin(name, path, form, scope, found[0]) if value is None else _variable(value, form, scope, depth)
        nonlocal length
        length += len(put)
        # Before it is put together: a short text may name a long one ten thousand times.
        if length > _LONGEST + len(text):
            raise Unaskable(f"filled in, it has more than {_LONGEST:,} characters, which are asked at most")
        scope.room.take(len(put))
        return put

    filled = _PLACE.sub(one, text)
    if len(filled) > _LONGEST:
        raise Unaskable(f"filled in, it has {len(filled):,} characters, and at most {_LONGEST:,} are asked")
    return filled


def looks_unfilled(text: str) -> bool:
    """Whether a server, or a person, would take something in a text for a variable that was forgotten."""
    return _UNFILLED.search(text) is not None


def _variable(value: Value, form: str, scope: Scope, depth: int) -> str:
    """A variable's value as text; the text for All may name other variables."""
    scope.room.take(sum(map(len, value.chosen)))
    if value.raw:
        if depth == _DEEPEST:
            raise Unaskable(f"the text for All of the variable {value.name} needs itself")
        return written(replace(value, chosen=(fill("".join(value.chosen), scope, depth + 1),)), form, scope.kind)
    text = written(value, form, scope.kind)
    if looks_unfilled(text):
        raise Unaskable(f"a value of the variable {value.name} looks like a variable itself")
    return text


def _is_servers(name: str, found: re.Match[str], scope: Scope) -> bool:
    """Whether the server, or what it asks, understands this itself: its macros, and `$1` of a replacement."""
    if name.isdigit():
        return len(name) == 1 and name != "0"
    if scope.kind == "prometheus":
        return name in _SERVER_PROMETHEUS
    if scope.kind == "mysql":
        called = found.string[found.end() : found.end() + 1] == "("
        return name in _SERVER_SQL or (name.startswith("__") and called)
    return False


def _builtin(name: str, path: str, form: str, scope: Scope, whole: str) -> str:
    """What a page knows without a variable; raises Unaskable for what needs a person, or is nothing."""
    window, interval = scope.window, scope.interval
    if name in ("__from", "__to") and not path:
        return _moment(window.start if name == "__from" else window.end, form)
    auto = interval if not name.startswith("__auto_interval_") else steps.neat(window.length / 30)
    rate = max(interval + 15_000, 60_000)
    known = {
        ("__interval", ""): steps.written(interval),
        ("__interval_ms", ""): str(interval),
        ("__rate_interval", ""): steps.written(rate),
        ("__rate_interval_ms", ""): str(rate),
        ("__range", ""): f"{window.length // 1000}s",
        ("__range_s", ""): str(window.length // 1000),
        ("__range_ms", ""): str(window.length),
        ("__org", ""): str(scope.organisation),
        ("__org", "id"): str(scope.organisation),
        ("__dashboard", ""): scope.title,
        ("__dashboard", "uid"): scope.dashboard,
        ("__timezone", ""): _zone(scope.timezone),
        ("__searchFilter", ""): "%" if scope.kind == "mysql" else ".*",
    }
    if name.startswith("__auto_interval_") and not path:
        return steps.written(max(auto, 10_000))
    if (name, path) in known:
        found = known[name, path]
        return written(Value(name, (found,)), form, "") if form else found
    if name == "__user":
        raise Unaskable(f"{whole[:80]} needs a person who looks at it")
    raise Unaskable(f"{whole[:80]} is no variable of the dashboard")


def _moment(at: int, form: str) -> str:
    moment = datetime.fromtimestamp(at / 1000, UTC)
    match form:
        case "":
            return str(at)
        case "date" | "date:iso":
            return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03}Z"
        case "date:seconds":
            return str(at // 1000)
        case "date:YYYY-MM-DD":
            return f"{moment:%Y-%m-%d}"
        case "date:YYYY-MM":
            return f"{moment:%Y-%m}"
        case "date:YYYY":
            return f"{moment:%Y}"
    raise Unaskable(f"nobody knows the form {form[:40]} of a time")


def _zone(name: str) -> str:
    """A dashboard's time zone; `browser`, which is each person's own, is UTC here."""
    try:
        return ZoneInfo(name).key if name else "UTC"
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"
