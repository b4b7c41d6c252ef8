"""Writes history.html, one self-contained file: each service over the kept backups and evidence, and what is missing of them.

Its layout is in `templates/history.html.jinja`; it is read in the dark, in print, on a phone and without a network.
"""

from collections.abc import Sequence
from datetime import datetime

from verification.evidence.history import ServiceHistory
from verification.report.charts import charts
from verification.report.page import SYMBOLS, template

NAME = "history.html"
"""Beside report.html."""


def render(histories: Sequence[ServiceHistory], *, now: datetime) -> str:
    """Write the page: no script, no font, no address."""
    drawn = [(history, charts(history)) for history in histories]
    return template("history.html.jinja").render(drawn=drawn, now=now, symbols=SYMBOLS)
