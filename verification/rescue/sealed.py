"""Seals a recovery kit and opens it: a file in the format of age, by pyrage, with a passphrase or for age's recipients."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyrage

from backups.errors import LifeboatError

VARIABLE = "LIFEBOAT_KIT_PASSPHRASE"
LEAST = 12
"""Characters of a passphrase: a kit may lie where anybody can try them."""
_MOST_BYTES = 2 << 30
_BEGIN = b"age-encryption.org/v1\n"
_BY_PASSPHRASE = _BEGIN + b"-> scrypt "


@dataclass(frozen=True)
class Keys:
    """What seals or opens a kit: a passphrase, or else recipients (`age1…`, `ssh-ed25519 …`) and files of identities."""

    passphrase: str | None = None
    recipients: Sequence[str] = ()
    identities: Sequence[Path] = ()


def passphrase(file: Path | None) -> str | None:
    """Read the passphrase from a file, else from the environment; None where neither has one. Raises LifeboatError."""
    if file is None:
        return os.environ.get(VARIABLE) or None
    try:
        text = file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise LifeboatError(
            f"the passphrase of the kit cannot be read from {file}: {reason}", hint="write it on the only line of that file"
        ) from None
    if not text:
        raise LifeboatError(f"{file} holds no passphrase", hint="write it on the only line of that file")
    return text


def require_strong(chosen: str) -> str:
    """Return the passphrase of a new kit; raises LifeboatError for one that is short."""
    if len(chosen) < LEAST:
        raise LifeboatError(
            f"the passphrase has {len(chosen)} characters, and a kit holds every password: at least {LEAST} are needed",
            hint="five words that nobody else would put together",
        )
    return chosen


def seal(content: bytes, keys: Keys) -> bytes:
    """Encrypt; raises LifeboatError for a recipient that is none."""
    if keys.passphrase is not None:
        return bytes(pyrage.passphrase.encrypt(content, keys.passphrase))
    return bytes(pyrage.encrypt(content, [_recipient(text) for text in keys.recipients]))


def needs_passphrase(sealed: bytes) -> bool:
    """Return whether a kit was sealed with a passphrase."""
    return sealed.startswith(_BY_PASSPHRASE)


def read(file: Path) -> bytes:
    """Read a file that should be a kit; raises LifeboatError for one that cannot be read, or is something else."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise LifeboatError(f"{file} has more than {_MOST_BYTES:,} bytes: it is no kit", hint="name the file of lifeboat kit")
        content = file.read_bytes()
    except OSError as error:
        raise LifeboatError(f"the kit {file} cannot be read: {error.strerror}", hint="name the file of lifeboat kit") from error
    if not content.startswith(_BEGIN):
        raise LifeboatError(
            f"{file} is no recovery kit: it does not begin as a file of age does", hint="name the file that lifeboat kit wrote"
        )
    return content


def unseal(sealed: bytes, keys: Keys, file: Path) -> bytes:
    """Decrypt a kit that `read` has returned; raises LifeboatError, and never returns a part of it."""
    try:
        if not needs_passphrase(sealed):
            return bytes(pyrage.decrypt(sealed, [_identity(path) for path in keys.identities]))
        return bytes(pyrage.passphrase.decrypt(sealed, keys.passphrase or ""))
    except pyrage.DecryptError as error:
        raise _fault(str(error), file, by_passphrase=needs_passphrase(sealed)) from None


def _fault(said: str, file: Path, *, by_passphrase: bool) -> LifeboatError:
    """Say what is wrong, from the words of the library: its first part tells the key, all that follows is bound to it."""
    if said in {"Decryption failed", "No matching keys found"}:
        wrong = "its passphrase is another one" if by_passphrase else "it was made for other recipients than these identities"
        return LifeboatError(
            f"the kit {file} does not open: {wrong}, or its first lines were changed; nothing was written",
            hint="try again: capitals, spaces and the layout of the keyboard count"
            if by_passphrase
            else "--identity FILE names another",
        )
    return LifeboatError(
        f"the kit {file} was changed or cut off since it was made; nothing was written", hint="use another copy of it"
    )


def _recipient(text: str) -> object:
    try:
        if text.startswith("ssh-"):
            return pyrage.ssh.Recipient.from_str(text)
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise LifeboatError(
            f"{text[:20]}… is no recipient of age", hint="age-keygen prints one, age1…; or a public key of SSH, ssh-ed25519 …"
        ) from None


def _identity(path: Path) -> object:
    hint = "a file of age-keygen, or a private key of SSH without a passphrase"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LifeboatError(f"the identity {path} cannot be read: {error.strerror}", hint=hint) from error
    try:
        if content.startswith(b"-----BEGIN"):
            return pyrage.ssh.Identity.from_buffer(content)
        found = re.search(rb"^AGE-SECRET-KEY-1[0-9A-Z]+\s*$", content, re.MULTILINE)
        if found:
            return pyrage.x25519.Identity.from_str(found[0].decode().strip())
    except pyrage.IdentityError:
        pass
    raise LifeboatError(f"{path} holds no identity of age", hint=hint)
