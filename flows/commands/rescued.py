"""Prints what a rescue can bring back, and what it, or a cold start, has brought back."""

from pathlib import Path

from backups import durations
from backups.errors import LifeboatError
from flows.commands import console
from flows.commands.console import Text
from flows.commands.verdicts import STYLES
from verification.evidence.rescues import Rescue, RescuedPart
from verification.rescue.reach import Reached


def tell(reached: Reached, missing: tuple[str, ...], *, as_json: bool) -> int:
    """Print what can be brought back, and from where; returns the exit code."""
    whole = not reached.lacking and all(each.why is None for each in reached.offers)
    if as_json:
        console.print_json(
            {
                "lacking": [{"message": fault.message, "hint": fault.hint} for fault in reached.lacking],
                "repositories": [each.model_dump(mode="json") for each in reached.repositories],
                "services": [
                    {
                        "service": each.service,
                        "repository": each.repository,
                        "backup": each.backup.id if each.backup else None,
                        "taken_at": each.backup.taken_at.isoformat() if each.backup else None,
                        "to": each.to,
                        "why": each.why,
                        "hint": each.hint,
                        "doubt": each.doubt,
                    }
                    for each in reached.offers
                ],
                "missing": list(missing),
            }
        )
        return 0 if whole else 2
    for fault in reached.lacking:
        console.print_fault(fault)
    for each in reached.repositories:
        console.out.print(Text(f"repository {each.name}: {each.url}: {each.why or 'reached'}"), soft_wrap=True)
    rows = [
        (
            each.service,
            each.backup.id if each.backup else "-",
            each.repository or "-",
            each.to or "-",
            Text(each.why or "can be brought back", style="red" if each.why else "green"),
        )
        for each in reached.offers
    ]
    console.print_columns(("service", "newest backup", "from", "to", ""), rows)
    for doubt in (each.doubt for each in reached.offers if each.doubt):
        console.out.print(Text(doubt, style="bold yellow"), soft_wrap=True)
    for hint in dict.fromkeys(each.hint for each in reached.offers if each.hint):
        console.out.print(Text.assemble(("hint: ", "yellow"), hint), soft_wrap=True)
    for said in missing:
        console.out.print(Text(f"not in the kit: {said}", style="yellow"), soft_wrap=True)
    console.out.print("nothing was changed (--dry-run)")
    return 0 if whole else 2


def show(report: Rescue, folder: Path | None) -> None:
    """Print what became of each service, of the whole, and what was not proven."""
    rows = [
        (
            each.service,
            Text(f"{each.verdict}, partial" if each.partial else each.verdict, style=STYLES[each.verdict]),
            each.backup or "-",
            each.repository or "-",
            each.delivered or each.to or "-",
            durations.describe(each.seconds),
        )
        for each in report.services
    ]
    if rows:
        console.print_columns(("service", "verdict", "backup", "from", "is in", "took"), rows)
    for each in report.services:
        _show_service(each)
    for step in report.steps:
        console.out.print(Text(f"{durations.describe(step.seconds)}: {step.name}", style="dim"), soft_wrap=True)
    for said in report.kit.missing:
        console.out.print(Text(f"not in the kit: {said}", style="yellow"), soft_wrap=True)
    for said in report.shared:
        console.out.print(Text(f"not proven: {said}"), soft_wrap=True)
    if report.error:
        console.print_fault(LifeboatError(report.error, hint=report.hint))
    if report.kept and report.kept.reason:
        console.out.print(Text(f"the report is in no repository: {report.kept.reason}", style="yellow"), soft_wrap=True)
    console.out.print(Text(report.verdict, style=STYLES[report.verdict]), Text(report.words), soft_wrap=True)
    if folder:
        console.out.print(
            f"the kit's configuration is in {folder / 'lifeboat.yaml'}, its variables in {folder / 'environment'}", soft_wrap=True
        )


def _show_service(each: RescuedPart) -> None:
    for said in (each.proof, *([f"partial: {each.partial}"] if each.partial else []), *each.notes):
        if said:
            console.out.print(Text(f"{each.service}: {said}"), soft_wrap=True)
    if each.why:
        console.out.print(Text.assemble((f"{each.service}: ", "bold red"), each.why), soft_wrap=True)
        if each.hint:
            console.out.print(Text.assemble(("  hint: ", "yellow"), each.hint), soft_wrap=True)
