"""Keeps the key that evidence is signed with: ed25519, made on first use for the owner alone, or configured.

Whoever has it can sign anything; whoever has its public half can check what was signed, without the repository.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from backups.errors import ConfigError, LifeboatError
from backups.machine import locks, private
from backups.services.base import Finding
from backups.site import Site

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

FOLDER = "evidence"
"""Below the state directory."""
_KEY, _LOCK, _ELSEWHERE = "signing.key", "signing.lock", "kept-elsewhere"
_SUBJECT = "evidence key"
MOST_BYTES = 16_384
"""Of a file that holds one key."""


def path(site: Site) -> Path:
    """Return where the private key is, or will be."""
    configured = site.settings.evidence.key_file
    return configured.expanduser() if configured else site.state / FOLDER / _KEY


def signer(site: Site) -> "CryptoSigner":
    """Return what signs; makes the key where none is configured and none is there. Raises LifeboatError."""
    file = path(site)
    if site.settings.evidence.key_file is None and not _is_there(file):
        _make(file)
    return _read(file)


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        # It cannot be looked at: whoever reads or makes it then says why.
        return False


def _make(file: Path) -> None:
    from securesystemslib.signer import CryptoSigner

    try:
        private.make(file.parent)
        # Two that begin at the same time would sign with two keys, of which one would be lost.
        with locks.waited_for(file.with_name(_LOCK)):
            if not file.exists():
                private.write(file, CryptoSigner.generate_ed25519().private_bytes.decode())
    except OSError as error:
        raise LifeboatError(
            f"the key that evidence is signed with cannot be kept in {file}: {error.strerror}",
            hint="set `state:` in lifeboat.yaml to a directory you may write, or name a key by evidence.key_file",
        ) from error


def _read(file: Path) -> "CryptoSigner":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    try:
        content = file.read_bytes()
        if file.stat().st_mode & private.OTHERS:
            raise ConfigError(
                f"the key that evidence is signed with may be read by others: {file} has mode {file.stat().st_mode & 0o777:04o}",
                hint=f"chmod 600 {file}; if somebody else may have read it, put another one in its place",
            )
        key = load_pem_private_key(content[:MOST_BYTES], None)
    except OSError as error:
        raise ConfigError(
            f"the key that evidence is signed with cannot be read: {file}: {error.strerror}",
            hint="openssl genpkey -algorithm ed25519 makes one; without evidence.key_file Lifeboat makes its own",
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"the key that evidence is signed with is no private key in PEM without a password: {file}",
            hint="openssl genpkey -algorithm ed25519 makes one",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(
            f"the key that evidence is signed with is no ed25519 key: {file}", hint="openssl genpkey -algorithm ed25519 makes one"
        )
    return CryptoSigner(key)


def public(own: "CryptoSigner") -> str:
    """Write the public half as PEM, for whoever is to check what was signed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(own.public_key.keyval["public"]))
    return raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public(file: Path) -> "SSlibKey":
    """Read the public half from a file, as `public` wrote it; raises LifeboatError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    hint = "lifeboat evidence key prints it on the machine that verifies"
    try:
        key = load_pem_public_key(file.read_bytes()[:MOST_BYTES])
    except OSError as error:
        raise LifeboatError(f"the public key {file} cannot be read: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise LifeboatError(f"{file} is no public key in PEM", hint=hint) from error
    if not isinstance(key, Ed25519PublicKey):
        raise LifeboatError(f"{file} is no ed25519 key, which all evidence is signed with", hint=hint)
    return SSlibKey.from_crypto(key)


def note_kept(site: Site) -> None:
    """Note that this key's public half is kept somewhere else; raises LifeboatError."""
    file = site.state / FOLDER / _ELSEWHERE
    try:
        private.write(file, f"{signer(site).public_key.keyid}\n")
    except OSError as error:
        raise LifeboatError(
            f"{file} cannot be written: {error.strerror}", hint="run Lifeboat as the user that owns the state directory"
        ) from error


def examine(site: Site) -> Finding:
    """Say for `doctor` whether evidence is signed, and whether its public key is known to be kept somewhere else."""
    if site.settings.evidence.key_file is None and not _is_there(path(site)):
        return Finding(_SUBJECT, ok=True, message="none yet; the first verification makes it")
    try:
        own = _read(path(site)).public_key.keyid
    except LifeboatError as error:
        return Finding(_SUBJECT, ok=False, message=error.message, remedy=error.hint)
    try:
        kept = (site.state / FOLDER / _ELSEWHERE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    if kept == own:
        return Finding(_SUBJECT, ok=True, message=f"{own[:16]}, whose public half is kept somewhere else")
    return Finding(
        _SUBJECT,
        ok=False,
        message=f"{own[:16]} is only here: whoever changes this machine can sign anything, and nobody has a key to tell by",
        remedy="lifeboat evidence key > evidence.pub, and keep that file somewhere else; then: lifeboat evidence key --kept",
    )
