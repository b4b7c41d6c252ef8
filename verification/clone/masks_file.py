"""Reads masks.yaml, which says what is replaced by what, and the key that replacements are made by; suggests what to add to it.

masks:
  agama.client.email: email
  "*.phone": phone
  agama.client.kind: keep
"""

import hashlib
import json
import re
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from backups.config import file
from backups.errors import ConfigError
from backups.machine import private
from backups.services.masked import Kind, Masks, Unruled

_EXAMPLE = "a rule is written: masks: {database.table.column: KIND}; kinds: name, email, phone, text, null, hash, keep"
_SHORTEST = 32
"""Characters of a key: as many as lifeboat makes have 256 bits, and nobody guesses half of that."""
_PLAIN = re.compile(r"[\w$-]+(\.[\w$-]+)*")


class MasksFile(BaseModel):
    """The content of masks.yaml.

    masks: columns, or patterns of columns, and the kind of each. definitions: tables, views, programs whose SQL a person has read
    key_file: made when it is not there; by default masks.key beside this file. locale: whose names replace names
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    masks: dict[str, Kind] = Field(default={})
    definitions: tuple[str, ...] = ()
    key_file: Path = Path("masks.key")
    locale: str = "en"

    @field_validator("masks", mode="before")
    @classmethod
    def _null_is_a_kind(cls, value: object) -> object:
        """YAML reads the bare word as nothing."""
        return {key: "null" if kind is None else kind for key, kind in value.items()} if isinstance(value, dict) else value


def read(path: Path, *, fresh_key: bool, looking: bool) -> Masks:
    """Read the file and its key. fresh_key: replacements of this time are like those of no other, and no key is kept.

    looking: nothing is masked yet: a file that is not there has no rules, and no key is made
    Raises ConfigError for a file that cannot be used, and for a key that is short or open to others.
    """
    if looking and not path.exists():
        return Masks({}, secrets.token_bytes(32))
    if not path.is_file():
        raise ConfigError(f"there is no file {path}", hint="with --suggest, one is written to begin with")
    content = file.read_model(path, MasksFile, example=_EXAMPLE)
    key = secrets.token_bytes(32) if fresh_key or looking else _key(path.parent / content.key_file.expanduser())
    return Masks(content.masks, key, content.definitions, content.locale)


def _key(path: Path) -> bytes:
    if not path.exists():
        private.write(path, secrets.token_hex(32) + "\n")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"the key of the masks cannot be read: {path}: {reason}", hint="name another file by key_file"
        ) from None
    if mode & private.OTHERS:
        raise ConfigError(
            f"the key of the masks is open to others: {path} has mode {mode:04o}: whoever has it can try out who is who",
            hint=f"chmod 0600 {path}",
        )
    if len(text) < _SHORTEST:
        raise ConfigError(
            f"the key of the masks is too short: {path} has {len(text)} characters, {_SHORTEST} are needed",
            hint=f"remove {path}, and a key is made; what was masked by the old one is masked otherwise then",
        )
    return hashlib.sha256(text.encode()).digest()


def suggestion(unruled: Sequence[Unruled]) -> str:
    """Return what to add to masks.yaml so that everything is in a rule; empty where everything is. Pure."""
    columns = [each for each in unruled if each.suggestion]
    definitions = [each for each in unruled if not each.suggestion]
    lines = ["masks:"] if columns else []
    lines += [f"  {_written(each.subject)}: {each.suggestion}  # {each.why}" for each in columns]
    if definitions:
        lines.append("definitions:  # read each, and name here what may be handed over")
    lines += [f"  - {_written(each.subject)}  # {each.why}" for each in definitions]
    return "\n".join([*lines, ""]) if lines else ""


def _written(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
