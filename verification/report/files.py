"""Writes the files of a verification: the report for programs, for people and for pipelines, its history, and its signature."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from backups.errors import LifeboatError
from backups.text import json_shown
from verification.evidence import signed, store
from verification.evidence.evidence import Evidence
from verification.report import history, junit, page

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


def write(evidence: Evidence, out: Path, *, before: str | None = None, signer: "CryptoSigner | None" = None) -> None:
    """Write the files into `out`, each whole or not at all; raises LifeboatError.

    before: the page of the history, where there is one. signer: who signs them; None: they are unsigned
    """
    contents = {
        store.REPORT: json_shown(evidence.model_dump_json(indent=1)),
        "report.html": page.render(evidence, history=before is not None, key=signer.public_key.keyid if signer else None),
        "junit.xml": junit.render(evidence),
        **({history.NAME: before} if before is not None else {}),
    }
    if signer:
        contents[signed.FILE] = signed.sign(contents, signed.about(evidence), signer)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for stale in {history.NAME, signed.FILE} - contents.keys():
            # Of an earlier verification: it would say that this one is that one.
            (out / stale).unlink(missing_ok=True)
        for name, text in contents.items():
            part = out / f".{name}.{os.getpid()}"
            part.write_text(text, encoding="utf-8")
            part.replace(out / name)
    except OSError as error:
        raise _refused(out, error.strerror or str(error)) from error


def require_writable(out: Path) -> None:
    """Raise LifeboatError for a directory that can take no report, before hours of drills are for nothing. Makes nothing."""
    try:
        there = next(each for each in (out.absolute(), *out.absolute().parents) if each.exists())
        directory = there.is_dir()
    except OSError as error:
        raise _refused(out, error.strerror or str(error)) from error
    if not directory:
        raise _refused(out, f"{there} is no directory")
    if not os.access(there, os.W_OK | os.X_OK):
        raise _refused(out, f"{there} may not be written by this user")


def _refused(out: Path, why: str) -> LifeboatError:
    return LifeboatError(f"the report cannot be written into {out}: {why}", hint="name another directory by --out")
