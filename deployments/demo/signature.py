"""Shows in the demo that a signed report is accepted, and refused by name when one byte of it has changed."""

import shutil
from collections.abc import Callable
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from backups.errors import Damaged
from backups.site import Site
from verification.evidence import keys, signed, store


def judge(site: Site, report: Path, say: Callable[[RenderableType], None]) -> int:
    """Check a report as `lifeboat evidence verify` does, then a copy with one bit changed; returns 0 when both are right."""
    key = keys.signer(site).public_key
    (report.parent / "evidence.pub").write_text(keys.public(keys.signer(site)), encoding="utf-8")
    changed = report.with_name(f"{report.name}-changed")
    shutil.rmtree(changed, ignore_errors=True)
    shutil.copytree(report, changed)
    content = bytearray((changed / store.REPORT).read_bytes())
    content[len(content) // 2] ^= 1
    (changed / store.REPORT).write_bytes(content)
    say("")
    try:
        checked = signed.check(report, key)
    except Damaged as fault:
        say(Text(f"the signed report is refused: {fault.message}", style="bold red"))
        return 1
    say(Text.assemble(("the signed report: ", "bold"), ("accepted", "bold green"), f", key {checked.key[:16]}"))
    try:
        signed.check(changed, key)
    except Damaged as fault:
        say(Text.assemble(("with one bit changed: ", "bold"), ("refused", "bold red"), f": {fault.message}"))
        return 0 if store.REPORT in fault.message else 1
    say(Text("with one bit changed it is accepted all the same", style="bold red"))
    return 1
