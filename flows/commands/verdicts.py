"""Colours of the verdicts on a terminal."""

from verification.evidence.evidence import Verdict

STYLES: dict[Verdict, str] = {
    "verified": "bold green",
    "between-witnesses": "bold green",
    "rehearsed": "bold cyan",
    "unproven": "bold yellow",
    "failed": "bold red",
    "could-not-run": "bold yellow",
}
