"""Reads restic's output, and writes arguments so that restic takes them as they are."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime


def snapshot_id(output: bytes) -> str:
    """Return the id of the snapshot in the output of `restic backup --json`; empty when there is none."""
    summaries = [json.loads(line) for line in output.splitlines() if b'"message_type":"summary"' in line]
    return str(summaries[-1]["snapshot_id"]) if summaries else ""


def literal(path: str) -> str:
    """Escape what restic's --include would read as a pattern."""
    return re.sub(r"([*?\[\\])", r"\\\1", path)


def field(option: str) -> str:
    """Quote an option: restic reads each -o as a line of CSV."""
    return '"' + option.replace('"', '""') + '"'


def options(named: Mapping[str, str]) -> list[str]:
    """Return the arguments that give restic these options."""
    return [part for name, value in named.items() for part in ("-o", field(f"{name}={value}"))]


def time(stamp: str) -> datetime:
    """Read a time as restic writes it, in nanoseconds; the beginning of 1970 for one that no calendar here has."""
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", stamp)).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime(1970, 1, 1, tzinfo=UTC)
