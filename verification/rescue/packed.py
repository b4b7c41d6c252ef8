"""Packs the parts of a recovery kit into one tar file and reads them again: whatever a kit holds, no name leads out of it."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from backups import foreign
from backups.errors import LifeboatError

_MOST_MEMBERS = 10_000


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return a tar file of these members, for the owner alone; the program comes first."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def unpack(content: bytes, file: Path) -> dict[str, bytes]:
    """Return the members of a kit; raises LifeboatError for what is no tar file, and for a member that may lead out of it."""
    hint = "was it made by lifeboat kit? then by a newer one: use that version"
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for member in tar:
                opened = tar.extractfile(member) if member.isreg() else None
                if member.size > len(content):
                    # A sparse one says itself how large it is, and would fill the memory.
                    said = f"{foreign.shown(member.name)} says to have {member.size:,} bytes, all of it has {len(content):,}"
                    raise LifeboatError(f"the kit {file} opens, and holds no kit: {said}", hint=hint)
                if opened is None or len(members) == _MOST_MEMBERS:
                    raise LifeboatError(f"the kit {file} holds what is no file: {foreign.shown(member.name)}", hint=hint)
                name = foreign.relative_path(member.name)
                if name in members:
                    raise LifeboatError(f"the kit {file} holds two files of one name: {foreign.shown(name)}", hint=hint)
                members[name] = opened.read()
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise LifeboatError(f"the kit {file} opens, and holds no kit: {foreign.shown(str(error))}", hint=hint) from error
    return members
