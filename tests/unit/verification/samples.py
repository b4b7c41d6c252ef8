"""Evidence as drills would give it, for tests of how it is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from backups.witness import Check
from verification.evidence.evidence import BackupPart, DrillResult, Evidence, Growth, ImagePart, PhasePart, budget, overall

MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def check(subject: str, metric: str, expected: Any, observed: Any) -> Check:
    return Check(subject, metric, expected, observed, passed=expected == observed)


def tables(count: int) -> tuple[Check, ...]:
    return tuple(
        check(f"agama.table_{number:04}", metric, value, value)
        for number in range(count)
        for metric, value in (("rows", number * 17), ("fingerprint", f"{number:016x}" * 4))
    )


def result(service: str = "agama", **changes: Any) -> DrillResult:
    """A verified drill of 41.2 s, with `changes`."""
    values: dict[str, Any] = {
        "service": service,
        "type": "mysql",
        "selection": "latest",
        "verdict": "verified",
        "started_at": MONDAY,
        "backup": BackupPart(
            id=f"{service}-20261123T000000Z",
            kind="incremental",
            chain=(f"{service}-20261116T000000Z", f"{service}-20261123T000000Z"),
            taken_at=MONDAY - timedelta(hours=6),
            bytes=2_684_354_560,
        ),
        "source_version": "9.7.0",
        "image": ImagePart(
            name="lifeboat/mysql:9.7", id="sha256:0123456789abcdef", standin=False, words="ran on lifeboat/mysql:9.7"
        ),
        "phases": tuple(
            PhasePart(name=name, seconds=seconds)
            for name, seconds in (("fetch", 24.1), ("start", 6.2), ("replay", 10.4), ("ready", 0.5), ("check", 12.9))
        ),
        "restore_seconds": 41.2,
        "rto_met": True,
        "margin_seconds": 7158.8,
        "rate_bytes_per_second": 65_154_236.9,
        "growth": Growth(at=None, words="growth is not known yet: 1 full backup, two are needed"),
        "checks": tables(3),
    }
    return DrillResult(**{**values, **changes})


def evidence(*drills: DrillResult, **changes: Any) -> Evidence:
    """A verification of these drills, with `changes`."""
    values: dict[str, Any] = {
        "lifeboat": "0.1.0",
        "host": "lighthouse",
        "verdict": overall(drill.verdict for drill in drills),
        "started_at": MONDAY,
        "finished_at": MONDAY + timedelta(minutes=3),
        "rto": budget(7200.0, [drill.restore_seconds for drill in drills]),
        "rpo": budget(93600.0, [21_600.0] * bool(drills)),
        "drills": drills,
    }
    return Evidence(**{**values, **changes})


def lost_row(**changes: Any) -> DrillResult:
    """A drill that failed: one row is gone."""
    lost = (check("agama.client", "rows", 120, 119), check("agama.client", "fingerprint", "ab" * 32, "cd" * 32))
    return result(
        verdict="failed",
        checks=(*tables(3), *lost),
        reasons=("2 of 8 checks failed, first agama.client rows: expected 120, observed 119",),
        **changes,
    )


def not_run(service: str = "grafana", **changes: Any) -> DrillResult:
    """A drill that could not begin."""
    values: dict[str, Any] = {
        "type": "grafana",
        "verdict": "could-not-run",
        "image": None,
        "source_version": None,
        "phases": (),
        "restore_seconds": None,
        "rto_met": None,
        "margin_seconds": None,
        "rate_bytes_per_second": None,
        "growth": None,
        "checks": (),
        "reasons": ("the image grafana/grafana:12.4.1 is not on this machine and cannot be pulled: no route",),
        "error": "the image grafana/grafana:12.4.1 is not on this machine and cannot be pulled: no route",
        "hint": "docker pull grafana/grafana:12.4.1",
    }
    return result(service, **{**values, **changes})
