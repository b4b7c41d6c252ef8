"""`lifeboat show`: shows one backup: its chain, its sizes, its last proof, and what its witness counted."""

import difflib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backups import durations, plural, suspicion
from backups.chains import ahead_words, chains, in_future, require_present
from backups.errors import LifeboatError
from backups.machine import disk
from backups.manifest import BACKUP, BackupRecord, Manifest
from backups.repository import trust as trusting
from backups.repository.listing import Listing
from backups.repository.trust import Trust
from backups.site import Site
from backups.witness import Fact
from flows.commands import console
from flows.commands.console import Text
from flows.commands.listing import proof_as_json, proof_text
from flows.commands.options import Config, From, Json, reading
from flows.commands.progress import progress
from flows.commands.suspicious import past_as_json, past_lines, trust_as_json
from verification.evidence.evidence import DrillResult
from verification.evidence.store import TAG, Proof, newest_drill, proofs_among


def show(
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="A backup's id, or a service's name: its newest backup.")],
    from_: From = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show one backup: its chain, its sizes, how long writers waited, its last proof phase by phase, and what was counted.

    Reads the backup's manifest and the report of its last verification, not its data.

    Examples: lifeboat show agama | lifeboat show agama-20261122T000004Z --json

    Exit code: 0 shown; 1 the backup is damaged or its chain has a hole; 2 there is no such backup, or it cannot be read.
    """
    site = Site.open(config).at(from_)
    now = datetime.now(UTC)
    with progress([]), reading(site, f"show {backup}"):
        repository = site.repository
        snapshots = repository.snapshots(BACKUP, TAG, trusting.TAG)
        chain = _chain(repository.listing(snapshots), backup, list(site.settings.services), now)
        manifest = repository.manifest(chain[-1])
        proof = proofs_among(repository, snapshots, now).get(manifest.id)
        drill = newest_drill(repository, snapshots, manifest.id, now) if proof else None
    trust = trusting.read(snapshots).get(manifest.id)
    found = _as_json(manifest, chain, proof, drill, trust)
    if as_json:
        console.print_json(found)
    else:
        console.print_columns(("", ""), _lines(manifest, found, proof, now, trust))


def _chain(held: Listing, wanted: str, services: Sequence[str], now: datetime) -> tuple[BackupRecord, ...]:
    """The backups that bringing `wanted` back needs, it last; raises LifeboatError when there is no such backup."""
    if wanted not in services:
        held.require_not_odd(wanted)
    every = held.backups
    there = [record for record in every if record.service == wanted and not in_future(record.taken_at, now)]
    newest = max(there, key=lambda record: record.taken_at, default=None)
    record = next((record for record in every if record.id == wanted), newest)
    if record is None:
        require_present(wanted, chains(every).get(wanted, []), now)
    if record is None and wanted in services:
        raise LifeboatError(f"{wanted} has no backup in the repository", hint=f"take one: lifeboat backup {wanted}")
    if record is None:
        near = difflib.get_close_matches(wanted, [*(record.id for record in every), *services], 1)
        raise LifeboatError(
            f"there is no backup {wanted} in the repository",
            hint=f"did you mean {near[0]}?" if near else "see: lifeboat list",
        )
    return next(chain for chain in chains(every)[record.service] if chain.id == record.chain).up_to(record.id)


def _as_json(
    manifest: Manifest, chain: Sequence[BackupRecord], proof: Proof | None, drill: DrillResult | None, trust: Trust | None = None
) -> dict[str, Any]:
    seconds = manifest.details.get("lock_seconds")
    return {
        "id": manifest.id,
        "service": manifest.service,
        "type": manifest.type,
        "kind": manifest.kind,
        "standalone": manifest.standalone,
        "reason": manifest.reason,
        "started_at": manifest.started_at.isoformat(),
        "taken_at": manifest.taken_at.isoformat(),
        "finished_at": manifest.finished_at.isoformat(),
        "source": {"version": manifest.source.version, "image": manifest.source.image},
        "lifeboat": manifest.lifeboat,
        "snapshot": chain[-1].snapshot,
        "bytes": manifest.size,
        "files": len(manifest.files),
        "restore_bytes": sum(record.size for record in chain),
        "chain": [
            {"id": record.id, "kind": record.kind, "taken_at": record.taken_at.isoformat(), "bytes": record.size}
            for record in chain
        ],
        "lock": None if seconds is None else {"seconds": seconds, "attempts": manifest.details.get("lock_attempts")},
        "witness": {
            "facts": len(manifest.witness),
            "subjects": len({fact.subject for fact in manifest.witness}),
            "metrics": _metrics(manifest.witness),
            "measured": manifest.measured.model_dump() if manifest.measured else None,
        },
        "limits": list(manifest.limits),
        "partial": manifest.partial,
        "past": None if manifest.past is None else past_as_json(manifest.past),
        "suspicious": suspicion.words(chain[-1]) or None,
        "trusted": trust_as_json(trust),
        "proof": None if proof is None else _proof(proof, drill),
    }


def _proof(proof: Proof, drill: DrillResult | None) -> dict[str, Any]:
    return {
        **(proof_as_json(proof) or {}),
        "phases": [{"name": phase.name, "seconds": phase.seconds} for phase in drill.phases] if drill else [],
        "checks": len(drill.checks) if drill else None,
        "failed_checks": sum(not check.passed for check in drill.checks) if drill else None,
        "image": drill.image.name if drill and drill.image else None,
    }


def _metrics(witness: Iterable[Fact]) -> dict[str, dict[str, int | None]]:
    """For each metric, of how many subjects it was taken, and its sum where that means anything."""
    found: dict[str, list[Fact]] = {}
    for fact in witness:
        found.setdefault(fact.metric.partition(" at ")[0].partition(" of ")[0], []).append(fact)
    return {
        metric: {
            "subjects": len({fact.subject for fact in facts}),
            "total": sum(int(str(fact.value)) for fact in facts) if _adds_up(metric, facts) else None,
        }
        for metric, facts in sorted(found.items())
    }


def _measured(measured: dict[str, Any] | None) -> list[tuple[str, str | Text]]:
    if measured is None:
        return []
    carried = f"{measured['carried']:,} carried through the log since {measured['since']}" if measured["carried"] else ""
    return [("", f"fingerprints: {measured['scanned']:,} scanned" + (f", {carried}" if carried else ""))]


def _adds_up(metric: str, facts: Sequence[Fact]) -> bool:
    """Whether the numbers may be added: not times, and not the same thing counted at several instants."""
    return "time" not in metric and all(type(fact.value) is int and fact.metric == metric for fact in facts)


def _lines(
    manifest: Manifest, found: dict[str, Any], proof: Proof | None, now: datetime, trust: Trust | None = None
) -> list[tuple[str | Text, str | Text]]:
    lock, witness, chain = found["lock"], found["witness"], found["chain"]
    took = durations.describe(manifest.finished_at - manifest.started_at)
    parts = [
        f"{metric} of {each['subjects']:,}" + (f" ({each['total']:,} in all)" if each["total"] is not None else "")
        for metric, each in witness["metrics"].items()
    ]
    rows: list[tuple[str, str | Text]] = [
        *(("dated", ahead_words(chain[-1], now)) for _ in range(1) if in_future(manifest.taken_at, now)),
        ("backup", manifest.id),
        (
            "service",
            f"{manifest.service} ({manifest.type}), source {manifest.source.version}, image {manifest.source.image}",
        ),
        ("kind", f"{manifest.kind}{', standalone' if manifest.standalone else ''}"),
        *([("because", manifest.reason)] if manifest.reason else []),
        (
            "taken at",
            f"{manifest.taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {durations.describe(now - manifest.taken_at)} ago",
        ),
        ("captured in", took),
        ("size", f"{disk.size(manifest.size)} in {plural.count(len(manifest.files), 'file')}"),
        ("snapshot", found["snapshot"]),
        *(
            [("lock", f"writers waited {lock['seconds']:.3f} s ({plural.count(lock['attempts'] or 1, 'attempt')})")]
            if lock
            else []
        ),
        ("witness", f"{plural.count(witness['facts'], 'fact')} about {plural.count(witness['subjects'], 'subject')}"),
        *(("", part) for part in parts),
        *_measured(witness["measured"]),
        *past_lines(manifest, trust),
        *([("partial", found["partial"])] if found["partial"] else []),
        *(("limits" if number == 0 else "", limit) for number, limit in enumerate(found["limits"])),
        ("proof", proof_text(proof, now)),
    ]
    if proof:
        checked = found["proof"]
        if checked["checks"] is not None:
            equal = checked["checks"] - checked["failed_checks"]
            where = f", on {checked['image']}" if checked["image"] else ""
            rows.append(("", f"{equal:,} of {plural.count(checked['checks'], 'check')} equal{where}"))
        rows += [("", f"{phase['name']} {durations.describe(phase['seconds'])}") for phase in checked["phases"]]
    rows.append(("chain", f"{plural.count(len(chain), 'backup')}, {disk.size(found['restore_bytes'])}: what a restore reads"))
    rows += [("", f"{each['id']} {each['kind']} {disk.size(each['bytes'])}") for each in chain]
    return [(Text(title, style="bold"), line) for title, line in rows]
