"""Remembers in the state directory what the last recovery kit held, by keyed digests, and says what has changed since."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from backups.errors import LifeboatError
from backups.machine import private
from backups.repository import identity
from backups.services.base import Finding
from backups.site import Site
from verification.rescue import gather
from verification.rescue.contents import CONFIGURATION, Contents

FILE = "kit.json"
"""Its name in the state directory."""
_SUBJECT = "recovery kit"
_COST = {"n": 1 << 14, "r": 8, "p": 1}
"""Of one guess at the variables' values: 128 * n * r bytes, which is 16 MiB, and some 50 ms."""
_NONE = "none was ever made: where this machine is gone, so are its passwords and keys, and nobody reads the backups"


class Kept(BaseModel):
    """What the last kit held.

    key: of the digests, so that nobody finds a password by trying; files: by path
    values: one digest of the values of `variables`, slow to try; ids: of the repositories, None where none was known
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_at: AwareDatetime
    lifeboat: str
    key: str
    files: dict[str, str]
    variables: tuple[str, ...] = ()
    values: str = ""
    ids: dict[str, str | None]


def note(site: Site, contents: Contents, members: Mapping[str, bytes], *, environment: Mapping[str, str] | None = None) -> None:
    """Remember what a kit of this configuration holds, by its members' names; raises LifeboatError when it cannot be written.

    What it holds is remembered, and not what is here by now.
    """
    key = secrets.token_hex(32)
    around = os.environ if environment is None else environment
    names = tuple(name for name in gather.variables(site.settings, around) if around.get(name))
    kept = Kept(
        made_at=contents.made_at,
        lifeboat=contents.lifeboat,
        key=key,
        files=_digests(members[CONFIGURATION], {each.path: members[each.member] for each in contents.files}, key),
        variables=names,
        values=_slow(names, around, key),
        ids={name: told.id for name, told in contents.repositories.items()},
    )
    try:
        private.write(site.state / FILE, kept.model_dump_json(indent=1))
    except OSError as error:
        raise LifeboatError(
            f"the kit was written, and {site.state / FILE}, which says what it holds, cannot be: {error.strerror}",
            hint="run Lifeboat as the user that owns the state directory",
        ) from error


def read(site: Site) -> Kept | None:
    """Return what the last kit held; None where none was made. Raises LifeboatError when it cannot be read."""
    file = site.state / FILE
    try:
        return Kept.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LifeboatError(
            f"{file}, which says what the last kit holds, cannot be read: {error.strerror}",
            hint="run Lifeboat as the user that owns the state directory",
        ) from error
    except ValidationError as error:
        raise LifeboatError(
            f"{file} says nothing of the last kit that this version can read", hint="make another: lifeboat kit"
        ) from error


def changes(kept: Kept, site: Site, path: Path, *, environment: Mapping[str, str] | None = None) -> list[str]:
    """Say what is otherwise now than in the last kit, in a few words each; nothing where it is as new as the configuration.

    Variables that are not set here are not compared: a timer that looks has no passwords.
    """
    here = gather.found(site, path)
    found = _digests(here.configuration, {str(each): content for each, content in here.files.items()}, kept.key)
    around = os.environ if environment is None else environment
    changed = [f"{name} has changed" for name in kept.files if name in found and found[name] != kept.files[name]]
    changed += [f"{name} is not in it" for name in found if name not in kept.files]
    changed += [f"{name} is in it, and here no more" for name in kept.files if name not in found and gather.gone(Path(name))]
    wanted = gather.variables(site.settings, around)
    changed += [f"the variable {name} is not in it" for name in wanted if name not in kept.variables and around.get(name)]
    all_here = all(around.get(name) for name in kept.variables)
    if set(kept.variables) <= set(wanted) and all_here and _slow(kept.variables, around, kept.key) != kept.values:
        changed.append("a variable of the environment has another value")
    changed += [
        f"the repository {name} has another id" if name in kept.ids else f"the repository {name} is not in it"
        for name, known in _ids(site).items()
        if name not in kept.ids or known not in {None, kept.ids[name]}
    ]
    if kept.lifeboat != version("lifeboat"):
        changed.append(f"it brings Lifeboat {kept.lifeboat}, and this is {version('lifeboat')}")
    return changed


def complaint(site: Site, path: Path) -> str | None:
    """Say in a sentence that the last kit is older than the configuration; None where it is not, or none was made."""
    kept = read(site)
    changed = changes(kept, site, path) if kept else []
    if kept is None or not changed:
        return None
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    return f"the recovery kit of {kept.made_at:%Y-%m-%d} is older than the configuration: {changed[0]}{more}"


def examine(site: Site, path: Path) -> Finding:
    """Say for `doctor` whether there is a recovery kit, and whether it holds what the configuration is now."""
    remedy = "lifeboat kit, and keep what it writes, and its passphrase, away from this machine"
    try:
        kept = read(site)
        said = complaint(site, path)
    except LifeboatError as error:
        return Finding(_SUBJECT, ok=False, message=error.message, remedy=error.hint)
    if kept is None:
        return Finding(_SUBJECT, ok=True, message=_NONE, remedy=remedy, warning=True)
    if said:
        return Finding(_SUBJECT, ok=False, message=said, remedy=remedy)
    return Finding(_SUBJECT, ok=True, message=f"of {kept.made_at:%Y-%m-%d %H:%M} UTC, as new as the configuration")


def _digests(configuration: bytes, files: Mapping[str, bytes], key: str) -> dict[str, str]:
    contents = {CONFIGURATION: configuration, **files}
    return {name: hmac.new(bytes.fromhex(key), content, hashlib.sha256).hexdigest() for name, content in contents.items()}


def _slow(names: tuple[str, ...], environment: Mapping[str, str], key: str) -> str:
    """Return a digest of the variables' values, which are in no file here: each guess takes as long as this."""
    if not names:
        return ""
    text = "\0".join(f"{name}={environment[name]}" for name in names)
    return hashlib.scrypt(text.encode(), salt=bytes.fromhex(key), **_COST, dklen=32).hex()


def _ids(site: Site) -> dict[str, str | None]:
    return {name: identity.known(each.known) if each.known else None for name, each in site.repositories.items()}
