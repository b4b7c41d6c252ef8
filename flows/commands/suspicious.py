"""Shows how a backup compares with its service's past: the figures by which it looks suspicious, and who trusts it."""

from typing import Any

from backups import plural
from backups.errors import LifeboatError
from backups.manifest import Manifest
from backups.past import Past, said
from backups.repository.trust import Trust
from flows.commands import console
from flows.commands.console import Text


def print_suspicious(manifest: Manifest) -> None:
    """Say on standard error that a backup that was just taken looks suspicious, and what to do."""
    signs = said(manifest.past.signs if manifest.past else ())
    line = f"{manifest.service}: backup {manifest.id} looks suspicious: {signs}"
    hint = (
        f"look at {manifest.service}: was it encrypted or emptied? the backup is kept, nothing of {manifest.service} is pruned; "
        f"if that was meant: lifeboat trust {manifest.id} --reason WHY"
    )
    console.print_fault(LifeboatError(line, hint=hint))


def trust_as_json(trust: Trust | None) -> dict[str, Any] | None:
    """Who trusts a backup that looks suspicious, as every command's JSON has it; None where nobody does."""
    return None if trust is None else {"by": trust.by, "at": trust.at.isoformat(), "reason": trust.reason}


def past_as_json(past: Past) -> dict[str, Any]:
    """Say how a backup compares with its service's past, as `show --json` has it."""
    return {
        "judged": past.judged,
        "earlier": past.earlier,
        "needed": past.needed,
        "compared": past.compared,
        "signs": [sign.model_dump() for sign in past.signs],
    }


def past_lines(manifest: Manifest, trust: Trust | None) -> list[tuple[str, str | Text]]:
    """Say the same as the lines of a table. trust: who trusts the backup, None where nobody does."""
    past = manifest.past
    if past is None:
        return []
    kind = plural.count(past.earlier, f"earlier {manifest.kind}")
    known = f"compared with {kind}" if past.judged else f"{kind}, too few to say what is usual ({past.needed} are needed)"
    counts = f"; its counts with those of {past.compared}" if past.compared else "; its counts with no other's"
    signs: list[tuple[str, str | Text]] = [("its past", known + counts)]
    if past.signs:
        style = "yellow" if trust else "bold red"
        signs.append(("suspicious", Text(said(past.signs), style=style)))
        signs.append(
            ("", Text(str(trust) if trust else f"if that was meant: lifeboat trust {manifest.id} --reason WHY", style=style))
        )
    return signs
