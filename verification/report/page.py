"""Writes report.html, one self-contained file with the verdict first.

Its layout is in `templates/report.html.jinja`.
"""

from datetime import UTC, datetime, timedelta
from functools import cache

import jinja2

from backups import durations, plural
from backups.machine import disk
from backups.text import shown
from backups.witness import Value
from verification.evidence.evidence import DrillResult, Evidence, overall
from verification.evidence.together import WORDS, WRONG
from verification.report.groups import grouped

_SHOWN = 160
"""Characters of a value that fit into a table; report.json has all of them."""

SYMBOLS = {"verified": "✓", "between-witnesses": "✓", "unproven": "?", "failed": "✗", "could-not-run": "?"}


def render(evidence: Evidence, *, history: bool = False, key: str | None = None) -> str:
    """Write the evidence as a page that needs nothing else: no script, no font, no address.

    history: whether the page of the history is beside it. key: the id of the key that this page is signed with, None: unsigned
    """
    return template("report.html.jinja").render(
        evidence=evidence,
        history=history,
        key=key,
        headline=headline(evidence),
        services=_by_service(evidence),
        symbols=SYMBOLS,
        outcomes=WORDS,
        wrong=WRONG,
        budget=evidence.rto.budget_seconds,
    )


def headline(evidence: Evidence) -> str:
    """Say the whole verification in one sentence."""
    drills = evidence.drills
    if not drills and evidence.together is None:
        return "Nothing was drilled, so nothing is proven."
    said = [_each(evidence)] if drills else []
    if evidence.together:
        said.append(f"Together: {evidence.together.headline}.")
    return " ".join(said)


def _each(evidence: Evidence) -> str:
    """Say what the drills of single services came to."""
    drills = evidence.drills
    count = {verdict: sum(drill.verdict == verdict for drill in drills) for verdict in SYMBOLS}
    drilled = plural.count(len(drills), "drill")
    verdict = overall(drill.verdict for drill in drills)
    if verdict == "verified":
        but = f" Partial: {'; '.join(evidence.partial)}." if evidence.partial else ""
        return f"{drilled}: every restored copy equals what its source held.{but}"
    if verdict == "between-witnesses":
        return f"{drilled}: every moment lies between two backups whose restored copies equal what their source held."
    words = ("failed", "could-not-run", "between-witnesses", "verified")
    parts = [f"{count[word]} {word.replace('-', ' ')}" for word in words if count[word]]
    return f"{drilled}: {', '.join(parts)}."


def difference(value: Value, other: Value) -> str:
    """Write a value as a table shows it: of long text, the stretch where it begins to differ from `other`."""
    text, against = _plain(value), _plain(other)
    if len(text) <= _SHOWN:
        return text
    same = next(
        (at for at, (one, two) in enumerate(zip(text, against, strict=False)) if one != two), min(len(text), len(against))
    )
    begin = max(0, min(same - 40, len(text) - _SHOWN))
    return ("…" if begin else "") + text[begin : begin + _SHOWN] + ("…" if begin + _SHOWN < len(text) else "")


def _plain(value: Value) -> str:
    if value is None:
        return "not there"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _by_service(evidence: Evidence) -> dict[str, list[DrillResult]]:
    """Group the drills by service; those from a further repository by themselves, since they prove nothing of the first."""
    services: dict[str, list[DrillResult]] = {}
    for drill in evidence.drills:
        name = f"{drill.service} from {drill.further}" if drill.further else drill.service
        services.setdefault(name, []).append(drill)
    return services


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _took(seconds: float) -> str:
    return "under 0.1 s" if 0 <= seconds < 0.05 else durations.describe(seconds)


def _span(seconds: float) -> str:
    return durations.describe(timedelta(seconds=seconds))


def _percent(part: float, whole: float) -> str:
    return f"{min(100.0, 100 * part / whole) if whole else 0:.3f}%"


@cache
def template(name: str) -> jinja2.Template:
    """Load a page's template: what is written into it is escaped, and has no control characters."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("verification.report"),
        autoescape=True,
        # Whatever is written into the page; not the page's own parts, which are Markup already.
        finalize=lambda value: shown(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        {
            "stamp": _stamp,
            "took": _took,
            "span": _span,
            "size": disk.size,
            "percent": _percent,
            "difference": difference,
            "grouped": grouped,
            "counted": plural.count,
        }
    )
    return environment.get_template(name)
