"""Unpacks a recovery kit into a folder of its own, in which its configuration works as it did: never over what is there."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from backups import foreign
from backups.errors import LifeboatError
from backups.machine import private
from backups.repository import identity
from verification.rescue import packed, sealed
from verification.rescue.contents import CONFIGURATION, FILES, KIT, STATE, Contents, Key
from verification.rescue.sealed import Keys

AS_WRITTEN = "as-written.yaml"
"""The configuration as it was on the machine that is gone."""
ENVIRONMENT = "environment"
"""The variables, for a shell: set -a; . ./environment; set +a."""
_MARK = ".kit"
"""Says which kit a folder is of, so that a rescue that is started again goes on there."""


@dataclass(frozen=True)
class Kit:
    """An opened kit: what it holds, its members by their names, and the digest of the file."""

    contents: Contents
    members: dict[str, bytes]
    sha256: str


def opened(file: Path, keys: Keys, content: bytes | None = None) -> Kit:
    """Open a kit; raises LifeboatError, in a sentence, for whatever is wrong with it. Nothing is written.

    content: of the file, where it has been read already
    """
    content = sealed.read(file) if content is None else content
    members = packed.unpack(sealed.unseal(content, keys, file), file)
    hint = "was it made by a newer Lifeboat? then install that: sh program/install.sh"
    try:
        contents = Contents.model_validate_json(foreign.require_bounded(members[KIT], str(file)))
        missing = [each.member for each in contents.files if each.member not in members]
        if missing or CONFIGURATION not in members:
            raise LifeboatError(f"the kit {file} lacks {', '.join(missing) or CONFIGURATION}, which it names", hint=hint)
    except (KeyError, ValidationError) as error:
        raise LifeboatError(f"the kit {file} opens, and says nothing of itself that this version can read", hint=hint) from error
    wrong = [each for each in contents.files if hashlib.sha256(members[each.member]).hexdigest() != each.sha256]
    if wrong:
        raise LifeboatError(f"the kit {file} holds another {wrong[0].member} than it says", hint="use another copy of it")
    return Kit(contents, members, hashlib.sha256(content).hexdigest())


def unpack(kit: Kit, to: Path) -> Path:
    """Write what the kit holds into the folder `to`, for its owner alone; returns the path of its lifeboat.yaml.

    Raises LifeboatError for a folder that holds anything else; one that the same kit was unpacked into is used as it is.
    """
    try:
        if to.is_dir() and any(to.iterdir()):
            if _mark(to) == kit.sha256:
                return to / CONFIGURATION
            raise LifeboatError(
                f"{to} is there already, and is not of this kit; nothing was written", hint="name another folder: --to DIR"
            )
        private.make(to)
        to.chmod(0o700)
        for each in kit.contents.files:
            if each.member.startswith((f"{FILES}/", f"{STATE}/")):
                private.write(to / each.member, kit.members[each.member])
        for name, told in kit.contents.repositories.items():
            if told.id:
                first = name == next(iter(kit.contents.repositories))
                private.write(to / STATE / identity.file(None if first else name), f"{told.id}\n")
        private.write(to / AS_WRITTEN, kit.members[CONFIGURATION])
        private.write(to / ENVIRONMENT, "".join(f"{name}={_quoted(value)}\n" for name, value in kit.contents.environment.items()))
        private.write(to / CONFIGURATION, configuration(kit, to))
        # The last: what is half unpacked is no kit, and is named.
        private.write(to / _MARK, f"{kit.sha256}\n")
    except OSError as error:
        raise LifeboatError(
            f"the kit cannot be unpacked into {to}: {error.strerror}", hint="name another folder: --to DIR"
        ) from error
    return to / CONFIGURATION


def configuration(kit: Kit, to: Path) -> str:
    """Return the kit's lifeboat.yaml with its files in the folder `to`, and its state there; the rest is as it was written."""
    try:
        content = yaml.safe_load(kit.members[CONFIGURATION].decode())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LifeboatError("the kit holds a lifeboat.yaml that is no YAML", hint="use another copy of it") from error
    if not isinstance(content, dict):
        raise LifeboatError("the kit holds a lifeboat.yaml without settings", hint="use another copy of it")
    for key, text in kit.contents.written:
        _put(content, key, text)
    for each in kit.contents.files:
        for key in each.keys:
            _put(content, key, str(to.resolve() / each.member), new=key[:1] == ("hosts",) and key[-1:] == ("known_hosts",))
    content["state"] = str(to.resolve() / STATE)
    head = f"# Of a recovery kit, with its files in this folder; {AS_WRITTEN} is what was written on {kit.contents.host}.\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def set_environment(kit: Kit) -> None:
    """Set the kit's variables, where this process has none of that name: what one exports before counts."""
    for name, value in kit.contents.environment.items():
        if not os.environ.get(name):
            os.environ[name] = value


def _put(content: Any, key: Key, text: str, *, new: bool = False) -> None:
    """Set a key where it is written; `new`: also where only the section is."""
    for part in key[:-1]:
        if isinstance(content, list):
            content = content[int(part)] if part.isdecimal() and int(part) < len(content) else None
        else:
            content = content.get(part) if isinstance(content, dict) else None
    last = key[-1]
    if isinstance(content, list) and last.isdecimal() and int(last) < len(content):
        content[int(last)] = text
    elif isinstance(content, dict) and (new or content.get(last) is not None):
        content[last] = text


def _mark(to: Path) -> str | None:
    try:
        return (to / _MARK).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _quoted(value: str) -> str:
    """Quote a value for a shell: one with a quote in it, too."""
    return "'" + value.replace("'", "'\\''") + "'"
