"""`lifeboat list`: what is in the repository, and which of it was proven."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from backups import durations
from backups.chains import Chain, chains
from backups.machine import disk
from backups.manifest import BackupRecord
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, Services
from verification.evidence.store import Proof, listed


def list_backups(
    services: Services = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    config: Config = None,
) -> None:
    """List the backups, chain by chain, and when each was last proven and how fast it came back.

    Reads the snapshots' tags alone, never their data. Nothing is proven unless it says so.

    Exit code: 0, or 2 when the repository cannot be read.
    """
    site = Site.open(config)
    names = site.chosen(services or [])
    backups, proven = listed(site.repository)
    found = chains(backups)
    if as_json:
        rows = [
            _row(chain, backup, proven.get(backup.id))
            for name in names
            for chain in found.get(name, [])
            for backup in chain.backups
        ]
        console.out.print_json(json.dumps(rows))
        return
    for name in names:
        _show(name, found.get(name, []), proven, datetime.now(UTC))


def _row(chain: Chain, backup: BackupRecord, proof: Proof | None) -> dict[str, Any]:
    return {
        "service": backup.service,
        "type": backup.type,
        "id": backup.id,
        "kind": backup.kind,
        "chain": chain.id,
        "sequence": backup.sequence,
        "standalone": backup.standalone,
        "taken_at": backup.taken_at.isoformat(),
        "bytes": backup.size,
        "snapshot": backup.snapshot,
        "proof": None
        if proof is None
        else {"verdict": proof.verdict, "at": proof.at.isoformat(), "restore_seconds": proof.restore_seconds},
    }


def _show(service: str, members: list[Chain], proven: dict[str, Proof], now: datetime) -> None:
    console.out.print(Text(service, style="bold"), Text("" if members else "no backup yet", style="yellow"))
    if not members:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("  backup", "taken at (UTC)", "kind", "size", "proof"):
        table.add_column(column, justify="right" if column == "size" else "left", no_wrap=column != "proof")
    for chain in members:
        for backup in chain.backups:
            branch = "  " if backup.sequence == 0 else "  └ "
            kind = f"{backup.kind}{', standalone' if backup.standalone else ''}"
            stamp = f"{backup.taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            table.add_row(branch + backup.id, stamp, kind, disk.size(backup.size), _proof(proven.get(backup.id), now))
    console.out.print(table)


def _proof(proof: Proof | None, now: datetime) -> Text:
    if proof is None:
        return Text("never drilled", style="dim")
    took = f", back in {durations.describe(proof.restore_seconds)}" if proof.restore_seconds is not None else ""
    style = {"verified": "green", "failed": "bold red"}.get(proof.verdict, "yellow")
    return Text(f"{proof.verdict} {durations.describe(now - proof.at)} ago{took}", style=style)
