"""`lifeboat clone`: makes a masked copy of a backup for developers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backups import durations, plural
from backups.config.settings import further
from backups.errors import LifeboatError
from backups.machine import disk, private
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Before, Config, From, Json, RunOn
from flows.commands.progress import progress

if TYPE_CHECKING:
    from verification.clone.cloned import Cloned

_SHOWN = 40
"""Columns in no rule that are listed; the suggestion has all."""


def clone(  # noqa: PLR0917 - options of a command line
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The MySQL service, as lifeboat.yaml names it.")],
    to: Annotated[str, typer.Option("--to", help="docker:NAME, a new container, whose data are in the new volume NAME-data.")],
    mask: Annotated[Path, typer.Option("--mask", help="The file of rules: what is replaced by what.")] = Path("masks.yaml"),
    backup: Annotated[str, typer.Option("--backup", "-b", help="A backup's id, or latest.")] = "latest",
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="A time, or a GTID: the copy is of that moment, as with restore, and not of a backup's.",
            show_default=False,
        ),
    ] = None,
    before: Before = None,
    image: RunOn = None,
    repository: From = None,
    fresh_key: Annotated[
        bool,
        typer.Option("--fresh-key", help="Replace by a key of this time alone: no later copy has the same replacements."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Bring it back, say what is in no rule and what to add; deliver nothing.")
    ] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="The same, and write the file of rules, where there is none yet.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Make a copy for developers, in which personal values are replaced by others: in a new container, with one new account.

    The backup is brought back in a sandbox and compared with what the source held. Then its rows, with replacements by the rules
    of masks.yaml, are written into a new, empty server: the original never leaves the sandbox. Equal values get equal
    replacements, so joins and keys hold. What looks personal, by its name or its values, and is in no rule is named, and nothing
    is handed over until it is. Then the files are searched for originals. The copy is masked; it is never called verified.

    Examples: lifeboat clone agama --to docker:agama-dev --suggest |
    lifeboat clone agama --to docker:agama-dev --mask masks.yaml |
    lifeboat clone agama --to docker:agama-dev --at 2026-11-22T14:03:20 --fresh-key

    Exit code: 0 masked, and delivered; 1 something is in no rule, or the backup or the masked files are not as they must be; 2 it
    could not run to its end.
    """
    from verification.clone.clone import clone as make
    from verification.clone.cloned import CloneOrder
    from verification.restore import arguments

    site, now = Site.open(config).at(repository), datetime.now(UTC)
    if suggest and mask.exists():
        raise LifeboatError(f"{mask} is there already, and is not written over", hint="--dry-run prints what to add to it")
    (name,) = site.chosen([service])
    order = CloneOrder(
        name,
        to,
        mask,
        backup,
        arguments.asked(at, before, site.settings.timezone, now),
        image,
        fresh_key=fresh_key,
        looking=dry_run or suggest,
    )
    with progress([name]):
        result = make(site, order)
    if suggest and result.suggestion:
        private.write(mask, result.suggestion)
    if as_json:
        console.print_json(result.model_dump(mode="json"))
    else:
        console.result(lambda: show(result), well=result.exit_code == 0)
        if suggest and result.suggestion:
            console.out.print(f"written: {mask}; look at each line, correct it, and call clone again", soft_wrap=True)
    raise typer.Exit(result.exit_code)


def show(result: "Cloned") -> None:
    """Print the verdict, what is in no rule, what was replaced and searched for, and who may log in where."""
    style = {0: "bold green", 1: "bold red", 2: "bold yellow"}[result.exit_code]
    console.out.print(Text(result.words, style=style), Text(f"of the original: {result.proof}"), soft_wrap=True)
    for line in _lines(result):
        console.out.print(line, soft_wrap=True)
    if result.suggestion:
        console.out.print("add to the file of rules, or correct:")
        for line in result.suggestion.splitlines():
            console.out.print(line, soft_wrap=True)
    if result.error:
        console.print_fault(LifeboatError(result.error, hint=result.hint))


def _lines(result: "Cloned") -> list[str]:
    source = f", out of the repository {result.repository}" if further(result.repository) else ""
    stands = result.stands or f"{result.backup.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"{result.service} as of {stands}, {result.backup.id}{source}"]
    lines += [f"  in no rule: {each.subject}: {each.why}" for each in result.unruled[:_SHOWN]]
    if len(result.unruled) > _SHOWN:
        lines.append(f"  and {len(result.unruled) - _SHOWN} more")
    for each in result.columns:
        done = (
            ""
            if each.replaced is None
            else " kept"
            if each.kind == "keep"
            else f" {plural.count(each.replaced, 'value')} replaced"
        )
        lines.append(f"  {each.column}: {each.kind} ({each.rule}){done}")
    if result.tables:
        rows = sum(table.rows for table in result.tables)
        lines.append(f"{plural.count(len(result.tables), 'table')}, {plural.count(rows, 'row')}, as many as the original has")
    if found := result.searched:
        files, values = plural.count(found.files, "file"), plural.count(found.values, "original value")
        kept = f", but {found.kept} where a rule keeps them" if found.kept else ""
        lines.append(
            f"searched {disk.size(found.bytes)} in {files} for {values} in several encodings: none is there{kept}; "
            f"{plural.count(found.left_out, 'other')} could not be told from ordinary words"
        )
        lines += [f"not searched for: {line}" for line in found.unsearched]
    if result.delivered:
        lines.append(f"is in {result.delivered}; its account is in {result.account_file}: mysql --defaults-file=… --host=…")
    lines += [f"note: {note}" for note in result.notes]
    took = ", ".join(f"{phase.name} {durations.describe(phase.seconds)}" for phase in result.phases)
    return [*lines, f"took {took}"]
