"""Reads restic's output, and writes arguments so that restic takes them as they are."""

import json
import re


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


def microseconds(stamp: str) -> str:
    """Cut nanoseconds, which restic writes, to the six digits that Python reads."""
    return re.sub(r"(\.\d{6})\d+", r"\1", stamp)
