"""Shows an upgrade that was tried on a terminal."""

from collections import Counter

from backups import durations, plural
from backups.foreign import shown
from flows.commands import console
from flows.commands.console import Text
from flows.commands.verdicts import STYLES
from verification.evidence.evidence import DrillResult

_SHOWN = 12
"""Facts to look at that are named; the report has all of them."""
_ANSWER = 200
"""Characters of a value."""


def show(result: DrillResult) -> None:
    """Print what the upgrade that was tried has changed, how long it took, and whether there is a way back, where one was."""
    tried = result.rehearsal
    if tried is None:
        return
    title = f"{result.service}, {result.chosen}, upgrade: "
    console.out.print(Text.assemble((title, "bold"), (tried.words, STYLES[tried.verdict])), soft_wrap=True)
    if result.backup_verdict == "verified":
        console.out.print(f"  the backup itself is proven, on {tried.maker} {tried.before}", soft_wrap=True)
    for change in tried.look[:_SHOWN]:
        console.out.print(
            f"  look at this: {change.subject} {change.metric}: before {shown(str(change.before), _ANSWER)}, "
            f"after {shown(str(change.after), _ANSWER)}",
            soft_wrap=True,
        )
    if len(tried.look) > _SHOWN:
        console.out.print(f"  and {len(tried.look) - _SHOWN} more: report.html lists them", soft_wrap=True)
    for (why, source), count in Counter((change.why, change.source) for change in tried.expected).items():
        console.out.print(f"  expected of it, {plural.count(count, 'fact')}: {why} ({source})", soft_wrap=True)
    for told in tried.told:
        console.out.print(f"  not seen here: {told.words} ({told.source})", soft_wrap=True)
    back = f"; {tried.back_tried}" if tried.back_tried else ""
    console.out.print(f"  way back: {tried.back} ({tried.back_source}){back}", soft_wrap=True)
    phases = ", ".join(f"{phase.name} {durations.describe(phase.seconds)}" for phase in tried.phases)
    console.out.print(f"  took {durations.describe(tried.seconds)}, none of it a restore's: {phases}", soft_wrap=True)
