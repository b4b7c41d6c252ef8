"""Writes a recovery kit: one encrypted file, whole or not there, and beside it the page to print."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import private
from backups.site import Site
from verification.rescue import gather, kept, packed, program, sealed
from verification.rescue.contents import Contents
from verification.rescue.page import is_page, page
from verification.rescue.sealed import Keys


@dataclass(frozen=True)
class Made:
    """A kit that was written: where, its page, its size in bytes, and what it holds."""

    file: Path
    page: Path
    size: int
    sha256: str
    contents: Contents


def make(
    site: Site,
    path: Path,
    out: Path,
    keys: Keys,
    *,
    now: datetime,
    pythons: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    remembered: bool = True,
) -> Made:
    """Write a kit of the configuration in `path` to `out`; raises LifeboatError when it cannot be made.

    pythons: see `program.files`. remembered: whether it is the kit that `doctor` and `status` compare the configuration with
    """
    require_own(out)
    contents, members = gather.gather(site, path, now=now, pythons=pythons, environment=environment)
    installed = {f"{program.FOLDER}/{name}": content for name, content in program.files(pythons).items()}
    content = sealed.seal(packed.pack(installed | members), keys)
    sha256 = hashlib.sha256(content).hexdigest()
    beside = page_of(out)
    try:
        private.write(out, content)
        private.write(beside, page(contents, out, sha256, keys.recipients))
    except OSError as error:
        raise LifeboatError(
            f"the kit cannot be written to {out}: {error.strerror}", hint="name another file: lifeboat kit --out FILE"
        ) from error
    if remembered:
        kept.note(site, contents, members, environment=environment)
    return Made(out, beside, len(content), sha256, contents)


def page_of(out: Path) -> Path:
    """Return where the page to print of a kit is."""
    return out.with_name(f"{out.name}.md")


def require_own(out: Path) -> None:
    """Raise LifeboatError when something else than an earlier kit is in the place of `out`, or than its page beside it."""
    try:
        if out.exists() or out.is_symlink():
            sealed.read(out)
    except LifeboatError:
        raise LifeboatError(
            f"{out} is there already, and is no kit; nothing was written", hint="name another file: lifeboat kit --out FILE"
        ) from None
    beside = page_of(out)
    if (beside.exists() or beside.is_symlink()) and not is_page(beside):
        raise LifeboatError(
            f"{beside}, which the page to print would be, is there already, and is none; nothing was written",
            hint="name another file: lifeboat kit --out FILE",
        )
    if not os.access(out.parent, os.W_OK):
        raise LifeboatError(
            f"the kit cannot be written to {out.parent}: is it there, and yours?",
            hint="name another file: lifeboat kit --out FILE",
        )
