"""`lifeboat evidence`: the key that evidence is signed with, what a signature is worth, and a folder for an auditor."""

import platform
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from backups import plural
from backups.errors import LifeboatError
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Config, Json
from flows.commands.progress import progress
from verification.restore import arguments

evidence = typer.Typer(
    help="Check signed evidence, print the key that signs it, or take it out of the repository for an auditor.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@evidence.command("key", short_help="Print the public key that evidence is checked with")
def key(
    kept: Annotated[
        bool, typer.Option("--kept", help="Also note that this key is kept somewhere else: lifeboat doctor says no more.")
    ] = False,
    config: Config = None,
) -> None:
    """Print the public key of the key that this machine signs evidence with; the key is made where there is none yet.

    Keep what it prints where whoever changes this machine cannot change it, too: with the auditor.

    Examples: lifeboat evidence key | lifeboat evidence key --kept

    Exit code: 0 printed, 2 there is none, or it cannot be read.
    """
    from verification.evidence import keys

    site = Site.open(config)
    print(keys.public(keys.signer(site)), end="")
    if kept:
        keys.note_kept(site)


@evidence.command("verify", short_help="Check the signature of a report or of an exported folder")
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A report.json, any other file of a report, or a folder.", show_default=False)
    ],
    key: Annotated[Path, typer.Option("--key", help="The public key, as lifeboat evidence key prints it.", show_default=False)],
    as_json: Json = False,
    config: Config = None,  # noqa: ARG001 - every command has it; nothing is read here but the files
) -> None:
    """Check that files were signed with a key, and that no byte of them has changed since. Needs no repository and no network.

    It says who wrote the files; whether the backups came back is what the files say.

    Examples: lifeboat evidence verify report/report.json --key evidence.pub | lifeboat evidence verify export --key evidence.pub

    Exit code: 0 signed and unchanged, 1 unsigned, signed by another key, or changed, 2 it could not look.
    """
    from verification.evidence import keys, signed

    checked = signed.check(file, keys.read_public(key))
    stated = checked.statement.predicate
    if as_json:
        console.print_json(
            {
                "file": str(checked.envelope),
                "key": checked.key,
                "files": [subject.name for subject in checked.statement.subject],
                "host": stated.host,
                "verdict": stated.verdict,
                "started_at": stated.started_at.isoformat(),
                "finished_at": stated.finished_at.isoformat(),
                "others": list(checked.others),
            }
        )
        return
    files = plural.count(len(checked.statement.subject), "file")
    console.out.print(
        Text.assemble(("signed and unchanged", "bold green"), f": {files} in {checked.envelope.parent}, key {checked.key[:16]}"),
        soft_wrap=True,
    )
    about = f"verdict {stated.verdict}" if stated.verdict else "an export"
    period = f"from {stated.started_at:%Y-%m-%d %H:%M:%S} to {stated.finished_at:%Y-%m-%d %H:%M:%S} UTC"
    console.out.print(f"they say: {about}, on {stated.host}, {period}", soft_wrap=True)
    for drill in stated.drills:
        console.out.print(f"  {drill.service}, {drill.selection}: {drill.verdict}, {drill.backup or 'no backup'}", soft_wrap=True)
    for other in checked.others:
        console.out.print(Text(f"not by this key by itself: {other}", style="yellow"), soft_wrap=True)


@evidence.command("export", short_help="Write a folder for an auditor: reports, signatures, index, public key")
def export(
    begin: Annotated[str, typer.Option("--from", help="The first day, or moment: 2026-11-01.", show_default=False)],
    end: Annotated[str, typer.Option("--to", help="The last day, or moment: 2026-11-30.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder: a new one, or an empty one.")] = Path("lifeboat-evidence"),
    config: Config = None,
) -> None:
    """Write all evidence of a period into one folder: an index, each report with its signature, the history, the public key.

    The index also says what was promised (objectives) and what was kept of it. Times are in the time zone of lifeboat.yaml; a day
    alone is all of that day. All of the folder is signed: lifeboat evidence verify FOLDER --key FILE checks it,
    without the repository.

    Examples: lifeboat evidence export --from 2026-11-01 --to 2026-11-30 --out november

    Exit code: 0 written, 1 evidence in the repository is damaged, 2 it could not be written.
    """
    from verification.evidence import export as exporting
    from verification.evidence import history, keys
    from verification.report import export as pages

    site = Site.open(config)
    now = datetime.now(UTC)
    zone = site.settings.timezone
    first = arguments.bound(begin, zone, now, "--from")
    last = arguments.bound(end, zone, now, "--to", before_next=timedelta(0))
    if first >= last:
        raise LifeboatError(f"--from {begin} is not before --to {end}", hint="give the earlier one first")
    exporting.require_empty(out)
    signer = keys.signer(site)
    types = {name: service.type for name, service in site.settings.services.items()}
    with progress([]):
        repository = site.repository
        snapshots = repository.snapshots(*history.TAGS)
        backups = repository.listing(snapshots).backups
        until = [each for each in snapshots if each.time < last]
        whole = history.of(site.settings, types, backups, until, min(last, now), listed_at=now)
        exported = exporting.fetch(repository, exporting.within(snapshots, first, last), out, signer.public_key)
    period = pages.Period(begin=first, end=last, lifeboat=version("lifeboat"), host=platform.node() or "unknown", at=now)
    within = [each.within(first, last, site.settings.objectives) for each in whole]
    pages.write(out, period, exported, within, site.settings.objectives, signer)
    signed = sum(each.signed for each in exported)
    console.result(lambda: _exported(len(exported), signed, out), well=True)


def _exported(found: int, signed: int, out: Path) -> None:
    verifications = plural.count(found, "verification")
    console.out.print(f"{verifications}, {signed} of them signed with this machine's key: {out / 'index.html'}", soft_wrap=True)
    console.out.print(f"to check it anywhere: lifeboat evidence verify {out} --key evidence.pub", soft_wrap=True)
