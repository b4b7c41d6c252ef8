"""`lifeboat list`: what is in the repository, and which of it was proven."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backups import durations, plural, suspicion
from backups.chains import Chain, ahead, ahead_words, chains, in_future
from backups.machine import disk
from backups.manifest import BackupRecord
from backups.repository.listing import Odd
from backups.repository.trust import Trust
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Config, From, Json, Services, reading
from flows.commands.progress import progress
from flows.commands.suspicious import trust_as_json
from verification.evidence.store import Proof, listed


def list_backups(
    services: Services = None,
    from_: From = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List the backups, chain by chain, each with its size, its last proof, and how long the restore took then.

    `suspicious` says by which figures a backup looks like ransomware, and who trusts it all the same (`lifeboat trust`).

    `3 limits`: so much was not held, compared or restorable when it was taken; `lifeboat show` names each.

    An incremental stands below the full that it builds on. `never drilled` means that nobody has tried to restore it. Reads
    the tags of the repository's snapshots, not their data.

    Examples: lifeboat list | lifeboat list agama --json | lifeboat list --from offsite

    Exit code: 0 listed, 2 the repository cannot be read.
    """
    site = Site.open(config).at(from_)
    names = site.chosen(services or [])
    now = datetime.now(UTC)
    with progress([]), reading(site, "list"):
        held = listed(site.repository, now)
    found, proven = chains(held.backups), held.proofs
    if as_json:
        rows = [
            _row(chain, backup, proven.get(backup.id), held.trusts.get(backup.id), now)
            for name in names
            for chain in found.get(name, [])
            for backup in chain.backups
        ]
        console.print_json([*rows, *map(_odd_row, held.odd)])
        return
    for name in names:
        _show(name, found.get(name, []), proven, held.trusts, now)
    for odd in held.odd:
        console.out.print(Text(str(odd), style="yellow"), soft_wrap=True)


def _row(chain: Chain, backup: BackupRecord, proof: Proof | None, trust: Trust | None, now: datetime) -> dict[str, Any]:
    return {
        "service": backup.service,
        "type": backup.type,
        "id": backup.id,
        "kind": backup.kind,
        "chain": chain.id,
        "sequence": backup.sequence,
        "standalone": backup.standalone,
        "taken_at": backup.taken_at.isoformat(),
        "in_future": in_future(backup.taken_at, now),
        "bytes": backup.size,
        "limits": backup.limits,
        "partial": backup.partial,
        "suspicious": suspicion.words(backup) or None,
        "trusted": trust_as_json(trust),
        "snapshot": backup.snapshot,
        "proof": proof_as_json(proof),
        "odd": None,
    }


def _odd_row(odd: Odd) -> dict[str, Any]:
    """A row for a snapshot that is no backup: it has nothing but its id, and why it is left out."""
    nothing = dict.fromkeys(("service", "type", "id", "kind", "chain", "sequence", "standalone", "taken_at", "in_future"))
    return {**nothing, "bytes": None, "limits": None, "snapshot": odd.snapshot, "proof": None, "odd": odd.why}


def proof_as_json(proof: Proof | None) -> dict[str, Any] | None:
    """What is known of a backup's proof, as every command's JSON has it; None when it was never drilled."""
    if proof is None:
        return None
    return {"verdict": proof.verdict, "at": proof.at.isoformat(), "restore_seconds": proof.restore_seconds}


def _show(service: str, members: list[Chain], proven: dict[str, Proof], trusts: Mapping[str, Trust], now: datetime) -> None:
    console.out.print(Text(service, style="bold"), Text("" if members else "no backup yet", style="yellow"))
    if not members:
        return
    rows = [_cells(backup, proven.get(backup.id), trusts.get(backup.id), now) for chain in members for backup in chain.backups]
    console.print_columns(("  backup", "taken at (UTC)", "kind", "size", "proof"), rows, right=["size"])
    if any(backup.limits for chain in members for backup in chain.backups):
        line = "  limits: what a backup does not hold, compare or bring back; read them: lifeboat show BACKUP"
        console.out.print(Text(line, style="yellow"), soft_wrap=True)
    if doubted := suspicion.doubted((backup for chain in members for backup in chain.backups), trusts):
        line = f"  {suspicion.held(doubted, {})[service]}"
        console.out.print(Text(line, style="bold red"), soft_wrap=True)
    for backup in ahead(members, now):
        line = f"  {ahead_words(backup, now)}; it is never the latest, and counts for nothing until then"
        console.out.print(Text(line, style="yellow"), soft_wrap=True)


def _cells(backup: BackupRecord, proof: Proof | None, trust: Trust | None, now: datetime) -> tuple[str | Text, ...]:
    branch = "  " if backup.sequence == 0 else "  └ "
    kind = f"{backup.kind}{', standalone' if backup.standalone else ''}"
    stamp = f"{backup.taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    proven = proof_text(proof, now)
    if backup.suspicious:
        proven.append(f"; suspicious: {suspicion.words(backup)}", style="yellow" if trust else "bold red")
        proven.append(f", {trust}" if trust else "", style="yellow")
    if backup.partial:
        proven.append(f"; partial: {backup.partial}", style="yellow")
    if backup.limits:
        proven.append(f"; {plural.count(backup.limits, 'limit')}", style="yellow")
    return branch + backup.id, stamp, kind, disk.size(backup.size), proven


def proof_text(proof: Proof | None, now: datetime) -> Text:
    """What is known of a backup's proof, in a few words and their colour."""
    if proof is None:
        return Text("never drilled", style="dim")
    took = f", back in {durations.describe(proof.restore_seconds)}" if proof.restore_seconds is not None else ""
    style = {"verified": "green", "failed": "bold red"}.get(proof.verdict, "yellow")
    return Text(f"{proof.verdict} {durations.describe(now - proof.at)} ago{took}", style=style)
