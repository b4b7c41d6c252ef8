"""Writes the pages of an exported folder: an index of its verifications, and what was kept of the schedule that was promised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backups.config.settings import Objectives
from backups.errors import LifeboatError
from verification.evidence import keys, signed
from verification.evidence.export import Exported
from verification.evidence.history import ServiceHistory
from verification.evidence.signed import Predicate
from verification.report import history, page
from verification.report.page import SYMBOLS, template

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

INDEX, KEY = "index.html", "evidence.pub"


@dataclass(frozen=True)
class Period:
    """What was exported: from `begin` on, before `end`; by which Lifeboat, on which machine, and when."""

    begin: datetime
    end: datetime
    lifeboat: str
    host: str
    at: datetime


def write(
    out: Path,
    period: Period,
    exported: Sequence[Exported],
    histories: Sequence[ServiceHistory],
    objectives: Objectives,
    signer: "CryptoSigner",
) -> None:
    """Write index, history and public key into `out`, and sign them together with every file of the verifications in it."""
    pages = {
        INDEX: template("evidence.html.jinja").render(
            period=period,
            exported=exported,
            histories=histories,
            objectives=objectives,
            key=signer.public_key.keyid,
            symbols=SYMBOLS,
        ),
        history.NAME: history.render(histories, now=min(period.end, period.at)),
        KEY: keys.public(signer),
        # Nobody knows what is in the pages of those, a script perhaps: these are made of what they report.
        **{each.page: page.render(each.evidence) for each in exported if not each.signed},
    }
    about = Predicate(
        lifeboat=period.lifeboat,
        host=period.host,
        verdict=None,
        started_at=period.begin,
        finished_at=min(period.end, period.at),
    )
    try:
        for name, text in pages.items():
            (out / name).write_text(text, encoding="utf-8")
        digests = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
        (out / signed.FILE).write_text(signed.sign(digests, about, signer, of=signed.EXPORT), encoding="utf-8")
    except OSError as error:
        raise LifeboatError(f"{out} cannot be written: {error.strerror}", hint="name another folder by --out") from error
